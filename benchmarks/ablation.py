"""What each part of the model is worth: accuracy and macro-F1 without it, mean of several splits.

python -m benchmarks.ablation --data airline.csv --target-column airline_sentiment
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from hashlib import blake2b
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
from tabulate import tabulate

from common.data.columns import MessageColumns
from common.data.labelled import batches
from common.models import features, linear_scores, ngrams, text
from common.models.boosted import TextClassifier
from common.models.features import MessageFeatures
from common.models.piece_statistics import STATISTICS

Answer = tuple[Any, float]


def whole(train: list[str], labels: Any, test: list[str]) -> Any:
    return TextClassifier().fit(train, labels).predict(test)


def linear_alone(train: list[str], labels: Any, test: list[str]) -> Any:
    classes, numbers = np.unique(labels, return_inverse=True)
    fitted = MessageFeatures().fit(train, numbers)
    scores = fitted.transform(test)[:, : len(fitted.linear_.intercept)]
    best = (scores[:, 0] > 0).astype(int) if scores.shape[1] == 1 else scores.argmax(axis=1)
    return classes[best]


def without(module: Any, name: str, instead: Callable[..., Any]) -> Callable[..., Any]:
    def run(train: list[str], labels: Any, test: list[str]) -> Any:
        with mock.patch.object(module, name, instead):
            return whole(train, labels, test)

    return run


def no_weights(counts: text.FactoredCounts, one_hot: Any) -> Any:
    return np.ones(counts.terms.shape[1] + counts.pairs.shape[1])


VARIANTS: dict[str, Callable[..., Any]] = {
    "whole model": whole,
    "linear scores alone, no CatBoost": linear_alone,
    "without statistics": without(
        features, "piece_statistics", lambda pieces: np.zeros((len(pieces), len(STATISTICS)))
    ),
    "without naive-Bayes weights": without(linear_scores, "_naive_bayes_weights", no_weights),
    "without pairs of words": without(
        text, "neighbours", lambda offsets, lefts, rights: np.full(len(lefts), -1, np.int64)
    ),
    "without parts of words": without(ngrams, "frequent_grams", lambda words, frequency, least: []),
}


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--text-column", default="text")
    parser.add_argument("--target-column", default="inbound")
    parser.add_argument("--splits", type=int, default=5)
    args = parser.parse_args()
    from sklearn.metrics import accuracy_score, f1_score

    parts = list(batches(args.data, MessageColumns(args.text_column, args.target_column)))
    texts = np.array([message for part in parts for message in part.texts], object)
    labels = np.array([label for part in parts for label in part.labels], object)
    rows = []
    for name, run in VARIANTS.items():
        found, start = [], time.perf_counter()
        for seed in range(args.splits):
            keys = [blake2b(f"{seed} {message}".encode()).digest()[0] for message in texts]
            held = np.array(keys) < 77  # 30 % of 256
            predicted = run(texts[~held].tolist(), labels[~held], texts[held].tolist())
            true = labels[held]
            f1 = f1_score(true, predicted, average="macro")
            found.append((accuracy_score(true, predicted), f1))
        accuracy, macro_f1 = np.mean(found, axis=0)
        seconds = (time.perf_counter() - start) / args.splits
        rows.append((name, f"{accuracy:.4f}", f"{macro_f1:.4f}", f"{seconds:.1f}"))
    headers = ("", "accuracy", "macro-F1", "s")
    sys.stdout.write(tabulate(rows, headers, tablefmt="github", disable_numparse=True) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
