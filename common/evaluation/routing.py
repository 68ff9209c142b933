"""Which answers can be relied on without a look: a confidence threshold with a guarantee.

A promise says how many of the automatic answers must be right, such as 95 in 100. From messages
that no model was fitted on a threshold is chosen that keeps the promise with 95 % confidence:
every promise of one routing at once, as long as new messages are like these.

Sources: selective prediction with guaranteed risk (Geifman & El-Yaniv 2017); thresholds as a
sequence of tests (Learn Then Test, Angelopoulos et al. 2021); exact binomial bounds (Clopper &
Pearson 1934); several starting points that share the error, and hand theirs on (the fallback
procedure, Wiens 2003; as a graph, Bretz et al. 2009).
"""

from __future__ import annotations

import json
import math
import operator
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import stats

from common.errors import SettingsError
from common.evaluation.risk_coverage import accuracy_lower
from common.text import listed
from common.types import Bools, Floats, Json, Labels

AUTO, PERSON = "auto", "person"
# What all promises of a routing together may be broken with.
ERROR = 0.05
# As predict.py writes it: what a route follows from can be looked up in its output.
DIGITS = 6
# Thresholds that are tried, from the most confident answers down. With 400 coverage is within .2
# points of what testing at every row reaches, and .3 above that of 100 (5,000 rows, five shapes of
# confidence).
TESTS = 400
# Below so many times the fewest rows that can keep a promise, testing starts with the fewest. Real
# answers, mean of 450 draws: 100 of airlines at .9 had .26 instead of .10 automatic; of customer or
# brand 100 at .95 .74 instead of .26, 300 at .98 .48 instead of 0. With more rows it fails too
# often, since some of the surest answers have a wrong label: 300 at .95, .81 instead of .99.
FEW = 4
SHOWN_CLASSES = 20


@dataclass(frozen=True)
class Promise:
    """How often automatic answers must be right, 0 to 1.

    Attributes:
        accuracy: of the answers to all classes without a promise of their own.
        by_class: of the answers that say this class; 1: a person looks at all of them.
    """

    accuracy: float
    by_class: Mapping[str, float] = field(default_factory=dict)

    def __str__(self) -> str:
        own = (
            f"{name}: {share:g}" if share < 1 else f"{name}: always a person"
            for name, share in self.by_class.items()
        )
        return ", ".join([f"{self.accuracy:g}", *own])

    def require_classes(
        self, known: Iterable[str], given_as: str = "AUTO_ACCURACY_BY_CLASS"
    ) -> None:
        """Refuse a promise of a class that is not there.

        Args:
            given_as: the setting or flag that has the promises of classes.

        Raises:
            SettingsError: names it, and those that are.
        """
        names = sorted(set(known))
        unknown = sorted(set(self.by_class) - set(names))
        if unknown:
            more = f" and {len(names) - SHOWN_CLASSES} more" if len(names) > SHOWN_CLASSES else ""
            raise SettingsError(
                f"{given_as} names {unknown[0]!r}, which is no class of the messages: "
                f"{listed(names[:SHOWN_CLASSES])}{more}."
            )


@dataclass(frozen=True)
class Group:
    """Answers that share a promise: those that say one class, or all others.

    Attributes:
        promise: what share of the automatic ones is right.
        threshold: confidence from which on an answer is automatic; None: none is.
        rows: different messages that it was chosen on.
        auto, correct: how many of them are automatic, and how many of these right.
        lower: smallest accuracy of the automatic ones that these figures allow (exact one-sided
            bound); 0 without any.
        best_rows, best_correct: of the most confident answers that a test began with, for which
            the bound is highest.
    """

    promise: float
    threshold: float | None
    rows: int
    auto: int = 0
    correct: int = 0
    lower: float = 0.0
    best_rows: int = 0
    best_correct: int = 0

    def why_not(self, error: float) -> str:
        """Why no answer is automatic; "" if some are, or if none is to be.

        Args:
            error: what this promise alone may be broken with.
        """
        if self.threshold is not None or self.promise >= 1:
            return ""
        fewest = fewest_rows(self.promise, error)
        if self.rows < fewest:
            return (
                f"{self.rows:,} different holdout messages are too few to promise "
                f"{self.promise:g}: {fewest:,} are needed, all of them right"
            )
        if not self.best_rows:
            return (
                f"fewer than {fewest:,} of {self.rows:,} different holdout messages have an answer "
                f"that may go out without a look (COSTS), too few to promise {self.promise:g}"
            )
        return (
            f"no threshold keeps the promise of {self.promise:g} beyond chance: of the "
            f"{self.best_rows:,} most confident answers {self.best_correct / self.best_rows:.1%} "
            f"are right, on {self.rows:,} different holdout messages"
        )


def _group(data: Mapping[str, Any]) -> Group:
    group = Group(**data)
    if not isinstance(group.threshold, float | int | None):
        raise TypeError("a threshold is a number")
    return group


class AutoCounts(NamedTuple):
    """Answers that say one class: all, the automatic ones, those of these with a label, and those
    that it says are right."""

    rows: int = 0
    automatic: int = 0
    labelled: int = 0
    correct: int = 0

    def plus(self, other: AutoCounts) -> AutoCounts:
        """The answers of both."""
        return AutoCounts(*map(operator.add, self, other))


@dataclass(frozen=True)
class Routing:
    """Who looks at which answer: chosen for one model, stored with its version.

    Attributes:
        promise: what it keeps.
        rest: the answers to classes without a promise of their own.
        by_class: those that have one, by predicted class.
    """

    promise: Promise
    rest: Group
    by_class: Mapping[str, Group] = field(default_factory=dict)

    @property
    def groups(self) -> dict[str, Group]:
        """All groups; that of the rest is called ""."""
        return {"": self.rest, **self.by_class}

    @property
    def error(self) -> float:
        """What each promise alone may be broken with."""
        return _error_of_each(self.promise)

    @property
    def rows(self) -> int:
        return sum(group.rows for group in self.groups.values())

    @property
    def coverage(self) -> float:
        """The share of the messages that are answered automatically, 0 to 1."""
        return sum(group.auto for group in self.groups.values()) / max(self.rows, 1)

    @property
    def accuracy(self) -> float | None:
        """Of the automatic answers that it was chosen on; None without any."""
        auto = sum(group.auto for group in self.groups.values())
        return sum(group.correct for group in self.groups.values()) / auto if auto else None

    @property
    def coverage_interval(self) -> tuple[float, float]:
        """The coverage of new messages, with 95 % confidence (Wilson 1927)."""
        if not self.rows:
            return 0.0, 1.0
        auto = sum(group.auto for group in self.groups.values())
        found = stats.binomtest(auto, self.rows).proportion_ci(method="wilson")
        return float(found.low), float(found.high)

    def automatic(self, predicted: Labels, confidence: Floats) -> Bools:
        """(n,) whether nobody has to look at an answer.

        Args:
            predicted, confidence: (n,) predicted classes and their probabilities.
        """
        found = confidence.round(DIGITS) >= _least(self.rest)
        for name, group in self.by_class.items():
            own = predicted == name
            found[own] = confidence[own].round(DIGITS) >= _least(group)
        return found

    def group_of(self, name: str) -> str:
        """The group of the answers that say a class."""
        return name if name in self.by_class else ""

    def thresholds(self, classes: npt.NDArray[np.object_]) -> Floats:
        """(K,) the threshold of each predicted class; infinite where no answer is automatic."""
        of = (self.by_class.get(str(name), self.rest) for name in classes)
        return np.array([_least(group) for group in of])

    @property
    def key(self) -> str:
        """What decides who looks at an answer, in one line: promises with their thresholds.

        >>> Routing(Promise(0.95), Group(0.95, 0.871234, 900)).key
        '0.95 from 0.871234'
        """
        return ", ".join(
            f"{json.dumps(name) + ': ' if name else ''}{group.promise:g} "
            f"{'never' if group.threshold is None else f'from {group.threshold}'}"
            for name, group in self.groups.items()
        )

    def problems(self) -> list[str]:
        """Why groups have no automatic answers."""
        return [
            f"answers that say {name}: {why}" if name else why
            for name, group in self.groups.items()
            if (why := group.why_not(self.error))
        ]

    def sentence(self) -> str:
        """What it does, for people."""
        if self.accuracy is None:
            return f"Automatic: nothing; {'; '.join(self.problems()) or 'as decided'}."
        low, high = self.coverage_interval
        also = f" But {'; '.join(problems)}." if (problems := self.problems()) else ""
        return (
            f"Automatic: {self.coverage:.1%} of the messages ({low:.1%} to {high:.1%}), "
            f"{self.accuracy:.1%} of them right; promised are {self.promise}.{also}"
        )

    def to_json(self) -> dict[str, Json]:
        return {
            "promise": {"accuracy": self.promise.accuracy, "by_class": dict(self.promise.by_class)},
            "rest": asdict(self.rest),
            "by_class": {name: asdict(group) for name, group in self.by_class.items()},
        }

    def to_text(self) -> str:
        return json.dumps(self.to_json())

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Routing:
        """What `to_json` gave.

        Raises:
            AttributeError, KeyError, TypeError, ValueError: it is something else.
        """
        promise = Promise(data["promise"]["accuracy"], dict(data["promise"]["by_class"]))
        groups = {name: _group(group) for name, group in data["by_class"].items()}
        return cls(promise, _group(data["rest"]), groups)


def choose(
    predicted: Labels, confidence: Floats, right: Bools, promise: Promise, first: Bools
) -> Routing:
    """Choose the thresholds that keep a promise.

    Args:
        predicted, confidence, right: (n,) answers to messages that the model was not fitted on:
            their classes, the probabilities of these (below 0: never automatic, whatever is
            promised), and whether they are right.
        first: (n,) False for copies of an earlier message. They are left out: copies are on one
            side of the split together, so they are no independent evidence.
    """
    predicted, confidence = predicted[first].astype(str), confidence[first].round(DIGITS)
    right = right[first]
    error = _error_of_each(promise)
    rest = np.ones(len(right), bool)
    by_class = {}
    for name, share in promise.by_class.items():
        own = predicted == name
        rest &= ~own
        by_class[name] = _choose_group(confidence[own], right[own], share, error)
    others = _choose_group(confidence[rest], right[rest], promise.accuracy, error)
    return Routing(promise, others, by_class)


def count_automatic(predicted: Labels, automatic: Bools, labels: Labels) -> dict[str, AutoCounts]:
    """What became of n answers, by predicted class.

    Args:
        automatic: (n,) whether nobody looked at them.
        labels: (n,) true classes, "" where there is none.
    """
    found = {}
    for name in np.unique(predicted.astype(str)).tolist():
        own = np.asarray(predicted == name, bool)
        auto = own & automatic
        labelled = auto & (labels != "")
        counts = (own, auto, labelled, labelled & (labels == name))
        found[name] = AutoCounts(*(int(rows.sum()) for rows in counts))
    return found


def fewest_rows(promise: float, error: float = ERROR) -> int:
    """The fewest messages that can keep a promise: all right would still happen by chance else.

    >>> fewest_rows(0.95)
    59
    """
    return math.ceil(math.log(error) / math.log(promise))


def _error_of_each(promise: Promise) -> float:
    return ERROR / (1 + sum(share < 1 for share in promise.by_class.values()))


def _least(group: Group) -> float:
    return math.inf if group.threshold is None else group.threshold


def _choose_group(confidence: Floats, right: Bools, promise: float, error: float) -> Group:
    """The threshold of answers that share a promise.

    The k most confident answers are tested, for growing k: the null hypothesis "less than promised
    are right" is rejected if so many right ones had a chance of at most `error`. Testing starts
    anew with twice, four times, ... as many answers as can keep the promise at all; the starts
    share the error, and each test that rejects hands its share on to the next. Few rows start once,
    with the fewest.
    """
    rows, may_be = len(right), confidence >= 0
    if promise >= 1:
        return Group(promise, None, rows)
    # Which answers may be automatic was not decided by their labels, so they are a sample too.
    confidence, right, n = confidence[may_be], right[may_be], int(may_be.sum())
    order = np.argsort(-confidence, kind="stable")
    sure, correct = confidence[order], np.cumsum(right[order])
    fewest = fewest_rows(promise, error)
    nothing = Group(promise, None, rows)
    # Answers of the same confidence go together.
    ends = np.flatnonzero(np.append(sure[1:] < sure[:-1], True)) + 1 if n else np.zeros(0, int)
    wanted = np.linspace(fewest, n, TESTS).astype(int) if n >= fewest else np.zeros(0, int)
    ks = np.unique(ends[np.searchsorted(ends, wanted)])
    if not len(ks):
        return nothing
    hits = correct[ks - 1]
    p = stats.binom.sf(hits - 1, ks, promise)
    shares = np.zeros(len(ks))
    starts = [fewest if n < FEW * fewest else 2 * fewest]
    while n >= FEW * fewest and 2 * starts[-1] <= n:
        starts.append(2 * starts[-1])
    at = np.unique(np.minimum(np.searchsorted(ks, starts), len(ks) - 1))
    shares[at] = error / len(at)
    last, handed_on = None, 0.0
    for i in range(len(ks)):
        allowed = handed_on + shares[i]
        rejected = allowed > 0 and p[i] <= allowed
        handed_on = allowed if rejected else 0.0
        last = i if rejected else last
    if last is None:
        best = int(at[accuracy_lower(hits[at], ks[at], error).argmax()])
        return replace(nothing, best_rows=int(ks[best]), best_correct=int(hits[best]))
    k, found = int(ks[last]), int(hits[last])
    lower = float(accuracy_lower(np.array([found]), np.array([k]), error)[0])
    return Group(promise, float(sure[k - 1]), rows, k, found, lower, k, found)
