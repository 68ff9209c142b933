"""What is told of an incident's change while it is new."""

from dataclasses import replace
from datetime import UTC, datetime

from common.monitoring.advice import Step
from common.monitoring.checks.finding import Status
from common.monitoring.course import course
from common.monitoring.examples import Example
from common.monitoring.history import BoundedShare, WindowRecord
from common.monitoring.incidents.lifecycle import Notice
from common.monitoring.result import MonitoringResult, RowTotals, WatchedModel
from common.monitoring.story import clearest, story
from common.monitoring.telling_words import TellingWord
from common.monitoring.wrong_answers import ClassErrors, WrongAnswers

AT = datetime(2026, 1, 12, 6, tzinfo=UTC)
WINDOWS = tuple(
    WindowRecord(
        f"2026-01-{day:02}",
        Status.OK if right > 90 else Status.CRITICAL,
        100,
        100,
        right,
        BoundedShare(right / 100, 0, 1),
    )
    for day, right in enumerate([92] * 10 + [82], start=1)
)
RESULT = MonitoringResult(
    status=Status.CRITICAL,
    reason="fell",
    model=WatchedModel("triage", 3, "abc"),
    file="days",
    at=AT,
    floor=0.85,
    window="2026-01-11",
    windows=WINDOWS,
    findings=(),
    metrics={},
    classes=None,
    segments={},
    examples=(
        Example("thanks anyway", "praise", "billing", 0.99),
        Example("no refund", "refund", "billing", 0.98),
        Example("my gift card is not accepted", "refund", "billing", 0.8),
    ),
    incidents=(),
    next_steps=(Step("Look.", "python monitor.py"),),
    counts=RowTotals(0, 0, 0, 0, 0, 0),
    course=course(WINDOWS, "2026-01-11", 0.93),
    wrong=WrongAnswers(
        18,
        82,
        ClassErrors("refund", "billing", 12, 20),
        (TellingWord("gift card", 0.5, 0.01),),
        (0.5, 0.01),
        {},
    ),
    typical=("paketzentrum", "sendung"),
    report="/srv/report.html",
)
FALL = Notice(
    incident="accuracy-1",
    model="triage",
    finding="accuracy",
    change="opened",
    status=Status.CRITICAL,
    since=AT,
    at=AT,
    window="2026-01-11",
    reason="p < 0.0001",
    detail={"sentence": "82.0 % are answered right"},
)


def test_a_fall_is_told_against_what_is_usual_and_what_was_before():
    told = story(FALL, RESULT)
    assert told["headline"] == (
        "accuracy fell from 92.0 % to 82.0 %: 10 more of 100 messages are wrong, since 11 January, "
        "mostly class “refund”"
    )
    assert told["figures"] == {
        "accuracy": "82.0 % of 100 messages",
        "usually": "92.0 %",
        "before (10 January)": "92.0 %",
        "floor": "85 %",
    }
    assert (told["model"], told["version"], told["report"]) == ("triage", 3, "/srv/report.html")
    assert told["advice"] == [{"say": "Look.", "command": "python monitor.py"}]


def test_the_two_clearest_messages_are_those_that_show_what_is_in_common():
    assert [one.text for one in clearest(RESULT)][:2] == [
        "my gift card is not accepted",
        "no refund",
    ]
    assert len(story(FALL, RESULT)["examples"]) == 2
    assert story(FALL, replace(RESULT, examples=()))["examples"] == [], "EXAMPLES=0"


def test_messages_of_another_window_are_not_told():
    told = story(replace(FALL, window="2026-01-05"), RESULT)
    assert told["examples"] == []
    assert told["common"] == []
    assert "92.0 % of 100 messages" in told["figures"]["accuracy"]


def test_drift_is_told_by_its_words_and_messages_that_hold_them():
    detail = {"sentence": "people use other words: more “sendung”"}
    drift = replace(FALL, finding="drift", status=Status.WARNING, detail=detail)
    told = story(drift, RESULT)
    assert told["headline"] == "people use other words: more “sendung”"
    assert told["examples"] == [{"text": "paketzentrum"}, {"text": "sendung"}]
    assert told["figures"] == {}


def test_a_recovery_is_told_by_the_accuracy_that_recovered():
    good = replace(FALL, change="recovered", status=Status.OK, window="2026-01-10")
    told = story(good, RESULT)
    assert told["headline"] == "accuracy is back: 92.0 % of 100 messages are answered right"
    assert told["examples"] == []


def test_what_was_done_is_told_by_its_reason_not_by_the_figures():
    done = replace(FALL, change="retrained", reason="retrained: champion stays", detail={})
    assert story(done, RESULT)["headline"] == "retrained: champion stays"
