"""The contest with the champion as it stands in the registry, and what follows from it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from tabulate import tabulate

from common import contest, evaluate, split
from common.contest import Verdict
from common.errors import ModelUnavailable
from common.labelled import Side
from common.labels import canonical
from common.registry import store, versions
from common.registry.versions import Version

Labels = npt.NDArray[np.object_]


@dataclass(frozen=True)
class Challenger:
    """A fitted model's answers on its holdout, and what it takes to compare them with others'."""

    holdout: Side
    predicted: Labels
    majority: str
    holdout_percent: int


def judge(model_name: str, challenger: Challenger, threshold: float) -> Verdict:
    """Compare a challenger's answers on its holdout with those of the present champion.

    Only rows count that are holdout for both: those of the smaller of their holdouts.
    """
    champion = versions.champion(model_name)
    holdout, predicted = challenger.holdout, challenger.predicted
    if champion is None:
        correct = int((predicted == holdout.labels).sum())
        majority_correct = int((holdout.labels == challenger.majority).sum())
        return contest.first_model(correct, majority_correct, len(holdout))
    shared_percent = min(challenger.holdout_percent, champion.holdout_percent)
    shared = split.in_holdout(holdout.buckets, shared_percent)
    if not shared.any():
        return contest.no_contest(
            f"no row is holdout for version {champion.number} and for the challenger; "
            "train with the same HOLDOUT_PERCENT"
        )
    try:
        answers = versions.load(champion).predict(holdout.texts[shared])
    except ModelUnavailable as error:
        return contest.no_contest(f"version {champion.number} can't be tested: {error}")
    return _compare(holdout.labels[shared], predicted[shared], answers, threshold)


def contest_and_promote(version: Version, challenger: Challenger, threshold: float) -> Verdict:
    """Judge, move the alias if the verdict says so, and record the verdict with the version.

    Under the store's lock, so that of two trainings at once the second meets the first's champion.
    """
    with store.lock():
        verdict = judge(version.name, challenger, threshold)
        if verdict.promote:
            versions.promote(version, by=f"train.py, run {version.run_id}")
        versions.record(
            version,
            {"verdict": verdict.outcome, "reason": verdict.reason},
            f"**{verdict.reason}**\n\n{table(verdict, 'github')}",
        )
    return verdict


def table(verdict: Verdict, style: str = "simple") -> str:
    """The rules as a table: metric, champion, challenger, difference, rule, passed."""
    rows = [
        (
            rule.metric,
            _figure(rule.champion),
            _figure(rule.challenger),
            "" if rule.difference is None else f"{rule.difference:+.4f}",
            rule.required,
            {None: "", True: "yes", False: "no"}[rule.passed],
        )
        for rule in verdict.rules
    ]
    headers = ("metric", "champion", "challenger", "difference", "rule", "passed")
    return tabulate(rows, headers, tablefmt=style, disable_numparse=True)


def _compare(true: Labels, challenger: Labels, champion: Labels, threshold: float) -> Verdict:
    champion = _spelt_alike(champion, true)
    right, champion_right = challenger == true, champion == true
    classes = sorted(set(true) | set(challenger) | set(champion))
    macro_f1 = tuple(
        evaluate.confusion_metrics(evaluate.confusion_counts(true, answers, classes), classes)[
            "f1_macro"
        ]
        for answers in (champion, challenger)
    )
    return contest.against_champion(
        only_challenger=int((right & ~champion_right).sum()),
        only_champion=int((champion_right & ~right).sum()),
        both=int((right & champion_right).sum()),
        rows=len(true),
        threshold=threshold,
        reported={"macro-F1": (macro_f1[0], macro_f1[1])},
    )


def _spelt_alike(answers: Labels, like: Labels) -> Labels:
    """The champion may have learnt `true` where today's file says `True`."""
    names = {canonical(name): name for name in set(like)}
    return np.array([names.get(canonical(name), name) for name in answers], object)


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"
