"""Which family of models is best on a file, fitted on more and more of its rows, and what it costs.

In each draw a random 30 % of the rows is held out; all families are fitted on the same rows of the
rest. Differences are from `boosted` on the same draws, with 95 % intervals over the draws.

python -m benchmarks.families --data airline.csv --target-column airline_sentiment
python -m benchmarks.families --data twcs.csv --rows 200 500 --draws 8 --embeddings words.vec
"""

from __future__ import annotations

import argparse
import pickle
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from tabulate import tabulate

from common.data.columns import MessageColumns
from common.data.labelled import batches
from common.evaluation import metrics
from common.models.extras import Extras
from common.models.families import ALL, FAMILIES
from common.training.recipe import Recipe, extras_of, unfitted

TEST_SHARE = 0.3
BASE = "boosted"
HEADERS = (
    *("rows fitted on", "family", "accuracy", "points", "macro-F1", "points", "log loss", "more"),
    *("fit s", "rows/s", "MB"),
)


@dataclass(frozen=True)
class Measured:
    """A family on one draw: figures of the test rows, and costs (MB: 10^6 bytes)."""

    accuracy: float
    f1_macro: float
    log_loss: float
    fit_seconds: float
    rows_per_second: float
    megabytes: float


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--text-column", default="text")
    parser.add_argument("--target-column", default="inbound")
    parser.add_argument("--rows", type=int, nargs="+", default=[200, 500, 2000], help="0: all")
    parser.add_argument("--draws", type=int, default=5)
    parser.add_argument("--families", nargs="+", choices=FAMILIES, help="[all that can be fitted]")
    parser.add_argument("--lexicon", default="auto")
    parser.add_argument("--embeddings", default="none", help="a file, or module:function")
    args = parser.parse_args()

    parts = list(batches(args.data, MessageColumns(args.text_column, args.target_column)))
    texts = np.array([message for part in parts for message in part.texts], object)
    labels = np.array([label for part in parts for label in part.labels], object)
    recipe = Recipe(ALL, args.text_column, 20, "none", 42, args.lexicon, embeddings=args.embeddings)
    names = args.families or recipe.families()
    extras = extras_of(recipe)
    table = []
    for rows in args.rows:
        found: dict[str, list[Measured]] = {name: [] for name in names}
        for draw in range(args.draws):
            order = np.random.default_rng(draw).permutation(len(texts))
            test, train = np.split(order, [round(TEST_SHARE * len(order))])
            train = train[: rows or None]
            for name in names:
                found[name].append(
                    measured(replace(recipe, family=name), extras, texts, labels, train, test)
                )
            sys.stderr.write(f"{len(train):,} rows, draw {draw + 1} of {args.draws}\n")
        table += lines(f"{len(train):,}", found)
    sys.stdout.write(tabulate(table, HEADERS, tablefmt="github", disable_numparse=True) + "\n")
    return 0


def measured(
    recipe: Recipe, extras: Extras, texts: Any, labels: Any, train: Any, test: Any
) -> Measured:
    """Fit a family on the rows `train`, ask it about the rows `test`."""
    classifier = unfitted(recipe, extras)
    started = time.perf_counter()
    classifier.fit(texts[train], labels[train])
    fitted = time.perf_counter()
    proba = classifier.predict_proba(texts[test])
    seconds = time.perf_counter() - fitted
    true = labels[test]
    predicted = classifier.classes_[proba.argmax(axis=1)]
    classes = sorted({*map(str, true), *map(str, classifier.classes_)})
    shares = metrics.confusion_metrics(metrics.confusion_counts(true, predicted, classes), classes)
    # A class that the rows fitted on did not have is missed by all families alike.
    own = (proba * (true[:, None] == classifier.classes_)).sum(axis=1)
    known = np.isin(true, classifier.classes_)
    return Measured(
        shares["accuracy"],
        shares["f1_macro"],
        float(metrics.log_losses(own[known]).mean()),
        fitted - started,
        len(test) / seconds,
        len(pickle.dumps(classifier)) / 1e6,
    )


def lines(rows: str, found: Mapping[str, Sequence[Measured]]) -> list[tuple[str, ...]]:
    """A line of the table for each family."""
    base = np.array([astuple(one) for one in found.get(BASE, ())])
    table = []
    for name, draws in found.items():
        values = np.array([astuple(one) for one in draws])
        accuracy, f1, loss, fit, speed, size = values.mean(axis=0)
        gains = ["", "", ""]
        if name != BASE and len(base) > 1:
            gaps = values[:, :3] - base[:, :3]
            errors = 1.96 * gaps.std(axis=0, ddof=1) / np.sqrt(len(gaps))
            (a, f, g), (ea, ef, eg) = gaps.mean(axis=0), errors
            gains = [
                *(f"{100 * x:+.1f} +/- {100 * e:.1f}" for x, e in ((a, ea), (f, ef))),
                f"{g:+.3f} +/- {eg:.3f}",
            ]
        shown = (f"{value:.3f}" for value in (accuracy, f1, loss))
        pairs = [cell for pair in zip(shown, gains, strict=True) for cell in pair]
        table.append((rows, name, *pairs, f"{fit:.1f}", f"{speed:,.0f}", f"{size:.2f}"))
    return table


if __name__ == "__main__":
    sys.exit(main())
