"""The contest of a challenger with the champion as one page of HTML that anybody can read."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal, NamedTuple

import numpy as np

from common.evaluation import metrics
from common.masking import OPEN, Disclosure
from common.reports import changes, charts, html
from common.text import points
from common.training.contest import Answers, Rule, RuleName, Verdict
from common.training.doubts import DoubtfulLabel
from common.training.flips import Pair
from common.types import Bools, Floats, Labels

Direction = Literal["higher", "lower", ""]

SHOWN_GROUPS = 20
SMALLEST_CHANGE = 0.00005  # what four decimals show

# Which direction is better, and the rule for a newcomer.
EXPLANATIONS: Mapping[RuleName, tuple[Direction, str]] = {
    "majority": (
        "higher",
        "The share of rows answered right. A model must do better than always answering the most "
        "frequent class, or it has learnt nothing.",
    ),
    "accuracy": ("higher", "The share of rows answered right."),
    "significance": (
        "lower",
        "Only the rows that exactly one of the two gets right tell them apart. This is the chance "
        "that an equally good challenger wins as many of them; below 0.05, luck is unlikely.",
    ),
    "macro_f1": (
        "higher",
        "F1 joins precision (how many answers of a class are right) with recall (how many of its "
        "rows are found). Macro: the mean over the classes, a rare one counts as much as any.",
    ),
    "recall": (
        "higher",
        "The share of each class's rows that are recognised. No class of 30 rows or more may lose "
        "more than 5 points beyond chance, nor 10 points at all; the figures are those of the "
        "class that lost most.",
    ),
    "segments": (
        "higher",
        "Accuracy within each group of rows: a gain on average must not be paid for by one group. "
        "No group of 30 rows or more may lose more than 5 points beyond chance, nor 10 points at "
        "all; the figures are those of the group that lost most.",
    ),
    "log_loss": (
        "lower",
        "How little probability the true class was given; being sure and wrong costs most.",
    ),
    "calibration": (
        "lower",
        "The mean gap between how sure a model is and how often it is right; 0 is perfect.",
    ),
    "coverage": (
        "higher",
        "The share of the messages whose answers are so sure that nobody has to look at them, if "
        "as many of these are to be right as AUTO_ACCURACY promises.",
    ),
    "cost": (
        "lower",
        "What the answers to 1,000 messages cost, by the costs of mistakes in COSTS; where a "
        "person's look costs less than the answer, that is what is paid.",
    ),
    "speed": ("higher", "Messages scored in a second."),
    "size": ("lower", "What the stored model takes on disk."),
    "clean_process": (
        "",
        "A new process with nothing but the stored model must load it and get the same answers.",
    ),
    "rolled_back": (
        "higher",
        "A champion that won on some of these rows was rolled back from, so they alone don't "
        "settle it: a challenger must also win on rows that it had not been tested on.",
    ),
}


@dataclass(frozen=True)
class Contest:
    """All that the page shows, about the n rows of holdout that both models answered.

    Args:
        champion_version: None if there is no champion yet.
        classes: K names, the columns of `proba`; all true and predicted ones are among them.
        texts: (n,) messages.
        true: (n,) classes.
        champion: None if there is no champion, or if it could not answer.
        left_out: rows of holdout that the champion may have been fitted on.
        segments: the group that each row belongs to, (n,).
        made: when, by whom, from what and with which code, by its name.
        provenance: section, then key, then value.
        doubts: labels of training rows that look wrong.
        changes: the rows that the two answer differently, by pair of classes.
        shown: how much of the messages.
    """

    model: str
    version: int
    run_id: str
    champion_version: int | None
    verdict: Verdict
    classes: tuple[str, ...]
    texts: Sequence[str]
    true: Labels
    challenger: Answers
    champion: Answers | None
    left_out: int
    segments: Labels | None
    made: Mapping[str, str]
    provenance: Mapping[str, Mapping[str, str]]
    doubts: Sequence[DoubtfulLabel] = ()
    changes: Sequence[Pair] = ()
    shown: Disclosure = OPEN


@dataclass(frozen=True)
class Competitor:
    """One of the two models, and how it fares on the rows; shares are 0 to 1."""

    role: str
    version: int
    classes: tuple[str, ...]
    true: Labels
    answers: Answers

    @cached_property
    def right(self) -> Bools:
        return np.asarray(self.answers.predicted == self.true, bool)

    @cached_property
    def confidence(self) -> Floats:
        return self.answers.proba.max(axis=1)

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's, 95 %, of the accuracy; all of 0 to 1 if there is no row."""
        rows = len(self.right)
        return metrics.wilson_interval(int(self.right.sum()), rows) if rows else (0.0, 1.0)

    @property
    def confusion(self) -> tuple[list[str], list[list[int]]]:
        """Names, and counts by true class, then predicted class; see `charts.fold`."""
        counts = metrics.confusion_counts(self.true, self.answers.predicted, self.classes)
        names, folded = charts.fold(counts, self.classes)
        return names, folded.tolist()

    @cached_property
    def calibration(self) -> list[tuple[int, float, float]]:
        """(rows, mean confidence, accuracy) by confidence."""
        known = np.isfinite(self.confidence)
        return metrics.calibration(self.right[known], self.confidence[known])

    @property
    def calibration_error(self) -> float:
        """ECE, 0 to 1; nan if no confidence is known."""
        rows = sum(n for n, _, _ in self.calibration)
        gaps = sum(n * abs(share - sure) for n, sure, share in self.calibration)
        return gaps / rows if rows else float("nan")

    def answer(self, row: int) -> Answer:
        """What it answers to the message in this row."""
        return Answer(
            name=str(self.answers.predicted[row]),
            right=bool(self.right[row]),
            confidence=float(self.confidence[row]),
        )


@dataclass(frozen=True)
class RuleRow:
    """A rule as the page shows it.

    Args:
        state: failed, passed, or reported for what decides nothing.
        better: which direction is, higher or lower; "" if that is not known.
        effect: whether the difference is better or worse; "" if neither.
        difference: in words; "" if there is none.
    """

    rule: Rule
    state: str
    better: Direction
    effect: str
    difference: str
    explanation: str


class Answer(NamedTuple):
    """A model's answer to one message."""

    name: str
    right: bool
    confidence: float


@dataclass(frozen=True)
class WrongAnswer:
    """A message, its class, and the answer to it."""

    text: str
    true: str
    answer: Answer


def render(contest: Contest) -> str:
    """The page, the champion's side first; without that side if the champion has no answers."""
    sides = [("challenger", contest.version, contest.challenger)]
    if contest.champion and contest.champion_version:
        sides.insert(0, ("champion", contest.champion_version, contest.champion))
    models = [Competitor(role, n, contest.classes, contest.true, given) for role, n, given in sides]
    right = [model.right for model in models]
    return html.render(
        "contest_page.html",
        contest=contest,
        rows=len(contest.true),
        models=models,
        rules=rule_rows(contest.verdict.rules),
        ticks=charts.ticks([bound for model in models for bound in model.interval]),
        agreement=agreement(*right) if len(right) == 2 else None,
        per_class=charts.groups(contest.true, right),
        per_segment=None if contest.segments is None else charts.groups(contest.segments, right),
        shown_groups=SHOWN_GROUPS,
        changes=changes.shown(contest.changes, contest.texts, contest.shown),
        errors=surest_errors(contest.texts, models[-1], contest.shown),
        doubts=[
            replace(doubt, text=text)
            for doubt, text in zip(
                contest.doubts,
                contest.shown.shown(doubt.text for doubt in contest.doubts),
                strict=True,
            )
        ],
    )


def rule_rows(rules: Sequence[Rule]) -> list[RuleRow]:
    """What decided against the challenger first, what decides nothing last."""
    rows = [_rule_row(rule) for rule in rules]
    return sorted(rows, key=lambda row: ("failed", "passed", "reported").index(row.state))


def _rule_row(rule: Rule) -> RuleRow:
    better, explanation = EXPLANATIONS[rule.name]
    decides = rule.blocks and rule.passed is not None
    state = ("passed" if rule.passed else "failed") if decides else "reported"
    change = rule.difference
    effect = ""
    if better and change is not None and abs(change) >= SMALLEST_CHANGE:  # never true of nan
        effect = "better" if (change > 0) == (better == "higher") else "worse"
    return RuleRow(rule, state, better, effect, _in_words(rule, effect), explanation)


def _in_words(rule: Rule, effect: str) -> str:
    """The difference, such as `6.2 points worse`; a point is 0.01."""
    change = rule.difference
    if change is None or math.isnan(change):
        return ""
    if rule.name in ("speed", "size"):
        return _relative(rule) if rule.champion else ""
    if not effect:
        return "no difference"
    if rule.name in ("log_loss", "cost"):
        return f"{html.figure(abs(change))} {effect}"
    return points(abs(change) if effect == "better" else -abs(change))


def _relative(rule: Rule) -> str:
    more, less = ("faster", "slower") if rule.name == "speed" else ("larger", "smaller")
    share = round(100 * ((rule.challenger or 0) / (rule.champion or 1) - 1))
    return f"{abs(share)} % {more if share > 0 else less}" if share else "no difference"


def agreement(champion: Bools, challenger: Bools) -> dict[str, int]:
    """How many rows both, one or none of the two get right."""
    return {
        "both": int((champion & challenger).sum()),
        "only_champion": int((champion & ~challenger).sum()),
        "only_challenger": int((~champion & challenger).sum()),
        "neither": int((~champion & ~challenger).sum()),
    }


def surest_errors(
    texts: Sequence[str], model: Competitor, disclosure: Disclosure = OPEN
) -> tuple[int, list[WrongAnswer]]:
    """How many of the n rows a model gets wrong, and those that it is surest of.

    Args:
        texts: (n,) messages.
    """
    found = np.flatnonzero(~model.right)
    sureness = np.nan_to_num(model.confidence[found])
    shown = found[np.argsort(-sureness, kind="stable")][: disclosure.examples]
    return len(found), [
        WrongAnswer(text, str(model.true[row]), model.answer(row))
        for row, text in zip(shown, disclosure.shown(texts[row] for row in shown), strict=True)
    ]
