"""The contest with the champion as it stands in the registry, and what follows from it."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from tabulate import tabulate

from common.data import split
from common.data.labels import match_spelling
from common.errors import ModelUnavailable
from common.registry import history, lock, versions
from common.registry.store import Registry
from common.registry.versions import Version
from common.training import contest
from common.training.contest import Answers, Policy, Rule, Verdict
from common.training.fit import Fitted
from common.types import Floats, Labels

# Share of the rows that may be of classes which one of the two models does not know.
FOREIGN_CLASSES = 0.01

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Contested:
    """A verdict and what it was found on: the rows that both models answered, and the answers.

    Attributes:
        shared: (n,) which rows of the challenger's holdout these are.
        classes: K names, the columns of both models' probabilities.
        champion: None if there is none, or if it could not answer.
        champion_number: the champion's version, None if there is none.
    """

    verdict: Verdict
    shared: npt.NDArray[np.bool_]
    classes: tuple[str, ...]
    challenger: Answers
    champion: Answers | None = None
    champion_number: int | None = None


class _Unscorable(Exception):
    """The champion can't be tested; the message says why."""


def judge(
    registry: Registry,
    champion: Version | None,
    fitted: Fitted,
    holdout_percent: int,
    policy: Policy,
    replace_unscorable: bool = False,
    version: Version | None = None,
) -> Contested:
    """Compare a fitted model's answers on its holdout with those of the champion.

    Only rows count that are holdout for both: those of the smaller of their holdouts.

    Args:
        holdout_percent: the fitted model's.
        replace_unscorable: a champion that can't be tested any more may be replaced.
        version: what the fitted model was registered as, if it was.
    """
    everything = np.ones(len(fitted.holdout), bool)
    own = Answers(fitted.predicted, fitted.proba)
    if champion is None:
        return Contested(_first(fitted, policy), everything, fitted.classes, own)
    try:
        return _test(registry, champion, fitted, holdout_percent, policy, version)
    except _Unscorable as error:
        verdict = (
            contest.instead_of(str(error), _first(fitted, policy))
            if replace_unscorable
            else contest.no_contest(
                f"{error}. If it is to be replaced all the same: --replace-unscorable"
            )
        )
    return Contested(verdict, everything, fitted.classes, own, None, champion.number)


def contest_and_promote(
    registry: Registry,
    version: Version,
    fitted: Fitted,
    policy: Policy,
    manual: bool = False,
    replace_unscorable: bool = False,
) -> Contested:
    """Judge, move the alias if the verdict says so, and record the verdict with the version.

    Args:
        version: what `fitted` was registered as.
        manual: a person has the last word, so the alias stays.

    The contest is held before the lock is taken, so that the lock is held for moments only. If the
    champion was replaced meanwhile, the contest is held again, with the new one.
    """
    while True:
        champion = versions.champion(registry)
        contested = judge(
            registry,
            champion,
            fitted,
            version.holdout_percent,
            policy,
            replace_unscorable,
            version,
        )
        verdict = contested.verdict.waiting() if manual else contested.verdict
        with lock.hold(registry) as confirm:
            for line in history.repair(registry):
                logger.warning("Registry repaired: %s", line)
            if history.read(registry).champion != (champion and champion.number):
                logger.info("Another champion was chosen meanwhile: the contest is held again.")
                continue
            if verdict.promote:
                by = f"train.py, run {version.run_id}"
                history.move(registry, version, history.CONTEST, by, verdict.reason, confirm)
            versions.record(
                registry,
                version,
                {"verdict": verdict.outcome, "reason": verdict.reason},
                f"**{verdict.reason}**\n\n{table(verdict, 'github')}",
            )
        return replace(contested, verdict=verdict)


def table(verdict: Verdict, style: str = "simple") -> str:
    """The rules as a table: metric, champion, challenger, difference, rule, passed."""
    rows = [
        (
            rule.metric,
            _figure(rule.champion),
            _figure(rule.challenger),
            _figure(rule.difference, "+"),
            rule.required,
            _passed(rule),
        )
        for rule in verdict.rules
    ]
    headers = ("metric", "champion", "challenger", "difference", "rule", "passed")
    return tabulate(rows, headers, tablefmt=style, disable_numparse=True)


def _first(fitted: Fitted, policy: Policy) -> Verdict:
    true = fitted.holdout.labels
    correct = int((fitted.predicted == true).sum())
    return contest.first_model(correct, int((true == fitted.majority).sum()), len(true), policy)


def _test(
    registry: Registry,
    champion: Version,
    fitted: Fitted,
    holdout_percent: int,
    policy: Policy,
    version: Version | None,
) -> Contested:
    holdout = fitted.holdout
    if not champion.holdout_percent:
        raise _Unscorable(
            f"nobody knows which rows version {champion.number} was fitted on, so none can test it"
        )
    shared_percent = min(holdout_percent, champion.holdout_percent)
    shared = split.in_holdout(holdout.buckets, shared_percent)
    rows = int(shared.sum())
    if rows < policy.fewest_rows:
        verdict = contest.no_contest(
            f"only {rows:,} rows are holdout for version {champion.number} and for the challenger, "
            f"{policy.fewest_rows:,} are needed (CONTEST_ROWS); add labelled rows, or train with "
            "the same HOLDOUT_PERCENT"
        )
        own = Answers(fitted.predicted[shared], fitted.proba[shared])
        return Contested(verdict, shared, fitted.classes, own, None, champion.number)
    try:
        classifier = versions.load(registry, champion)
    except ModelUnavailable as error:
        raise _Unscorable(f"version {champion.number} can't be tested: {error}") from error
    started = time.perf_counter()
    proba = classifier.predict_proba(holdout.texts[shared])
    rows_per_second = rows / max(time.perf_counter() - started, 1e-9)
    names = match_spelling(classifier.classes_, fitted.classes)
    _refuse_other_classes(champion, names, proba, fitted, holdout.labels[shared])
    classes = tuple(sorted({*fitted.classes, *names}))
    champions = _answers(names, proba, classes)
    own = _answers(fitted.classes, fitted.proba[shared], classes)
    verdict = contest.against_champion(
        holdout.labels[shared],
        champions,
        own,
        classes,
        fitted.majority,
        policy,
        None if holdout.segments is None else holdout.segments[shared],
        _reported(champion, rows_per_second, fitted, version),
    )
    return Contested(verdict, shared, classes, own, champions, champion.number)


def _refuse_other_classes(
    champion: Version, names: tuple[str, ...], proba: Floats, fitted: Fitted, true: Labels
) -> None:
    """A model of other classes loses or wins for no merit of its own."""
    known = {str(name) for name in fitted.classifier.classes_}
    new, gone = sorted(known - set(names)), sorted(set(names) - known)
    answers = np.array(names, object).take(proba.argmax(axis=1))
    if np.isin(true, new).mean() > FOREIGN_CLASSES or np.isin(answers, gone).mean() > (
        FOREIGN_CLASSES
    ):
        changes = [f"new: {', '.join(new)}"] * bool(new) + [f"gone: {', '.join(gone)}"] * bool(gone)
        raise _Unscorable(
            f"version {champion.number} can't be tested: the classes have changed "
            f"({'; '.join(changes)})"
        )


def _reported(
    champion: Version, rows_per_second: float, fitted: Fitted, version: Version | None
) -> list[Rule]:
    rules = [Rule("rows/s", rows_per_second, fitted.rows_per_second)]
    if version and version.model_bytes is not None and champion.model_bytes is not None:
        sizes = champion.model_bytes / 1e6, version.model_bytes / 1e6
        rules.append(Rule("model size (MB)", *sizes))
    if version:  # or it would not have been registered
        required = f"gives the same {len(fitted.holdout):,} answers"
        rules.append(Rule("loads in a clean process", None, None, required, True))
    return rules


def _answers(columns: tuple[str, ...], proba: Floats, classes: tuple[str, ...]) -> Answers:
    """Probabilities with a column for each of `classes`, and the most probable class."""
    wide = np.zeros((len(proba), len(classes)))
    wide[:, [classes.index(name) for name in columns]] = proba
    return Answers(np.array(columns, object).take(proba.argmax(axis=1)), wide)


def _passed(rule: Rule) -> str:
    if rule.passed is None:
        return ""
    word = "yes" if rule.passed else "no"
    return word if rule.blocks else f"{word} (reported)"


def _figure(value: float | None, sign: str = "") -> str:
    if value is None:
        return ""
    return f"{value:{sign}.4f}" if abs(value) < 1000 else f"{value:{sign},.0f}"
