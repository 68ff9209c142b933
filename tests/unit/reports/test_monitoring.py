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
from common.evaluation.two_samples import Share
from common.monitoring.advice import Step
from common.monitoring.checks.catalogue import CHECKS
from common.monitoring.checks.finding import Finding, Status
from common.monitoring.class_results import ClassResult, ClassResults, SegmentResult
from common.monitoring.course import Course
from common.monitoring.examples import Example
from common.monitoring.history import BoundedShare, WindowRecord
from common.monitoring.incidents.incident import Incident, Notice
from common.monitoring.result import (
    MonitoringResult,
    RowTotals,
    WatchedModel,
)
from common.monitoring.telling_words import TellingWord
from common.monitoring.version_changes import VersionChange
from common.monitoring.wrong_answers import ClassErrors, WrongAnswers
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
    name=st.one_of(TEXT, st.sampled_from(sorted(CHECKS))),
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
            "more": st.one_of(st.none(), st.lists(TEXT, max_size=3)),
            "reference": MAYBE,
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
STEP = st.builds(Step, say=TEXT, command=st.one_of(st.none(), TEXT))
COURSE = st.builds(
    Course,
    window=TEXT,
    now=SHARE,
    rows=ROWS,
    usual=st.one_of(st.none(), SHARE),
    before=st.one_of(st.none(), SHARE),
    before_window=st.one_of(st.none(), TEXT),
    since=st.one_of(st.none(), TEXT),
)
WRONG = st.builds(
    WrongAnswers,
    wrong=ROWS,
    right=ROWS,
    mostly=st.one_of(
        st.none(), st.builds(ClassErrors, true=TEXT, predicted=TEXT, wrong=ROWS, rows=ROWS)
    ),
    words=st.lists(
        st.builds(TellingWord, word=TEXT, share=SHARE, other_share=SHARE), max_size=3
    ).map(tuple),
    shares=st.tuples(SHARE, SHARE),
    segments=st.dictionaries(TEXT, st.just(Share(3, 9)), max_size=2),
)
CHANGE = st.builds(VersionChange, window=TEXT, before=st.just(1), after=st.just(2))
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
    next_steps=some(STEP, 3),
    counts=st.just(RowTotals(5, 4, 1, 0, 0, 0)),
    course=st.one_of(st.none(), COURSE),
    wrong=st.one_of(st.none(), WRONG),
    typical=some(TEXT, 2),
    version_changes=some(CHANGE, 2),
    report=st.one_of(st.none(), TEXT),
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


def words_of(page):
    return re.sub(r"<style>.*?</style>|<[^>]*>", " ", page, flags=re.DOTALL)


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
    text = words_of(page)
    assert text.index("Too many errors") < text.index("What to do next")
    assert text.index("What to do next") < text.index("Accuracy over time")


DAYS = [f"2026-01-{day:02}" for day in range(1, 31)]
FALLEN = replace(
    PLAIN,
    findings=(
        Finding("degradation", Status.CRITICAL, "p < 0.0001", value=-0.103, limit=-0.02, rows=300,
                detail={"accuracy": 0.823, "holdout_accuracy": 0.926}),
        Finding("accuracy", Status.OK, "holds", value=0.823, limit=0.8, rows=300),
        Finding("accuracy_pooled", Status.OK, "but", value=0.79, limit=0.8, rows=900,
                detail={"windows": [[237, 300]] * 3}),
        Finding("length", Status.OK, "as long", value=1.02, limit=1.25, rows=300),
    ),
    windows=tuple(
        WindowRecord(day, Status.OK, 300, 300, 278, BoundedShare(0.926, 0.89, 0.95),
                     BoundedShare(0.92, 0.9, 0.94))
        for day in DAYS
    ),
    course=Course(DAYS[-1], 0.823, 300, 0.926, 0.92, DAYS[-2], 0.926, DAYS[20]),
    wrong=WrongAnswers(
        53, 247, ClassErrors("refund", "billing", 40, 60),
        (TellingWord("gift card", 0.4, 0.01),), (0.4, 0.01), {"Acme": Share(20, 40)},
    ),
    version_changes=(VersionChange(DAYS[19], 1, 3),),
)  # fmt: skip


def test_the_first_screen_says_what_happened_since_when_how_bad_and_what_is_in_common():
    top, _, rest = words_of(monitor_page.render(FALLEN)).partition("What to do next")
    top = " ".join(top.split()).replace(" .", ".")
    for told in (
        "Accuracy fell from 92.6 % to 82.3 %: 10 more of 100 messages are wrong, since 21 January, "
        "mostly class “refund”.",
        "82.3 % of 300 right, 30 January",
        "92.6 % usually",
        "92.0 % the window before, 29 January",
        "80 % the floor",
        "Of the 53 wrong answers since 21 January :",
        "40.0 % of the wrong answers hold “gift card”, 1.0 % of the right answers do",
        "In segment “Acme” 50.0 % of 40 answers are wrong",
        "Version 3 has been in use since 20 January 2026 , in place of version 1",
    ):
        assert told in top
    assert "Accuracy over time" in rest


def test_what_else_is_wrong_is_told_besides():
    words = Finding("text", Status.WARNING, "AUC", value=0.7, limit=0.5, detail={"more": ["ewr"]})
    recall = Finding("class_recall", Status.WARNING, "fell", detail={"fallen": []})
    page = monitor_page.render(replace(FALLEN, findings=(*FALLEN.findings, words, recall)))
    besides = page[page.index("Besides:") : page.index("What to do next")]
    assert "People use other words: more “ewr”" in besides
    assert besides.count("<li>") == 1, "recall is a detail of what the headline says"


def test_while_an_incident_is_open_a_good_window_does_not_say_that_nothing_is_to_be_done():
    opened = Notice("accuracy-1", "triage", "accuracy", "opened", Status.CRITICAL, OPENED, OPENED,
                    "2026-03-01", "fell", {})  # fmt: skip
    good = replace(PLAIN, status=Status.OK)
    assert "Nothing has to be done" in monitor_page.render(good)
    page = monitor_page.render(replace(good, incidents=(Incident((opened,)),)))
    assert "Nothing has to be done" not in page
    assert "An incident is still open" in page


def test_messages_with_new_words_are_shown():
    page = monitor_page.render(replace(PLAIN, typical=("stuck at ewr",)))
    assert "stuck at ewr" in page[page.index("<h2>Examples</h2>") :]


def test_what_is_fine_is_folded_and_no_value_contradicts_its_status():
    page = monitor_page.render(FALLEN)
    folded = page[page.index("Fine: floor, lengths") :]
    assert "Are messages longer or shorter?" in folded
    assert "Is the model worse than when it was tested?" not in folded
    told = " ".join(words_of(folded).split())
    assert "79.0 % below 80 % but the newest windows hold it" in told


def test_the_chart_marks_the_trouble_another_version_and_days_that_can_be_read():
    page = monitor_page.render(FALLEN)
    chart = page[page.index("<figure>") : page.index("</figure>")]
    assert 'class="trouble" x="66.667%"' in chart
    assert "version 3</text>" in chart
    assert "80 %</text>" in chart
    assert "1 Jan</text>" in chart
    assert "30 Jan</text>" in chart
    assert chart.index('class="estimate"') < chart.index('class="band"'), "measured is in front"


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
