"""Many classes: whose brand is it? Of messages in the form of twcs.csv, without any handle.

Three tasks: the brand that wrote an answer, the brand that a customer names, and either of them.
Ours, the largest of its own linear scores, and LinearSVC over TF-IDF of words and characters, on
the same rows.

python -m benchmarks.many_classes --data twcs.csv
"""

from __future__ import annotations

import argparse
import csv
import re
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from tabulate import tabulate

from benchmarks.peers import WordsAndCharactersSvc
from common.models.boosted import TextClassifier

HANDLE = re.compile(r"@\w+")
TEST_SHARE = 0.3
HEADERS = ("task", "rows", "classes", "ours", "own linear scores", "LinearSVC")


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--class-rows", type=int, default=10, help="rows of the rarest class")
    parser.add_argument("--splits", type=int, default=5)
    parser.add_argument("--class-weight", choices=("none", "balanced"), default="none")
    args = parser.parse_args()
    with args.data.open(encoding="utf-8", errors="replace", newline="") as file:
        rows = list(csv.DictReader(file))
    weight = None if args.class_weight == "none" else args.class_weight
    table = []
    for name, pairs in tasks(rows).items():
        frequency = Counter(brand for _, brand in pairs)
        kept = [pair for pair in pairs if frequency[pair[1]] >= args.class_rows]
        if len({brand for _, brand in kept}) < 2:
            continue
        texts = np.array([text for text, _ in kept], object)
        labels = np.array([brand for _, brand in kept], object)
        found = np.array([_accuracies(texts, labels, weight, s) for s in range(args.splits)])
        gains = found[:, :1] - found[:, 1:]
        errors = 1.96 * gains.std(axis=0, ddof=1) / np.sqrt(args.splits)
        ours, *others = found.mean(axis=0)
        compared = [
            f"{other:.3f} (ours {100 * gain:+.1f} +/- {100 * error:.1f})"
            for other, gain, error in zip(others, gains.mean(axis=0), errors, strict=True)
        ]
        table.append((name, f"{len(kept):,}", f"{len(set(labels))}", f"{ours:.3f}", *compared))
    sys.stdout.write(tabulate(table, HEADERS, tablefmt="github", disable_numparse=True) + "\n")
    return 0


def tasks(rows: list[dict[str, str]]) -> Mapping[str, list[tuple[str, str]]]:
    """Messages without handles, and the brand of each.

    >>> list(tasks([{"author_id": "1", "text": "hi @Shop @115712"}]).values())
    [[], [('hi  ', 'shop')], [('hi  ', 'shop')]]
    """
    answers, named = [], []
    for row in rows:
        text = HANDLE.sub("", row["text"])
        brands = {found[1:].lower() for found in HANDLE.findall(row["text"])}
        brands = {brand for brand in brands if not brand.isdigit()}
        if not row["author_id"].isdigit():
            answers.append((text, row["author_id"].lower()))
        elif len(brands) == 1:
            named.append((text, brands.pop()))
    return {"brand that answers": answers, "brand named": named, "either": answers + named}


def _accuracies(texts: Any, labels: Any, weight: str | None, seed: int) -> tuple[float, ...]:
    """Accuracy of ours, of its linear scores, and of LinearSVC on a random part of the rows."""
    order = np.random.default_rng(seed).permutation(len(texts))
    test, train = np.split(order, [round(TEST_SHARE * len(order))])
    model = TextClassifier(class_weight=weight).fit(texts[train].tolist(), labels[train])
    asked, true = texts[test].tolist(), labels[test]
    features = model.features_.transform(asked)
    by_scores = features[:, : len(model.classes_)].argmax(axis=1)
    peer = WordsAndCharactersSvc()
    peer.fit(texts[train].tolist(), labels[train].tolist())
    predictions = (model.predict(asked), model.classes_[by_scores], peer.predict(asked)[0])
    return tuple(float((predicted == true).mean()) for predicted in predictions)


if __name__ == "__main__":
    sys.exit(main())
