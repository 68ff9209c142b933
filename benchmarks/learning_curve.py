"""How many rows a model needs: how good it is when it is fitted on more and more of a file.

python -m benchmarks.learning_curve --data airline.csv --target-column airline_sentiment
"""

from __future__ import annotations

import argparse
import sys
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
from tabulate import tabulate

from benchmarks.peers import WordsAndCharactersSvc
from common.data.columns import MessageColumns
from common.data.labelled import batches
from common.data.lexicon import VADER, read_lexicon
from common.models.boosted import TextClassifier
from common.models.embeddings import Encoder, WordTable
from common.models.extras import Extras
from common.models.lexicon import Lexicon
from common.training.embeddings import source_of

HELD_OUT = 77  # of 256: 30 %
SURE = (0.9, 0.8)
HEADERS = (
    "rows fitted on",
    "classes",
    "accuracy",
    "surest 90 %",
    "surest 80 %",
    "macro-F1",
    "log loss",
    "LinearSVC: accuracy",
)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--text-column", default="text")
    parser.add_argument("--target-column", default="inbound")
    parser.add_argument("--rows", type=int, nargs="+", default=[100, 200, 500, 1000, 2000, 5000])
    parser.add_argument("--splits", type=int, default=5)
    parser.add_argument("--lexicon", choices=("auto", "vader", "none"), default="auto")
    parser.add_argument("--embeddings", default="none", help="a file, or module:function")
    args = parser.parse_args()

    parts = list(batches(args.data, MessageColumns(args.text_column, args.target_column)))
    texts = np.array([message for part in parts for message in part.texts], object)
    labels = np.array([label for part in parts for label in part.labels], object)
    vectors = source_of(args.embeddings)
    found: dict[int, list[tuple[float, ...]]] = {}
    for seed in range(args.splits):
        keys = np.array(
            [blake2b(f"{seed} {message}".encode(), digest_size=8).digest() for message in texts]
        )
        held = np.array([key[0] < HELD_OUT for key in keys])
        order = np.flatnonzero(~held)[np.argsort(keys[~held], kind="stable")]
        sizes = [rows for rows in args.rows if rows < len(order)]
        for rows in [*sizes, len(order)]:
            chosen = order[:rows]
            measured = _measured(
                texts[chosen].tolist(),
                labels[chosen],
                texts[held].tolist(),
                labels[held],
                args.lexicon,
                vectors,
            )
            found.setdefault(rows if rows in sizes else 0, []).append((float(rows), *measured))
    rows_of = sorted(found, key=lambda rows: rows or len(texts))
    table = []
    for rows in rows_of:
        used, classes, *shares = np.mean(found[rows], axis=0)
        table.append((f"{used:,.0f}", f"{classes:.0f}", *(f"{share:.3f}" for share in shares)))
    sys.stdout.write(tabulate(table, HEADERS, tablefmt="github", disable_numparse=True) + "\n")
    return 0


def _measured(
    train: list[str],
    labels: Any,
    test: list[str],
    true: Any,
    lexicon: str,
    vectors: WordTable | Encoder | None,
) -> tuple[float, ...]:
    """All of HEADERS but the rows, on the test messages."""
    from sklearn.metrics import f1_score, log_loss

    words = None if lexicon == "none" else Lexicon.of("vader", read_lexicon(VADER))
    model = TextClassifier(extras=Extras(words, lexicon == "auto", embeddings=vectors)).fit(
        train, labels
    )
    proba = model.predict_proba(test)
    predicted = model.classes_[proba.argmax(axis=1)]
    right = predicted == true
    surest = np.argsort(-proba.max(axis=1), kind="stable")
    known = np.isin(true, model.classes_)
    peer = WordsAndCharactersSvc()
    peer.fit(train, list(labels))
    return (
        len(model.classes_),
        right.mean(),
        *(right[surest[: round(share * len(surest))]].mean() for share in SURE),
        f1_score(true, predicted, average="macro"),
        log_loss(true[known], proba[known], labels=model.classes_),
        (peer.predict(test)[0] == true).mean(),
    )


if __name__ == "__main__":
    sys.exit(main())
