"""Whether a promise about automatic answers is kept on messages that nobody has seen, and how many
answers it makes automatic.

A model is fitted on half of the rows. Of the other half holdouts are drawn again and again; each
chooses a threshold, which is tried on what is left of that half. A promise counts as broken when
fewer of the automatic answers there are right than promised.

python -m benchmarks.routing --data airline.csv --target-column airline_sentiment
python -m benchmarks.routing --data twcs.csv --promises 0.98 0.99 --holdout 300
python -m benchmarks.routing --simulate --holdout 2000 5000 20000
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tabulate import tabulate

from common.data import split
from common.data.columns import MessageColumns
from common.data.labelled import batches
from common.evaluation.routing import Promise, choose
from common.models.families import FAMILIES
from common.training.recipe import Recipe, extras_of, unfitted
from common.types import Bools, Floats, Labels

HEADERS = (
    *("holdout", "promised", "automatic", "best possible", "right", "lowest", "broken", "too few"),
)

# Of 2 (1 - confidence): most answers sure, fewer, evenly spread.
SHAPES = {"most are sure": (0.5, 2.0), "many are sure": (0.7, 2.0), "even": (1.0, 1.0)}


@dataclass(frozen=True)
class Unseen:
    """Answers to n messages that the model was not fitted on, no two of them copies."""

    predicted: Labels
    confidence: Floats
    right: Bools


@dataclass(frozen=True)
class Tried:
    """What a threshold came to on other messages: shares of 0 to 1; accuracy nan without answers.

    Attributes:
        possible: the most that could be automatic if the answers there were known.
    """

    coverage: float
    possible: float
    accuracy: float


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--data", type=Path)
    known = "how far coverage is from the best threshold's where chances are known"
    source.add_argument("--simulate", action="store_true", help=known)
    parser.add_argument("--text-column", default="text")
    parser.add_argument("--target-column", default="inbound")
    parser.add_argument("--family", choices=FAMILIES, default="boosted")
    parser.add_argument("--promises", type=float, nargs="+", default=[0.85, 0.9, 0.95])
    parser.add_argument("--holdout", type=int, nargs="+", default=[300, 1000])
    parser.add_argument("--models", type=int, default=4)
    parser.add_argument("--draws", type=int, default=125, help="holdouts of each model")
    args = parser.parse_args()

    if args.simulate:
        table = [gaps(*shape, args.promises, args.holdout, args.draws) for shape in SHAPES.items()]
        rows = [row for shape in table for row in shape]
        headers = ("confidence", "promised", "best", *(f"{rows:,} rows" for rows in args.holdout))
        sys.stdout.write(tabulate(rows, headers, tablefmt="github", disable_numparse=True) + "\n")
        return 0
    parts = list(batches(args.data, MessageColumns(args.text_column, args.target_column)))
    texts = np.array([message for part in parts for message in part.texts], object)
    labels = np.array([label for part in parts for label in part.labels], object)
    first = split.first_of_copies(split.keys(texts))
    texts, labels = texts[first], labels[first]
    recipe = Recipe(args.family, args.text_column, 20, "none", 42, "auto")
    tried: dict[tuple[int, float], list[Tried]] = {}
    for number in range(args.models):
        unseen = answered(recipe, texts, labels, np.random.default_rng(number))
        for rows in args.holdout:
            for promise in args.promises:
                found = tried.setdefault((rows, promise), [])
                random = np.random.default_rng(number)
                found += [attempt(unseen, promise, rows, random) for _ in range(args.draws)]
        sys.stderr.write(f"model {number + 1} of {args.models}\n")
    table = [line(rows, promise, found) for (rows, promise), found in tried.items()]
    sys.stdout.write(tabulate(table, HEADERS, tablefmt="github", disable_numparse=True) + "\n")
    return 0


def gaps(
    name: str,
    shape: tuple[float, float],
    promises: Sequence[float],
    holdouts: Sequence[int],
    draws: int,
) -> list[tuple[str, ...]]:
    """Lines of a table: points of coverage that are missing to the best threshold's, on average.

    Args:
        shape: of the Beta distribution of 2 (1 - confidence); confidences are chances.
    """
    random = np.random.default_rng(9)
    chance = np.sort(1 - 0.5 * random.beta(*shape, 400_000))[::-1]
    kept = np.cumsum(chance) / np.arange(1, len(chance) + 1)
    table = []
    for promise in promises:
        best = float((kept >= promise).mean())
        cells = []
        for rows in holdouts:
            covered = []
            for _ in range(draws):
                drawn = chance[random.integers(0, len(chance), rows)]
                right, everything = random.random(rows) < drawn, np.ones(rows, bool)
                said = np.full(rows, "a", object)
                routing = choose(said, drawn, right, Promise(promise), everything)
                least = routing.thresholds(np.array(["a"], object))[0]
                covered.append(float((chance.round(6) >= least).mean()))
            cells.append(f"{100 * (best - float(np.mean(covered))):.1f}")
        table.append((name, f"{promise:g}", f"{best:.0%}", *cells))
    return table


def answered(recipe: Recipe, texts: Labels, labels: Labels, random: np.random.Generator) -> Unseen:
    """Fit a model on a random half of the messages, and ask it about the other."""
    train, other = np.array_split(random.permutation(len(texts)), 2)
    classifier = unfitted(recipe, extras_of(recipe))
    classifier.fit(texts[train], labels[train])
    proba = classifier.predict_proba(texts[other])
    predicted = classifier.classes_[proba.argmax(axis=1)].astype(str)
    return Unseen(predicted, proba.max(axis=1), predicted == labels[other].astype(str))


def attempt(unseen: Unseen, promise: float, rows: int, random: np.random.Generator) -> Tried:
    """Choose a threshold on a random holdout, and try it on the rest."""
    order = random.permutation(len(unseen.right))
    held, rest = order[:rows], order[rows:]
    routing = choose(
        unseen.predicted[held],
        unseen.confidence[held],
        unseen.right[held],
        Promise(promise),
        np.ones(len(held), bool),
    )
    auto = routing.automatic(unseen.predicted[rest], unseen.confidence[rest])
    right = unseen.right[rest]
    sure = np.argsort(-unseen.confidence[rest], kind="stable")
    shares = np.cumsum(right[sure]) / np.arange(1, len(sure) + 1)
    kept = np.flatnonzero(shares >= promise)
    possible = (kept[-1] + 1) / len(sure) if len(kept) else 0.0
    return Tried(auto.mean(), possible, float(right[auto].mean()) if auto.any() else float("nan"))


def line(rows: int, promise: float, tried: Sequence[Tried]) -> tuple[str, ...]:
    """A line of the table: means, the lowest accuracy, and how many broke the promise."""
    accuracy = np.array([one.accuracy for one in tried])
    known = accuracy[~np.isnan(accuracy)]
    broken = int((known < promise).sum())
    return (
        f"{rows:,}",
        f"{promise:g}",
        f"{np.mean([one.coverage for one in tried]):.1%}",
        f"{np.mean([one.possible for one in tried]):.1%}",
        f"{known.mean():.4f}" if len(known) else "",
        f"{known.min():.4f}" if len(known) else "",
        f"{broken / len(tried):.1%} of {len(tried):,}",
        f"{(len(tried) - len(known)) / len(tried):.0%}",
    )


if __name__ == "__main__":
    sys.exit(main())
