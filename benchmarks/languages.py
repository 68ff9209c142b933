"""Seven languages in as many scripts, with and without spaces: what is a message about?

Messages are put together of made phrases (`phrases.tsv`): an opening, a problem with delivery,
billing or the account, an ending. Two thirds of the problems are in the messages to fit on, the
others in those to answer, so only what problems have in common tells.

python -m benchmarks.languages
"""

from __future__ import annotations

import argparse
import csv
import sys
from pathlib import Path
from typing import Any

import numpy as np
from tabulate import tabulate

from common.models.boosted import TextClassifier
from common.models.extras import Extras
from common.models.features import MessageFeatures

PHRASES = Path(__file__).with_name("phrases.tsv")
CLASSES = ("delivery", "billing", "account")
SEEN_PROBLEMS = 8
Messages = list[tuple[str, str]]


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=150, help="messages to fit on")
    parser.add_argument("--draws", type=int, default=10)
    args = parser.parse_args()
    models = {
        "ours": TextClassifier,
        "linear scores": LargestScore,
        "linear scores, words between spaces": lambda: LargestScore(all_scripts=False),
        "LinearSVC, char_wb 2-5": lambda: _characters("char_wb", (2, 5)),
        "LinearSVC, char 1-4": lambda: _characters("char", (1, 4)),
    }
    table = []
    for language, parts in phrases().items():
        found = np.array(
            [
                [accuracy(make(), *drawn(parts, args.rows, seed)) for make in models.values()]
                for seed in range(args.draws)
            ]
        )
        table.append((language, *(f"{mean:.3f}" for mean in found.mean(axis=0))))
    headers = ("language", *models)
    sys.stdout.write(tabulate(table, headers, tablefmt="github", disable_numparse=True) + "\n")
    return 0


class LargestScore:
    """The class with the largest linear score, without CatBoost."""

    def __init__(self, all_scripts: bool = True) -> None:
        self.features = MessageFeatures(1, extras=Extras(all_scripts=all_scripts))

    def fit(self, texts: list[str], labels: list[str]) -> None:
        self.classes, numbers = np.unique(np.array(labels, object), return_inverse=True)
        self.features.fit(texts, numbers)

    def predict(self, texts: list[str]) -> Any:
        scores = self.features.transform(texts)[:, : len(self.classes)]
        return self.classes[scores.argmax(axis=1)]


def phrases() -> dict[str, dict[str, list[str]]]:
    """By language and part: `open`, `end` and the classes."""
    found: dict[str, dict[str, list[str]]] = {}
    with PHRASES.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            found.setdefault(row["language"], {}).setdefault(row["part"], []).append(row["phrase"])
    return found


def drawn(parts: dict[str, list[str]], rows: int, seed: int) -> tuple[Messages, Messages]:
    """Messages to fit on and 300 to answer, each with its class; no problem is in both."""
    random = np.random.default_rng(seed)
    problems = {name: random.permutation(parts[name]).tolist() for name in CLASSES}
    sides: tuple[Messages, Messages] = ([], [])
    for side, count, chosen in (
        (sides[0], rows, slice(SEEN_PROBLEMS)),
        (sides[1], 300, slice(SEEN_PROBLEMS, None)),
    ):
        for name in random.choice(CLASSES, count).tolist():
            problem = random.choice(problems[name][chosen])
            side.append(
                (f"{random.choice(parts['open'])} {problem} {random.choice(parts['end'])}", name)
            )
    return sides


def accuracy(model: Any, train: Messages, test: Messages) -> float:
    texts, labels = zip(*train, strict=True)
    new, truth = zip(*test, strict=True)
    model.fit(list(texts), list(labels))
    return float(np.mean(model.predict(list(new)) == np.array(truth, object)))


def _characters(analyzer: str, lengths: tuple[int, int]) -> Any:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.pipeline import make_pipeline
    from sklearn.svm import LinearSVC

    return make_pipeline(TfidfVectorizer(analyzer=analyzer, ngram_range=lengths), LinearSVC())


if __name__ == "__main__":
    sys.exit(main())
