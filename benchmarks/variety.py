"""How varied the messages of files are: what their speed and memory depend on.

Distinct pieces (split at white space) and tokens by the number of messages, taken in random order.

    python -m benchmarks.variety synthetic_messages.csv airline.csv
    python -m benchmarks.variety airline.csv --text-column text --sizes 1000 10000
"""

from __future__ import annotations

import argparse
import random
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from tabulate import tabulate

from common.models.text import tokens

SIZES = (1_000, 2_000, 10_000, 100_000)
SEED = 1


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("files", type=Path, nargs="+", metavar="FILE", help="CSV files of messages")
    add("--text-column", default="text", help="[%(default)s]")
    add("--sizes", type=int, nargs="+", default=SIZES, metavar="N", help="numbers of messages")
    return parser


def main() -> int:
    args = build_parser().parse_args()
    rows = []
    for path in args.files:
        texts = read(path, args.text_column)
        random.Random(SEED).shuffle(texts)
        rows += [
            [path.stem, f"{size:,}", *described(texts[:size])]
            for size in args.sizes
            if size <= len(texts)
        ]
    columns = [
        "",
        "messages",
        "distinct pieces",
        "once",
        "distinct tokens",
        "pieces each",
        "characters each",
    ]
    table = tabulate(rows, columns, tablefmt="github", disable_numparse=True)
    sys.stdout.write(f"{table}\n")
    return 0


def read(path: Path, text_column: str) -> list[str]:
    import pandas as pd

    columns = pd.read_csv(path, dtype=str, keep_default_na=False, encoding_errors="replace")
    found: list[str] = columns[text_column].tolist()
    return found


def described(texts: Sequence[str]) -> list[str]:
    """Cells: distinct pieces, share of them seen once, distinct tokens, means a message."""
    pieces = piece_counts(texts)
    once = sum(count == 1 for count in pieces.values()) / max(1, len(pieces))
    distinct_tokens = {token for piece in pieces for token in tokens(piece)}
    length = sum(map(len, texts)) / len(texts)
    return [
        f"{len(pieces):,}",
        f"{once:.0%}",
        f"{len(distinct_tokens):,}",
        f"{pieces.total() / len(texts):.1f}",
        f"{length:.0f}",
    ]


def piece_counts(texts: Iterable[str]) -> Counter[str]:
    found: Counter[str] = Counter()
    for text in texts:
        found.update(text.split())
    return found


if __name__ == "__main__":
    sys.exit(main())
