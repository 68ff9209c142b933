import json
import os
import re
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from json_schema import problems

from common.evaluation.metrics import ClassMetrics
from common.monitoring.checks.finding import Finding, Status
from common.monitoring.history import BoundedShare, WindowRecord
from common.monitoring.incidents.incident import Incident, Notice
from common.monitoring.result import (
    ClassResult,
    ClassResults,
    Example,
    MonitoringResult,
    RowTotals,
    SegmentResult,
    WatchedModel,
)
from common.reports import monitoring as monitor_page

HOSTILE = [
    "<script>document.title='owned'</script>",
    "<img src=x onerror=\"document.title='owned'\">",
    "</td></table><iframe src='https://example.org'></iframe>",
    "javascript:alert(1)",
    "\u202etxet desrever\u202c \u200b zero",
    "{{ 7 * 7 }} {% include 'base.html' %}",
    "x" * 5000,
    "😡 & \" ' <b>",
]
TEXT = st.one_of(st.text(max_size=20), st.sampled_from(HOSTILE))
SHARE = st.floats(0, 1)
MAYBE = st.one_of(st.just(float("nan")), SHARE)
ROWS = st.integers(0, 10**7)
STATUS = st.sampled_from(Status)
OPENED, RECOVERED = (datetime(2026, 3, day, 6, tzinfo=UTC) for day in (1, 2))
MOVED = st.fixed_dictionaries(
    {"class": TEXT, "share": st.one_of(st.none(), SHARE), "reference": st.one_of(st.none(), SHARE)}
)
FINDING = st.builds(
    Finding,
    name=TEXT,
    status=STATUS,
    reason=TEXT,
    value=MAYBE,
    lower=MAYBE,
    upper=MAYBE,
    limit=MAYBE,
    rows=ROWS,
    detail=st.fixed_dictionaries(
        {},
        optional={
            "words": st.lists(TEXT, max_size=3),
            "moved": st.lists(MOVED, max_size=3),
            "p": SHARE,
        },
    ),
    unescalated=st.one_of(st.none(), STATUS),
)
INTERVAL = st.one_of(st.none(), st.builds(BoundedShare, value=SHARE, lower=SHARE, upper=SHARE))
WINDOW = st.builds(
    WindowRecord,
    window=TEXT,
    status=STATUS,
    read=ROWS,
    labelled=ROWS,
    correct=ROWS,
    accuracy=INTERVAL,
    estimate=INTERVAL,
)
METRICS = st.builds(ClassMetrics, support=ROWS, precision=MAYBE, recall=MAYBE, f1=MAYBE)
ROW = st.builds(ClassResult, metrics=METRICS, reference_recall=st.one_of(st.none(), MAYBE))
SEGMENT = st.builds(
    SegmentResult, rows=ROWS, correct=ROWS, accuracy=SHARE, lower=SHARE, upper=SHARE
)
EXAMPLE = st.builds(Example, text=TEXT, true=TEXT, predicted=TEXT, confidence=MAYBE)
NOTICE = st.builds(
    Notice,
    incident=TEXT,
    model=TEXT,
    finding=st.one_of(TEXT, st.sampled_from(["accuracy", "drift", "data"])),
    change=st.sampled_from(["opened", "recovered"]),
    status=STATUS,
    since=st.just(OPENED),
    at=st.just(RECOVERED),
    window=TEXT,
    reason=TEXT,
    detail=st.just({}),
)


@st.composite
def some_classes(draw):
    names = draw(st.lists(TEXT, max_size=20, unique=True))
    if not names:
        return None
    return ClassResults(
        tuple(names),
        [[draw(st.integers(0, 99)) for _ in names] for _ in names],
        {name: draw(ROW) for name in names},
    )


def some(items, most, least=0):
    return st.lists(items, min_size=least, max_size=most).map(tuple)


RESULT = st.builds(
    MonitoringResult,
    status=STATUS,
    reason=TEXT,
    model=st.builds(WatchedModel, name=TEXT, version=st.just(3), run_id=TEXT),
    file=TEXT,
    at=st.just(RECOVERED),
    floor=st.floats(0.01, 0.99),
    window=st.one_of(st.none(), TEXT),
    windows=some(WINDOW, 5),
    findings=some(FINDING, 4),
    metrics=st.just({}),
    classes=some_classes(),
    segments=st.dictionaries(TEXT, SEGMENT, max_size=20),
    examples=some(EXAMPLE, 3),
    incidents=some(st.builds(Incident, some(NOTICE, 2, least=1)), 3),
    next_steps=some(TEXT, 3),
    counts=st.just(RowTotals(5, 4, 1, 0, 0, 0)),
)

PLAIN = MonitoringResult(
    status=Status.CRITICAL,
    reason="too many errors",
    model=WatchedModel("triage", 3, "abc"),
    file="a.csv",
    at=RECOVERED,
    floor=0.8,
    window=None,
    windows=(),
    findings=(),
    metrics={},
    classes=None,
    segments={},
    examples=(),
    incidents=(),
    next_steps=(),
    counts=RowTotals(0, 0, 0, 0, 0, 0),
)


class Page(HTMLParser):
    """Tags, attributes, and whether what is opened is closed."""

    EMPTY = frozenset(["meta", "link", "br", "hr", "img", "input", "line", "use", "rect", "circle"])

    def __init__(self, text):
        super().__init__()
        self.tags, self.links, self.handlers, self.open = [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.links += [value for name, value in attrs if name in ("href", "src", "xlink:href")]
        self.handlers += [name for name, _ in attrs if name.startswith("on")]
        if tag not in self.EMPTY:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in self.EMPTY:
            self.open.pop()

    def handle_endtag(self, tag):
        if tag not in self.EMPTY:
            assert self.open.pop() == tag


@given(RESULT)
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_whatever_was_found_is_a_page_that_needs_nothing_and_runs_nothing(result):
    page = Page(monitor_page.render(result))
    assert page.open == []
    assert not {"script", "iframe", "img", "object"} & set(page.tags)
    assert not page.handlers
    assert all(link.startswith(("#", "data:,")) for link in page.links), page.links


def test_the_verdict_is_the_first_that_is_read():
    page = monitor_page.render(PLAIN)
    text = re.sub(r"<style>.*?</style>|<[^>]*>", " ", page, flags=re.DOTALL)
    assert text.index("too many errors") < text.index("What to do next")
    assert text.index("What to do next") < text.index("Accuracy over time")


@pytest.mark.parametrize("hostile", HOSTILE[:3])
def test_messages_are_shown_and_not_run(hostile):
    page = monitor_page.render(replace(PLAIN, examples=(Example(hostile, "a", "b", 0.9),)))
    assert hostile not in page
    assert "&lt;" in page


def test_many_classes_are_cut_to_the_worst():
    names = [f"class {number:02}" for number in range(60)]
    by_class = {
        name: ClassResult(ClassMetrics(support=9, precision=0.5, recall=k / 60, f1=0.5))
        for k, name in enumerate(names)
    }
    confusion = [[int(a == b) for b in range(60)] for a in range(60)]
    classes = ClassResults(tuple(names), confusion, by_class)
    page = monitor_page.render(replace(PLAIN, classes=classes))
    assert "class 03" in page
    assert "class 40" not in page
    assert "15 of 60" in page


@given(RESULT)
def test_a_result_holds_to_its_schema_whatever_was_found(result):
    facts = result.to_json()
    assert json.loads(json.dumps(facts, allow_nan=False)) == facts
    assert problems(facts, "monitor.schema.json") == []


def test_the_schema_refuses_what_a_result_never_is():
    facts = PLAIN.to_json()
    for wrong in ({"status": "FINE"}, {"floor": "0.8"}, {"windows": [{}]}, {"more": 1}):
        assert problems(facts | wrong, "monitor.schema.json")
    del facts["counts"]
    assert problems(facts, "monitor.schema.json")


def test_only_old_reports_of_the_monitor_beside_a_new_one_are_removed(tmp_path):
    head = b'<!doctype html><meta name="generator" content="triage-trio monitor">'
    names = ("old.html", "young.html", "now.html", "mine.html", "old.txt", "deep/old.html")
    (tmp_path / "deep").mkdir()
    for name in names:
        path = tmp_path / name
        path.write_bytes(b"<p>triage-trio monitor</p>" if name == "mine.html" else head)
        if name != "young.html":
            os.utime(path, (1e9, 1e9))
    (tmp_path / "link.html").symlink_to(tmp_path / "deep" / "old.html")
    assert monitor_page.remove_older(tmp_path / "now.html", 30) == ["old.html"]
    left = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*")}
    assert left == {"deep", "link.html", *names} - {"old.html"}
