"""Champion against challenger: the rules, the figures they rest on, and the verdict."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from scipy.stats import binomtest


@dataclass(frozen=True)
class Rule:
    """One row of the contest's report; `required` says in words what must hold, "" if nothing.

    `blocks`: the rule decides; without it, it is only reported.
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


def first_model(correct: int, majority_correct: int, rows: int) -> Verdict:
    """There is no champion: a model must get more rows right than the majority class does."""
    better = correct > majority_correct
    rule = Rule("accuracy", majority_correct / rows, correct / rows, "> majority class", better)
    if better:
        reason = (
            f"first champion: {correct / rows:.4f} accuracy on {rows:,} holdout rows, "
            f"the majority class has {majority_correct / rows:.4f}"
        )
        return Verdict(True, "promoted", reason, (rule,))
    reason = (
        f"no champion: {correct / rows:.4f} accuracy on {rows:,} holdout rows is no better than "
        f"the majority class ({majority_correct / rows:.4f})"
    )
    return Verdict(False, "rejected", reason, (rule,))


def against_champion(
    only_challenger: int,
    only_champion: int,
    both: int,
    rows: int,
    threshold: float,
    reported: dict[str, tuple[float, float]] | None = None,
) -> Verdict:
    """Promote if the gain in accuracy is greater than `threshold`.

    Args:
        only_challenger: rows that only the challenger gets right.
        only_champion: rows that only the champion gets right.
        both: rows that both get right.
        rows: rows of the holdout that neither was fitted on.
        threshold: gain in absolute accuracy that must be exceeded.
        reported: further metrics (champion, challenger) that decide nothing.
    """
    # Counts and the decimal as it was written, not floats: 0.85 >= 0.80 + 0.05 is False.
    passed = Fraction(only_challenger - only_champion, rows) > Fraction(str(threshold))
    champion, challenger = ((both + only) / rows for only in (only_champion, only_challenger))
    rules = (
        Rule("accuracy", champion, challenger, f"gain > {threshold:g}", passed),
        *(Rule(name, *pair) for name, pair in (reported or {}).items()),
        Rule("McNemar p (gain by chance)", None, mcnemar_p(only_challenger, only_champion)),
    )
    gain = challenger - champion
    figures = (
        f"accuracy {challenger:.4f} against {champion:.4f} on {rows:,} shared holdout rows, "
        f"a gain of {gain:+.4f}"
    )
    if passed:
        return Verdict(True, "promoted", f"new champion: {figures} (> {threshold:g})", rules)
    reason = f"champion stays: {figures} (more than {threshold:g} is required)"
    return Verdict(False, "rejected", reason, rules)


def no_contest(why: str) -> Verdict:
    """The two can't be compared, so the champion stays."""
    return Verdict(False, "no contest", f"champion stays: {why}")


def mcnemar_p(only_challenger: int, only_champion: int) -> float:
    """One-sided exact McNemar test: the chance of so many wins of an equal challenger.

    P(Bin(b + c, 1/2) >= b); 1 where the two never differ. Source: Dietterich, Approximate
    Statistical Tests for Comparing Supervised Classification Algorithms, 1998, section 3.1.

    >>> mcnemar_p(5, 0)
    0.03125
    """
    differing = only_challenger + only_champion
    if not differing:
        return 1.0
    return float(binomtest(only_challenger, differing, alternative="greater").pvalue)
