"""The promise of automatic answers over several looks, files and ways to be routed."""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pytest

from common.evaluation import profile
from common.evaluation.drawn_rows import DrawnAnswers, with_drawn
from common.evaluation.profile import Profile
from common.evaluation.routing import AutoCounts, Group, Promise, Routing
from common.monitoring.checks.finding import Status
from common.monitoring.checks.suite import Baseline
from common.monitoring.feed import Feed
from common.monitoring.incidents.book import open_book
from common.monitoring.run import judge_windows, record_windows

FEED = Feed("triage", source="days", window="1 days", floor=0.5)
ROUTING = Routing(Promise(0.95), Group(0.95, 0.8, 1000, 800, 780))


class Classifier:
    classes_ = np.array(["a", "b"], object)


def of(correct, labelled, rows=200):
    """A window of so many rows, of which some are automatic and have a label."""
    labels = np.array(["a"] * correct + ["b"] * (rows - correct), object)
    texts = pa.array([f"hello {k}" for k in range(rows)], pa.large_string())
    found = profile.of_rows(texts, labels, np.full(rows, "a", object), np.full(rows, 0.9))
    return replace(found, automatic={"a": AutoCounts(rows, labelled, labelled, correct)})


def look(book, windows, routing=ROUTING):
    """One look of the monitor, as cron starts it; the findings of the newest window by name."""
    at = datetime(2026, 3, 30, tzinfo=UTC)
    baseline = Baseline(Classifier(), None, FEED.floor, routing)
    run = judge_windows(FEED, 3, windows, baseline, book, at, days=1, label_days=None)
    record_windows(run, book, (), 24)
    return {finding.name: finding for finding in run.judged[run.newest].findings}


@pytest.fixture
def book(tmp_path):
    with open_book(tmp_path / "monitor.db") as book:
        yield book


def test_a_slow_break_is_seen_by_one_look_a_day(book):
    """Each day alone may be chance; the days before are known from their records."""
    statuses = [
        look(book, {f"2026-03-{day:02}": of(90, 100)})["auto_accuracy"].status
        for day in range(1, 6)
    ]
    assert statuses[0] is Status.OK
    assert statuses[-1] is Status.CRITICAL


def test_shares_of_other_thresholds_are_no_measure(book):
    for day in range(1, 11):
        found = look(book, {f"2026-03-{day:02}": of(155, 160)})
        assert found["auto_share"].status is Status.OK
    fewer = replace(ROUTING, rest=Group(0.95, 0.9, 1000, 640, 630))
    for day in range(11, 15):
        found = look(book, {f"2026-03-{day:02}": of(125, 128)}, fewer)
        assert found["auto_share"].status is Status.OK, found["auto_share"].reason


def test_what_was_drawn_for_being_hard_counts_by_what_it_stands_for():
    """A new topic that is answered wrongly, with confidence: `novel` rows are where it shows."""
    strata = np.array(["random"] * 100 + ["novel"] * 60, object)
    weights = np.where(strata == "random", 8.8, 1.0)
    right = strata == "random"
    answers = DrawnAnswers(strata, weights, right, np.full(160, "a", object), np.full(160, True))
    found = with_drawn(Profile(automatic={"a": AutoCounts(100, 100, 100, 100)}), answers, 60)
    (counts,) = found.routed(ROUTING).values()
    assert counts.correct / counts.labelled == pytest.approx(880 / 940, abs=0.01)
    assert 90 < counts.labelled < 130
    both = found + found
    assert both.routed(ROUTING)["a"].labelled > counts.labelled
    kept = Profile.from_counts_json(found.counts_json())
    assert kept.routed(ROUTING) == found.routed(ROUTING)


def test_classes_of_one_promise_count_by_the_messages_they_stand_for():
    """Half of the messages are copies of five texts, of which four are answered rightly."""
    weights = np.array([100.0] * 5 + [10.0] * 50)
    right = np.array([True] * 4 + [False] + [True] * 50)
    names = np.array(["a"] * 5 + ["b"] * 50, object)
    strata = np.full(55, "random", object)
    answers = DrawnAnswers(strata, weights, right, names, np.full(55, True))
    found = with_drawn(Profile(), answers, 0)
    together = found.routed(ROUTING)
    labelled, correct = (
        sum(getattr(each, name) for each in together.values()) for name in ("labelled", "correct")
    )
    assert correct / labelled == pytest.approx(0.9, abs=0.02)
    # However many classes share it, their labels are those of all together.
    names = np.array([f"class {k % 11}" for k in range(55)], object)
    answers = replace(answers, predicted=names)
    split = with_drawn(Profile(), answers, 0).routed(ROUTING).values()
    assert (sum(each.labelled for each in split), sum(each.correct for each in split)) == (
        labelled,
        correct,
    )
    # With a promise of its own, a class is judged by its own rows alone.
    own = replace(ROUTING, by_class={"a": Group(0.9, 0.8, 100, 50, 49)})
    assert found.routed(own)["a"].labelled <= 5
    assert found.routed(own)["b"] == AutoCounts(0, 0, 50, 50)
