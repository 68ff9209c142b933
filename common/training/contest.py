"""Champion against challenger on the same rows: the rules, their figures, and the verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from fractions import Fraction
from typing import Literal

import numpy as np

from common.evaluation import metrics, paired
from common.evaluation.costs import CostRules
from common.evaluation.routing import Promise
from common.evaluation.two_samples import MIN_ROWS
from common.text import points, signed
from common.types import Bools, Floats, Labels

FAMILY_ERROR = 0.05
SMALL_DROP, LARGE_DROP = Fraction(5, 100), Fraction(10, 100)
LOG_LOSS_MARGIN, ECE_MARGIN = 0.02, 0.01
SHOWN_DROPS = 3
PROVISIONAL = "first champion, provisional"
NO_RULES = "no rule is required (PROMOTE_RULES), so nothing is promoted"

RuleName = Literal[
    # those that PROMOTE_RULES may name
    "majority",
    "accuracy",
    "significance",
    "macro_f1",
    "recall",
    "segments",
    "log_loss",
    "calibration",
    "coverage",
    "cost",
    # those that are reported beside them
    "speed",
    "size",
    "clean_process",
    "rolled_back",
]
Outcome = Literal["promoted", "rejected", "waiting", "no contest"]


@dataclass(frozen=True)
class Rule:
    """One row of the contest's report.

    Attributes:
        name: what settings and explanations know it by.
        metric: what people call it.
        champion, challenger: the figures of both models; None if there is none.
        required: what must hold, in words; "" if nothing.
        found: what was found beyond the figures, in words; "" if nothing.
        blocks: the challenger is not promoted unless `passed`.
    """

    name: RuleName
    metric: str
    champion: float | None
    challenger: float | None
    required: str = ""
    passed: bool | None = None
    blocks: bool = True
    found: str = ""

    @property
    def difference(self) -> float | None:
        """Challenger minus champion."""
        if self.champion is None or self.challenger is None:
            return None
        return self.challenger - self.champion


@dataclass(frozen=True)
class Verdict:
    """What became of a challenger.

    Attributes:
        outcome: in one word (a tag).
        decision: in a few words, such as "champion stays".
        grounds: the figures or the obstacle behind it.
        rules: row by row.
        ways_out: what can be done if no contest could be held.
    """

    promote: bool
    outcome: Outcome
    decision: str
    grounds: str
    rules: tuple[Rule, ...] = ()
    ways_out: tuple[str, ...] = ()

    @property
    def reason(self) -> str:
        """Decision and grounds in one sentence, without its full stop."""
        return f"{self.decision}: {self.grounds}"

    def waiting(self) -> Verdict:
        """The same, but a person has the last word."""
        if not self.promote:
            return self
        return replace(
            self,
            promote=False,
            outcome="waiting",
            decision="waiting for approval, the challenger passed",
            grounds=self.reason,
        )


@dataclass(frozen=True)
class Policy:
    """What it takes to replace a champion.

    Attributes:
        threshold: gain in absolute accuracy that must be exceeded, -1 to 1.
        significance: largest p-value of McNemar's test. Not asked for if the threshold is
            negative, which says that a loss is accepted.
        required: the rules that decide; none means that nothing is promoted.
        min_rows: fewer shared holdout rows are no contest, and a first champion that was measured
            on fewer is provisional.
        since: rows written on this day (UTC) or later decide, if there are enough of them: what
            held before is no measure where the world has changed. None: all rows.
        promise: what is promised of automatic answers; None: no answer is routed.
        costs: what mistakes cost; None: nobody has said.
    """

    threshold: float
    significance: float
    required: tuple[RuleName, ...]
    min_rows: int
    since: date | None = None
    promise: Promise | None = None
    costs: CostRules | None = None


@dataclass(frozen=True)
class Answers:
    """A model's answers to n rows: classes (n,), and probabilities (n, K) of all K classes."""

    predicted: Labels
    proba: Floats

    @property
    def confidence(self) -> Floats:
        """(n,) probabilities of the most probable classes."""
        return self.proba.max(axis=1)


def first_model(correct: int, majority_correct: int, rows: int, policy: Policy) -> Verdict:
    """There is no champion: a model must get more rows right than the majority class does."""
    rule = replace(over_majority(correct, majority_correct, rows), metric="accuracy")
    figures = f"{correct / rows:.4f} accuracy on {rows:,} holdout rows"
    share = majority_correct / rows
    if not policy.required:
        return Verdict(False, "rejected", "no champion", f"{figures}, but {NO_RULES}", (rule,))
    if rule.passed:
        grounds = f"{figures}, the majority class has {share:.4f}"
        if rows < policy.min_rows:
            grounds += f"; too few rows to trust ({policy.min_rows:,} are needed, CONTEST_ROWS)"
            return Verdict(True, "promoted", PROVISIONAL, grounds, (rule,))
        return Verdict(True, "promoted", "first champion", grounds, (rule,))
    grounds = f"{figures} is no better than the majority class ({share:.4f})"
    return Verdict(False, "rejected", "no champion", grounds, (rule,))


def replaced(decision: str, why: str, first: Verdict) -> Verdict:
    """The champion is to be replaced without a contest, as if there were none.

    Args:
        decision: in a few words, if the model passes.
        why: there is no contest.
        first: the verdict without a champion.
    """
    return replace(
        first,
        decision=decision if first.promote else "champion stays",
        grounds=f"{first.grounds}; {why}",
    )


def no_contest(why: str, *ways_out: str) -> Verdict:
    """The two can't be compared, so the champion stays."""
    return Verdict(False, "no contest", "champion stays", why, ways_out=ways_out)


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
    both = int((right & champion_right).sum())
    rules = [
        gain(wins, losses, both, rows, policy.threshold),
        significance(wins, losses, policy),
        over_majority(int(right.sum()), int((true == majority).sum()), rows),
        macro_f1(true, champion.predicted, challenger.predicted, classes),
        recall_per_class(true, champion_right, right),
        log_loss(true, champion, challenger, classes),
        calibration(champion_right, champion, right, challenger),
    ]
    if segments is not None:
        rules.append(accuracy_per_segment(segments, champion_right, right))
    rules = [replace(rule, blocks=rule.blocks and rule.name in policy.required) for rule in rules]
    return _decide([*rules, *settled], rows, policy)


def over_majority(correct: int, majority_correct: int, rows: int) -> Rule:
    """The challenger gets more rows right than always answering the majority class would."""
    return Rule(
        "majority",
        "accuracy over majority class",
        None,
        correct / rows,
        f"> {majority_correct / rows:.4f} (majority class)",
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
    required = f"gain > {threshold:g}"
    return Rule("accuracy", "accuracy", champion, challenger, required, passed)


def significance(wins: int, losses: int, policy: Policy) -> Rule:
    """McNemar: an equally good challenger would rarely win by this much."""
    p = paired.mcnemar_p(wins, losses)
    required = f"<= {policy.significance:g}"
    asked = policy.threshold >= 0
    passed = p <= policy.significance
    metric = "McNemar p (gain by chance)"
    return Rule("significance", metric, None, p, required, passed, blocks=asked)


def macro_f1(true: Labels, champion: Labels, challenger: Labels, classes: Sequence[str]) -> Rule:
    """Macro-F1 is not worse beyond chance: the interval of the difference reaches 0."""
    values = [
        metrics.confusion_metrics(metrics.confusion_counts(true, answers, classes), classes)
        for answers in (champion, challenger)
    ]
    low, high = paired.macro_f1_difference(true, champion, challenger)
    found = f"95 % interval of the difference: {signed(low)} to {signed(high)}"
    before, after = (value["f1_macro"] for value in values)
    required = "not worse beyond chance"
    return Rule("macro_f1", "macro-F1", before, after, required, high >= 0, found=found)


def recall_per_class(true: Labels, champion: Bools, challenger: Bools) -> Rule:
    """No class is recognised clearly less often; see `_no_group_drops`."""
    return _no_group_drops("recall", "recall per class", true, champion, challenger)


def accuracy_per_segment(segments: Labels, champion: Bools, challenger: Bools) -> Rule:
    """No segment is answered clearly worse; see `_no_group_drops`."""
    return _no_group_drops("segments", "accuracy per segment", segments, champion, challenger)


def _no_group_drops(
    name: RuleName, metric: str, groups: Labels, champion: Bools, challenger: Bools
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
    large = [k for k in range(len(values)) if size[k] >= MIN_ROWS]
    if not large:
        return Rule(name, metric, None, None, found=f"no group has {MIN_ROWS} rows")
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
    found = _drops_in_words(clear) or f"worst: {values[k]}, {_points(drops[worst])}"
    shares = before[k] / size[k], after[k] / size[k]
    return Rule(name, metric, *shares, "no clear drop", not clear, found=found)


def _drops_in_words(clear: Sequence[tuple[Fraction, str]]) -> str:
    """The largest drops, by group; "" if there is none."""
    if not clear:
        return ""
    largest = sorted(clear, key=lambda pair: -pair[0])[:SHOWN_DROPS]
    named = ", ".join(f"{group} {_points(drop)}" for drop, group in largest)
    more = f" and {len(clear) - SHOWN_DROPS} more" if len(clear) > SHOWN_DROPS else ""
    return f"{named}{more}"


def _points(drop: Fraction) -> str:
    return points(-float(drop))


def log_loss(true: Labels, champion: Answers, challenger: Answers, classes: Sequence[str]) -> Rule:
    """The log loss is not clearly greater, beyond a small margin."""
    column = metrics.class_indices(classes)
    at = np.arange(len(true)), np.array([column[name] for name in true])
    given = champion.proba[at], challenger.proba[at]
    losses = [float(metrics.log_losses(proba).mean()) for proba in given]
    low, _ = paired.log_loss_difference(*given)
    required = f"not clearly > +{LOG_LOSS_MARGIN:g}"
    return Rule("log_loss", "log loss", losses[0], losses[1], required, low <= LOG_LOSS_MARGIN)


def calibration(
    champion_right: Bools,
    champion: Answers,
    right: Bools,
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
    passed = low <= ECE_MARGIN
    return Rule("calibration", "calibration (ECE)", errors[0], errors[1], required, passed)


def _decide(rules: Sequence[Rule], rows: int, policy: Policy) -> Verdict:
    accuracy = next(rule for rule in rules if rule.name == "accuracy")
    since = f" since {policy.since}" if policy.since else ""
    figures = (
        f"accuracy {accuracy.challenger:.4f} against {accuracy.champion:.4f} on {rows:,} shared "
        f"holdout rows{since}, a gain of {signed(accuracy.difference or 0)}"
    )
    failed = [rule for rule in rules if rule.blocks and rule.passed is False]
    if policy.required and not failed:
        asked = f" (> {policy.threshold:g})" if accuracy.blocks else ""
        saved = [
            f"; {rule.metric} {rule.challenger:,.1f} against {rule.champion:,.1f}"
            for rule in rules
            if rule.name == "cost" and rule.blocks
        ]
        grounds = "".join([figures, asked, *saved])
        return Verdict(True, "promoted", "new champion", grounds, tuple(rules))
    if not policy.required:
        grounds = f"{figures}, but {NO_RULES}"
    elif accuracy in failed:
        grounds = f"{figures} (more than {policy.threshold:g} is required)"
    else:
        grounds = f"{figures}, but {'; '.join(map(_failure, failed))}"
    return Verdict(False, "rejected", "champion stays", grounds, tuple(rules))


def _failure(rule: Rule) -> str:
    champion = "" if rule.champion is None else f" against {rule.champion:.4f}"
    found = f"; found: {rule.found}" if rule.found else ""
    return f"{rule.metric} is {rule.challenger:.4f}{champion} (required: {rule.required}{found})"
