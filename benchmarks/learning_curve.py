"""How many rows a model needs: accuracy and macro-F1 when it is fitted on more and more of a file.

python -m benchmarks.learning_curve --data airline.csv --target-column airline_sentiment
"""

from __future__ import annotations

import argparse
import sys
from hashlib import blake2b
from pathlib import Path

import numpy as np
from tabulate import tabulate

from common.data.columns import MessageColumns
from common.data.labelled import batches
from common.evaluation.metrics import confusion_counts, confusion_metrics
from common.models.boosted import TextClassifier

HELD_OUT = 77  # of 256: 30 %


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--text-column", default="text")
    parser.add_argument("--target-column", default="inbound")
    parser.add_argument("--rows", type=int, nargs="+", default=[100, 300, 1000, 3000, 10_000])
    parser.add_argument("--splits", type=int, default=5)
    args = parser.parse_args()

    parts = list(batches(args.data, MessageColumns(args.text_column, args.target_column)))
    texts = np.array([message for part in parts for message in part.texts], object)
    labels = np.array([label for part in parts for label in part.labels], object)
    found: dict[int, list[tuple[float, float, float]]] = {}
    for seed in range(args.splits):
        keys = np.array(
            [blake2b(f"{seed} {message}".encode(), digest_size=8).digest() for message in texts]
        )
        held = np.array([key[0] < HELD_OUT for key in keys])
        order = np.flatnonzero(~held)[np.argsort(keys[~held], kind="stable")]
        sizes = [rows for rows in args.rows if rows < len(order)]
        for rows in [*sizes, len(order)]:
            chosen = order[:rows]
            model = TextClassifier().fit(texts[chosen].tolist(), labels[chosen])
            predicted = model.predict(texts[held].tolist())
            classes = sorted({*labels[held], *predicted})
            confusion = confusion_counts(labels[held], predicted, classes)
            measured = confusion_metrics(confusion, classes)
            row = (measured["accuracy"], measured["f1_macro"], float(rows))
            found.setdefault(rows if rows in sizes else 0, []).append(row)
    rows_of = sorted(found, key=lambda rows: rows or len(texts))
    table = []
    for rows in rows_of:
        accuracy, macro_f1, used = np.mean(found[rows], axis=0)
        table.append((f"{used:,.0f}", f"{accuracy:.3f}", f"{macro_f1:.3f}"))
    headers = ("rows fitted on", "accuracy", "macro-F1")
    sys.stdout.write(tabulate(table, headers, tablefmt="github", disable_numparse=True) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
