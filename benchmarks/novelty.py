"""What finds messages that are unlike those that a model knows, where words are all there is.

So many messages of KNOWN are learnt; others of it are a file, into which messages of FOREIGN are
mixed. Each way ranks the file; the table says which share of its first 50 are foreign, the mean of
some draws.

    python -m benchmarks.novelty airline.csv spotify.csv
    python -m benchmarks.novelty airline.csv spotify.csv --shares 0.03 --draws 2
"""

from __future__ import annotations

import argparse
import math
import random
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from tabulate import tabulate

from benchmarks.variety import read
from common.labelling.novelty import NovelWords
from common.models import text

LEARNT, OTHERS, LOOKED_AT = 4000, 2000, 50
# As models do, which know what stands in two messages or more.
LEAST = 2


class Known:
    """Knows the words of some messages."""

    def __init__(self, texts: Sequence[str]) -> None:
        counts = Counter(word for each in texts for word in set(text.tokens(each)))
        self._words = {word for word, n in counts.items() if n >= LEAST}

    def unknown_words(self, texts: Sequence[str], /) -> list[tuple[list[str], int]]:
        return text.unknown_words(texts, self._words)


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("known", type=Path, metavar="KNOWN", help="CSV file of messages")
    add("foreign", type=Path, metavar="FOREIGN", help="CSV file of other messages")
    add("--text-column", default="text", help="[%(default)s]")
    shares = "foreign messages for each other one"
    add("--shares", type=float, nargs="+", default=(0.01, 0.03, 0.1), metavar="SHARE", help=shares)
    add("--draws", type=int, default=5, metavar="N", help="[%(default)s]")
    return parser


def main() -> int:
    args = build_parser().parse_args()
    known, foreign = (
        sorted(set(read(path, args.text_column))) for path in (args.known, args.foreign)
    )
    rows = []
    for share in args.shares:
        drawn = [measure(known, foreign, share, seed) for seed in range(args.draws)]
        means = {way: np.mean([found[way] for found in drawn]) for way in drawn[0]}
        rows.append([f"{share:.0%}", *(f"{mean:.2f}" for mean in means.values())])
    table = tabulate(rows, ["foreign", *drawn[0]], tablefmt="github", disable_numparse=True)
    sys.stdout.write(f"{table}\n")
    return 0


def measure(
    known: Sequence[str], foreign: Sequence[str], share: float, seed: int
) -> dict[str, float]:
    """By way of ranking, the share of foreign messages among the first ones."""
    drawing = random.Random(seed)
    shuffled = drawing.sample(known, len(known))
    others = shuffled[LEARNT : LEARNT + OTHERS]
    mixed = [(each, 0) for each in others]
    mixed += [(each, 1) for each in drawing.sample(foreign, round(share * len(others)))]
    drawing.shuffle(mixed)
    texts, is_foreign = [each for each, _ in mixed], np.array([odd for _, odd in mixed])
    model = Known(shuffled[:LEARNT])
    order = np.argsort([drawing.random() for _ in texts], kind="stable")
    shares = {}
    for way, rank in WAYS.items():
        best = np.argsort(-rank(texts, model)[order], kind="stable")[:LOOKED_AT]
        shares[way] = float(is_foreign[order][best].mean())
    return shares


def novel_words(texts: Sequence[str], model: Known) -> np.ndarray:
    words = NovelWords(model)
    words.learn(texts)
    return words.scores(texts)


def unknown_share(texts: Sequence[str], model: Known) -> np.ndarray:
    return np.array([len(words) / max(n, 1) for words, n in model.unknown_words(texts)])


def rare_in_file(texts: Sequence[str], model: Known) -> np.ndarray:
    """Mean inverse document frequency within the file, which asks no model."""
    found = [set(text.tokens(each)) for each in texts]
    counts = Counter(word for words in found for word in words)
    rarity = [[math.log(len(texts) / counts[word]) for word in words] for words in found]
    return np.array([np.mean(each) if each else 0 for each in rarity])


def at_random(texts: Sequence[str], model: Known) -> np.ndarray:
    return np.zeros(len(texts))


WAYS: dict[str, Callable[[Sequence[str], Known], np.ndarray]] = {
    "unknown words that others use": novel_words,
    "share of unknown words": unknown_share,
    "words rare in the file": rare_in_file,
    "at random": at_random,
}

if __name__ == "__main__":
    sys.exit(main())
