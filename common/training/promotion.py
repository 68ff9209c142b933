"""The contest with the champion as it stands in the registry, and what follows from it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import replace
from operator import attrgetter

import numpy as np

from common.data import split
from common.data.labelled import Split
from common.data.labels import match_spelling
from common.errors import ModelUnavailable
from common.models.base import Classifier
from common.registry import history, judged, lock, runs, versions
from common.registry.register import CONTEST
from common.registry.store import Registry
from common.registry.versions import Version
from common.text import brief, listed
from common.training import contest, cost, coverage, flips, provenance, rolled_back
from common.training.contest import Answers, Policy, Rule, Verdict
from common.training.contest_result import ContestResult
from common.training.fit import TrainingResult
from common.types import Bools, Floats, Labels

# Share of the rows that may be of classes which one of the two models does not know.
FOREIGN_CLASSES = 0.01
SHOWN_CLASSES = 10

logger = logging.getLogger(__name__)


class _Unscorable(Exception):
    """The champion can't be tested; the message says why."""


def judge(
    registry: Registry,
    champion: Version | None,
    result: TrainingResult,
    policy: Policy,
    synthetic: bool = False,
    replace_unscorable: bool = False,
    version: Version | None = None,
    by: str = "train.py",
) -> ContestResult:
    """Compare a fitted model's answers on its holdout with those of the champion.

    Only rows count that are holdout for both: those of the smaller of their holdouts. A champion
    that was fitted on made-up messages is replaced by the first model of real ones, never the
    other way round.

    Args:
        synthetic: whether the messages are made up.
        replace_unscorable: a champion that can't be tested any more may be replaced.
        version: what the fitted model was registered as, if it was.
        by: which program asks.
    """
    everything = np.ones(len(result.holdout), bool)
    own = Answers(result.predicted, result.proba)
    if champion is None:
        return ContestResult(_first(result, policy), everything, result.classes, own)
    if champion.synthetic == synthetic:
        try:
            return _test(registry, champion, result, policy, version)
        except _Unscorable as error:
            verdict = _untested(str(error), result, policy, replace_unscorable, by)
    elif champion.synthetic:
        verdict = contest.replaced(
            "new champion, the one of synthetic data is replaced",
            f"version {champion.number} was fitted on synthetic messages",
            _first(result, policy),
        )
    else:
        verdict = contest.no_contest(
            f"version {champion.number} was fitted on real messages, this model on synthetic ones",
            "train on your own messages: --data FILE",
        )
    return ContestResult(verdict, everything, result.classes, own, None, champion.number)


def contest_and_promote(
    registry: Registry,
    version: Version,
    result: TrainingResult,
    policy: Policy,
    manual: bool = False,
    replace_unscorable: bool = False,
    describe: Callable[[Verdict], str] = attrgetter("reason"),
    by: str = "train.py",
) -> ContestResult:
    """Judge, move the alias if the verdict says so, and record the verdict with the version.

    Args:
        version: what `result` was registered as.
        manual: a person has the last word, so the alias stays. So it does for a model that may
            have been fitted on the rows that it was tested on.
        describe: the verdict in Markdown, which MLflow shows with the version.
        by: which program asks.

    The contest is held before the lock is taken, so that the lock is held for moments only. If the
    champion was replaced meanwhile, the contest is held again, with the new one.
    """
    while True:
        champion = versions.champion(registry)
        held = judge(
            registry,
            champion,
            result,
            policy,
            synthetic=version.synthetic,
            replace_unscorable=replace_unscorable,
            version=version,
            by=by,
        )
        verdict = _with_doubts(held.verdict, version, champion)
        if manual or version.may_know_holdout:
            verdict = verdict.waiting()
        with lock.hold(registry) as confirm:
            for line in history.repair(registry):
                logger.warning("Registry repaired: %s", line)
            if history.read(registry).champion != held.champion_number:
                logger.info("Another champion was chosen meanwhile: the contest is held again.")
                continue
            if verdict.promote:
                whose = f"{by}, run {version.run_id}"
                history.move(registry, version, CONTEST, whose, verdict.reason, confirm)
            tags = {"verdict": verdict.outcome, "reason": verdict.reason}
            versions.record(registry, version, tags, describe(verdict))
        return replace(held, verdict=verdict)


def _with_doubts(verdict: Verdict, *models: Version | None) -> Verdict:
    """The verdict, with the versions that may know the rows which they were tested on."""
    doubtful = [str(model.number) for model in models if model and model.may_know_holdout]
    if not doubtful:
        return verdict
    doubt = (
        f"nobody knows what version {listed(doubtful)} was fitted on, so the figures may flatter it"
    )
    return replace(verdict, grounds=f"{verdict.grounds}; {doubt}")


def _untested(
    why: str, result: TrainingResult, policy: Policy, replace_unscorable: bool, by: str
) -> Verdict:
    if not replace_unscorable:
        return contest.no_contest(why, f"replace it untested: {by} --replace-unscorable")
    decision = "new champion, the old one is replaced untested"
    return contest.replaced(decision, why, _first(result, policy))


def _first(result: TrainingResult, policy: Policy) -> Verdict:
    true = result.holdout.labels
    correct = int((result.predicted == true).sum())
    return contest.first_model(correct, int((true == result.majority).sum()), len(true), policy)


def _test(
    registry: Registry,
    champion: Version,
    result: TrainingResult,
    policy: Policy,
    version: Version | None,
) -> ContestResult:
    """Have the champion answer the rows that are holdout for both, and hold the rules."""
    holdout = result.holdout
    if not champion.holdout_percent:
        raise _Unscorable(
            f"version {champion.number} can't be tested: its run does not say which rows it was "
            "fitted on"
        )
    mine = provenance.split_of(holdout)
    then = runs.params(registry, champion.run_id).get("split", "text")
    if mine != then:
        raise _Unscorable(
            f"version {champion.number} can't be tested: its holdout was chosen by {then}, the "
            f"challenger's by {mine}, so it may have been fitted on these rows"
        )
    shared, policy = _recent(_shared(registry, champion, result), holdout, policy)
    rows = int(shared.sum())
    if rows < policy.min_rows:
        verdict = contest.no_contest(
            f"only {rows:,} rows are holdout for version {champion.number} and for the challenger, "
            f"{policy.min_rows:,} are needed (CONTEST_ROWS)",
            f"add labelled rows, or train with HOLDOUT_PERCENT={champion.holdout_percent} as then",
        )
        own = Answers(result.predicted[shared], result.proba[shared])
        return ContestResult(verdict, shared, result.classes, own, None, champion.number)
    try:
        classifier = versions.load(registry, champion)
    except ModelUnavailable as error:
        raise _Unscorable(f"version {champion.number} can't be tested: {error}") from error
    started = time.perf_counter()
    proba = classifier.predict_proba(holdout.texts[shared])
    rows_per_second = rows / max(time.perf_counter() - started, 1e-9)
    names = match_spelling(classifier.classes_, result.classes)
    _refuse_other_classes(champion, names, proba, result, holdout.labels[shared])
    classes = tuple(sorted({*result.classes, *names}))
    champions = _answers(names, proba, classes)
    own = _answers(result.classes, result.proba[shared], classes)
    verdict = contest.against_champion(
        holdout.labels[shared],
        champions,
        own,
        classes,
        result.majority,
        policy,
        None if holdout.segments is None else holdout.segments[shared],
        [
            *coverage.rules(
                holdout.labels[shared],
                champions,
                own,
                classes,
                split.first_of_copies(split.keys(holdout.texts[shared])),
                policy,
            ),
            *cost.rules(holdout.labels[shared], champions, own, classes, policy),
            *_reported(champion, rows_per_second, result, version),
        ],
    )
    if verdict.promote:
        true = holdout.labels[shared]
        contested = rolled_back.Contested(
            split.keys(holdout.texts[shared]), own.predicted == true, champions.predicted == true
        )
        withdrawn = judged.withdrawn(registry)
        verdict = rolled_back.hold_back(
            verdict, withdrawn, result.predictions_sha256, contested, policy
        )
    models = classifier, result.classifier
    changes = _flips(holdout, shared, models, (champions, own), classes, policy)
    return ContestResult(verdict, shared, classes, own, champions, champion.number, changes)


def _flips(
    holdout: Split,
    shared: Bools,
    models: tuple[Classifier, Classifier],
    answers: tuple[Answers, Answers],
    classes: tuple[str, ...],
    policy: Policy,
) -> tuple[flips.Pair, ...]:
    """The rows whose class flips, by what each of the two would answer; the champion is first."""
    texts, true = holdout.texts[shared], holdout.labels[shared]
    first = split.first_of_copies(split.keys(texts))
    before, after = (coverage.answered(each, true, classes, first, policy) for each in answers)
    return flips.find(texts.tolist(), true, before, after, models)


def _shared(registry: Registry, champion: Version, result: TrainingResult) -> Bools:
    """The rows of the holdout that the champion was not fitted on either."""
    percent = min(result.recipe.holdout_percent, champion.holdout_percent)
    shared = split.in_holdout(result.holdout.buckets, percent)
    seen = judged.seen(registry, champion.run_id) if champion.made_elsewhere else None
    return shared if seen is None else shared & ~np.isin(split.keys(result.holdout.texts), seen)


def _recent(shared: Bools, holdout: Split, policy: Policy) -> tuple[Bools, Policy]:
    """The rows that decide, and the policy as it is held to; all rows if too few are recent."""
    if policy.since is not None and holdout.days is not None:
        recent = shared & (holdout.days >= np.datetime64(policy.since))
        if recent.sum() >= policy.min_rows:
            return recent, policy
    return shared, replace(policy, since=None)


def _refuse_other_classes(
    champion: Version, names: tuple[str, ...], proba: Floats, result: TrainingResult, true: Labels
) -> None:
    """Models of different classes cannot be compared fairly.

    Args:
        names: the champion's K classes, as the challenger spells them.
        proba: (n, K) the champion's probabilities.
        true: (n,) classes.
    """
    known = {str(name) for name in result.classifier.classes_}
    new, gone = sorted(known - set(names)), sorted(set(names) - known)
    answers = np.array(names, object).take(proba.argmax(axis=1))
    foreign = max(np.isin(true, new).mean(), np.isin(answers, gone).mean())
    if foreign <= FOREIGN_CLASSES:
        return
    changes = [
        f"{what}: {', '.join(map(brief, found[:SHOWN_CLASSES]))}"
        + (f" and {len(found) - SHOWN_CLASSES:,} more" if len(found) > SHOWN_CLASSES else "")
        for what, found in (("new", new), ("gone", gone))
        if found
    ]
    raise _Unscorable(
        f"version {champion.number} can't be tested: the classes have changed "
        f"({'; '.join(changes)})"
    )


def _reported(
    champion: Version, rows_per_second: float, result: TrainingResult, version: Version | None
) -> list[Rule]:
    rules = [Rule("speed", "rows/s", rows_per_second, result.rows_per_second)]
    if version and version.model_bytes is not None and champion.model_bytes is not None:
        before, after = champion.model_bytes / 1e6, version.model_bytes / 1e6
        rules.append(Rule("size", "model size (MB)", before, after))
    if version:  # or it would not have been registered
        required = f"gives the same {len(result.holdout):,} answers"
        rules.append(Rule("clean_process", "loads in a clean process", None, None, required, True))
    return rules


def _answers(columns: tuple[str, ...], proba: Floats, classes: tuple[str, ...]) -> Answers:
    """Probabilities with a column for each of `classes`, and the most probable class."""
    wide = np.zeros((len(proba), len(classes)))
    wide[:, [classes.index(name) for name in columns]] = proba
    return Answers(np.array(columns, object).take(proba.argmax(axis=1)), wide)
