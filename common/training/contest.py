"""Champion against challenger on the same rows: the rules, their figures, and the verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from common.evaluation import metrics, paired
from common.settings import RULES
from common.types import Floats, Labels

FEWEST_OF_A_GROUP = 30
FAMILY_ERROR = 0.05
SMALL_DROP, LARGE_DROP = Fraction(5, 100), Fraction(10, 100)
LOG_LOSS_MARGIN, ECE_MARGIN = 0.02, 0.01
SHOWN_DROPS = 3
NO_RULES = "no rule is required (PROMOTE_RULES), so nothing is promoted"


@dataclass(frozen=True)
class Rule:
    """One row of the contest's report.

    `required` says in words what must hold ("" if nothing); `blocks`, that the challenger is not
    promoted unless `passed`.
    """

    metric: str
    champion: float | None
    challenger: float | None
    required: str = ""
    passed: bool | None = None
    blocks: bool = True

    @property
    def difference(self) -> float | None:
        if self.champion is None or self.challenger is None:
            return None
        return self.challenger - self.champion


@dataclass(frozen=True)
class Verdict:
    """The outcome in one word (a tag), in one sentence, and row by row."""

    promote: bool
    outcome: str
    reason: str
    rules: tuple[Rule, ...] = ()

    def waiting(self) -> Verdict:
        """The same, but a person has the last word."""
        if not self.promote:
            return self
        reason = f"waiting for approval, the challenger passed: {self.reason}"
        return replace(self, promote=False, outcome="waiting", reason=reason)


@dataclass(frozen=True)
class Policy:
    """What it takes to replace a champion.

    Attributes:
        threshold: gain in absolute accuracy that must be exceeded, -1 to 1.
        significance: largest p-value of McNemar's test. Not asked for where the threshold is
            negative, which says that a loss is accepted.
        required: which of RULES decide; none means that nothing is promoted.
        fewest_rows: fewer shared holdout rows are no contest.
    """

    threshold: float = 0.005
    significance: float = 0.05
    required: tuple[str, ...] = RULES
    fewest_rows: int = 30


@dataclass(frozen=True)
class Answers:
    """A model's answers to n rows: classes (n,), and probabilities (n, K) of all K classes."""

    predicted: Labels
    proba: Floats


def first_model(correct: int, majority_correct: int, rows: int, policy: Policy) -> Verdict:
    """There is no champion: a model must get more rows right than the majority class does."""
    rule = replace(over_majority(correct, majority_correct, rows), metric="accuracy")
    figures = f"{correct / rows:.4f} accuracy on {rows:,} holdout rows"
    if not policy.required:
        return Verdict(False, "rejected", f"no champion: {figures}, but {NO_RULES}", (rule,))
    if rule.passed:
        reason = f"first champion: {figures}, the majority class has {majority_correct / rows:.4f}"
        return Verdict(True, "promoted", reason, (rule,))
    reason = (
        f"no champion: {figures} is no better than the majority class "
        f"({majority_correct / rows:.4f})"
    )
    return Verdict(False, "rejected", reason, (rule,))


def instead_of(why: str, first: Verdict) -> Verdict:
    """The champion can't be tested, and is to be replaced as if there were none.

    Args:
        why: it can't be tested.
        first: the verdict without a champion.
    """
    _, _, figures = first.reason.partition(": ")
    if first.promote:
        return replace(
            first, reason=f"new champion, the old one is replaced untested: {figures}; {why}"
        )
    return replace(first, reason=f"champion stays: {figures}; {why}")


def no_contest(why: str) -> Verdict:
    """The two can't be compared, so the champion stays."""
    return Verdict(False, "no contest", f"champion stays: {why}")


def against_champion(
    true: Labels,
    champion: Answers,
    challenger: Answers,
    classes: Sequence[str],
    majority: str,
    policy: Policy,
    segments: Labels | None = None,
    settled: Sequence[Rule] = (),
) -> Verdict:
    """Hold all rules; promote if each one that the policy requires has passed.

    Args:
        true: (n,) classes of rows that neither model was fitted on.
        classes: K names, the columns of both models' probabilities.
        majority: the most frequent class of the training rows.
        segments: (n,) a value of each row, such as its brand or language.
        settled: further rows of the report, decided elsewhere.
    """
    rows = len(true)
    right, champion_right = challenger.predicted == true, champion.predicted == true
    wins, losses = int((right & ~champion_right).sum()), int((champion_right & ~right).sum())
    held = {
        "accuracy": gain(wins, losses, int((right & champion_right).sum()), rows, policy.threshold),
        "significance": significance(wins, losses, policy),
        "majority": over_majority(int(right.sum()), int((true == majority).sum()), rows),
        "macro_f1": macro_f1(true, champion.predicted, challenger.predicted, classes),
        "recall": no_group_drops("recall per class", true, champion_right, right),
        "log_loss": log_loss(true, champion, challenger, classes),
        "calibration": calibration(champion_right, champion, right, challenger),
    }
    if segments is not None:
        held["segments"] = no_group_drops("accuracy per segment", segments, champion_right, right)
    rules = [
        replace(rule, blocks=rule.blocks and name in policy.required) for name, rule in held.items()
    ]
    return _decided([*rules, *settled], rows, policy)


def over_majority(correct: int, majority_correct: int, rows: int) -> Rule:
    """The challenger gets more rows right than always answering the majority class would."""
    return Rule(
        "accuracy over majority class",
        majority_correct / rows,
        correct / rows,
        "> majority class",
        correct > majority_correct,
    )


def gain(wins: int, losses: int, both: int, rows: int, threshold: float) -> Rule:
    """The gain in accuracy is greater than the threshold.

    Args:
        wins, losses, both: rows that only the challenger, only the champion, or both get right.
    """
    # Counts and the decimal as it was written, not floats: 0.85 >= 0.80 + 0.05 is False.
    passed = Fraction(wins - losses, rows) > Fraction(str(threshold))
    champion, challenger = ((both + only) / rows for only in (losses, wins))
    return Rule("accuracy", champion, challenger, f"gain > {threshold:g}", passed)


def significance(wins: int, losses: int, policy: Policy) -> Rule:
    """An equal challenger would seldom win as clearly."""
    p = paired.mcnemar_p(wins, losses)
    required = f"<= {policy.significance:g}"
    asked = policy.threshold >= 0
    passed = p <= policy.significance
    return Rule("McNemar p (gain by chance)", None, p, required, passed, blocks=asked)


def macro_f1(true: Labels, champion: Labels, challenger: Labels, classes: Sequence[str]) -> Rule:
    """Macro-F1 is not worse beyond chance: the interval of the difference reaches 0."""
    values = [
        metrics.confusion_metrics(metrics.confusion_counts(true, answers, classes), classes)
        for answers in (champion, challenger)
    ]
    low, high = paired.macro_f1_difference(true, champion, challenger)
    required = f"not clearly worse ({low:+.4f} to {high:+.4f})"
    return Rule("macro-F1", values[0]["f1_macro"], values[1]["f1_macro"], required, high >= 0)


def no_group_drops(
    name: str, groups: Labels, champion: npt.NDArray[np.bool_], challenger: npt.NDArray[np.bool_]
) -> Rule:
    """In no group of 30 rows or more does the share of right answers drop clearly.

    A drop counts if it is greater than 5 points and beyond chance (exact McNemar, with Holm's
    correction for the number of groups), or if it is 10 points or more, whatever chance says: a
    false stop costs a training, a class that nobody recognises costs customers. The figures are
    those of the group that changes for the worst.

    Args:
        groups: (n,) the class or segment of each row.
        champion, challenger: (n,) whether each model's answer is right.
    """
    values, numbers = np.unique(groups.astype(str), return_inverse=True)
    size, before, after, lost = (
        np.bincount(numbers, weights=weights, minlength=len(values)).astype(int).tolist()
        for weights in (np.ones(len(groups)), champion, challenger, champion & ~challenger)
    )
    large = [k for k in range(len(values)) if size[k] >= FEWEST_OF_A_GROUP]
    if not large:
        return Rule(name, None, None, f"no group has {FEWEST_OF_A_GROUP} rows")
    drops = [Fraction(before[k] - after[k], size[k]) for k in large]
    p_values = paired.holm(
        [paired.mcnemar_p(lost[k], lost[k] + after[k] - before[k]) for k in large]
    )
    clear = [
        (drop, str(values[k]))
        for drop, p, k in zip(drops, p_values, large, strict=True)
        if drop >= LARGE_DROP or (drop > SMALL_DROP and p <= FAMILY_ERROR)
    ]
    worst = max(range(len(large)), key=drops.__getitem__)
    k = large[worst]
    if clear:
        clear.sort(key=lambda pair: -pair[0])
        named = ", ".join(f"{value} {_points(drop)}" for drop, value in clear[:SHOWN_DROPS])
        more = f" and {len(clear) - SHOWN_DROPS} more" if len(clear) > SHOWN_DROPS else ""
        required = f"no clear drop, found: {named}{more}"
    else:
        required = f"no clear drop (worst: {values[k]} {_points(drops[worst])})"
    return Rule(name, before[k] / size[k], after[k] / size[k], required, not clear)


def _points(drop: Fraction) -> str:
    return f"{-100 * float(drop):+.1f} points"


def log_loss(true: Labels, champion: Answers, challenger: Answers, classes: Sequence[str]) -> Rule:
    """The log loss is not clearly greater, beyond a small margin."""
    column = {name: number for number, name in enumerate(classes)}
    at = np.arange(len(true)), np.array([column[name] for name in true])
    given = champion.proba[at], challenger.proba[at]
    losses = [float(paired.log_losses(proba).mean()) for proba in given]
    low, _ = paired.log_loss_difference(*given)
    required = f"not clearly > +{LOG_LOSS_MARGIN:g}"
    return Rule("log loss", losses[0], losses[1], required, low <= LOG_LOSS_MARGIN)


def calibration(
    champion_right: npt.NDArray[np.bool_],
    champion: Answers,
    right: npt.NDArray[np.bool_],
    challenger: Answers,
) -> Rule:
    """The expected calibration error is not clearly greater, beyond a small margin."""
    pairs = [
        (correct, answers.proba.max(axis=1))
        for correct, answers in ((champion_right, champion), (right, challenger))
    ]
    errors = [metrics.expected_calibration_error(*pair) for pair in pairs]
    low, _ = paired.calibration_difference(*pairs)
    required = f"not clearly > +{ECE_MARGIN:g}"
    return Rule("calibration (ECE)", errors[0], errors[1], required, low <= ECE_MARGIN)


def _decided(rules: Sequence[Rule], rows: int, policy: Policy) -> Verdict:
    accuracy = next(rule for rule in rules if rule.metric == "accuracy")
    figures = (
        f"accuracy {accuracy.challenger:.4f} against {accuracy.champion:.4f} on {rows:,} shared "
        f"holdout rows, a gain of {accuracy.difference:+.4f}"
    )
    failed = [rule for rule in rules if rule.blocks and rule.passed is False]
    if not policy.required:
        reason = f"champion stays: {figures}, but {NO_RULES}"
    elif accuracy in failed:
        reason = f"champion stays: {figures} (more than {policy.threshold:g} is required)"
    elif failed:
        reason = f"champion stays: {figures}, but {'; '.join(map(_failure, failed))}"
    else:
        reason = f"new champion: {figures} (> {policy.threshold:g})"
        return Verdict(True, "promoted", reason, tuple(rules))
    return Verdict(False, "rejected", reason, tuple(rules))


def _failure(rule: Rule) -> str:
    champion = "" if rule.champion is None else f" against {rule.champion:.4f}"
    return f"{rule.metric} is {rule.challenger:.4f}{champion} (required: {rule.required})"
