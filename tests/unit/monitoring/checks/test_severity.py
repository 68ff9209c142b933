"""Severity, escalation, and that everything a finding says is strict JSON."""

import json
from dataclasses import FrozenInstanceError

import numpy as np
import pytest
from helpers import ROOT
from hypothesis import given
from hypothesis import strategies as st

from common.evaluation.paired import mcnemar_p
from common.evaluation.two_samples import Share
from common.monitoring.checks import (
    accuracy,
    calibration,
    challenger,
    classes,
    distribution,
    estimated,
    quality,
    segments,
    words,
)
from common.monitoring.checks.catalogue import CHECKS
from common.monitoring.checks.finding import Finding, Status, reaches
from common.monitoring.checks.severity import escalate, overall, worst

OK, WARNING, CRITICAL, UNKNOWN = Status.OK, Status.WARNING, Status.CRITICAL, Status.UNKNOWN
statuses = st.lists(st.sampled_from(Status))


def test_the_numbers_are_nagios_exit_codes():
    assert [int(status) for status in (OK, WARNING, CRITICAL, UNKNOWN)] == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("several", "expected"),
    [
        ([], UNKNOWN),
        ([OK, OK], OK),
        ([OK, UNKNOWN], UNKNOWN),
        ([UNKNOWN, WARNING, OK], WARNING),
        ([UNKNOWN, CRITICAL, WARNING], CRITICAL),
    ],
)
def test_the_worst_status(several, expected):
    assert worst(several) is expected
    assert overall(Finding("accuracy", status, "") for status in several) is expected


def test_unknown_is_only_said_of_accuracy():
    drift, accuracy = Finding("text", UNKNOWN, ""), Finding("accuracy", OK, "")
    assert overall([drift, accuracy]) is OK
    assert overall([drift, Finding("accuracy", UNKNOWN, "")]) is UNKNOWN
    assert overall([Finding("text", WARNING, ""), Finding("accuracy", UNKNOWN, "")]) is WARNING


@given(statuses, statuses)
def test_the_worst_of_all_is_the_worst_of_the_worst(first, second):
    if first and second:
        assert worst(first + second) is worst([worst(first), worst(second)])


@pytest.mark.parametrize(
    ("history", "expected"),
    [
        ([], UNKNOWN),
        ([WARNING], WARNING),
        ([WARNING, WARNING], CRITICAL),
        ([WARNING, OK, OK, OK, WARNING], CRITICAL),
        ([WARNING, OK, OK, OK, OK, WARNING], WARNING),
        ([WARNING, WARNING, OK], OK),
        ([WARNING, WARNING, UNKNOWN], UNKNOWN),
        ([CRITICAL, WARNING], WARNING),
        ([CRITICAL], CRITICAL),
    ],
)
def test_two_warnings_of_five_windows_escalate(history, expected):
    assert escalate(history) is expected


@given(statuses)
def test_escalation_changes_nothing_but_a_warning(history):
    if history and history[-1] is not WARNING:
        assert escalate(history) is history[-1]


def test_a_margin_that_is_just_reached_is_reached():
    assert reaches(0.85 - 0.8, 0.05)
    assert not reaches(0.049, 0.05)


def test_a_finding_does_not_change():
    with pytest.raises(FrozenInstanceError):
        Finding("a", OK, "").status = WARNING


def test_the_challenger_wins_as_mcnemars_test_says_and_never_alarms():
    finding = challenger.would_win(rows=100, only_champion=5, only_challenger=20)
    assert finding.status is OK
    assert finding.value == pytest.approx(0.15)
    assert finding.detail == {
        "wins": True,
        "p": mcnemar_p(20, 5),
        "only_challenger": 20,
        "only_champion": 5,
    }

    def wins(only_champion, only_challenger):
        return challenger.would_win(
            rows=100, only_champion=only_champion, only_challenger=only_challenger
        ).detail["wins"]

    assert not wins(only_champion=20, only_challenger=5)
    assert not wins(only_champion=0, only_challenger=0)
    assert challenger.would_win(rows=29, only_champion=0, only_challenger=29).status is UNKNOWN


def test_everything_a_finding_says_is_strict_json():
    random = np.random.default_rng(0)
    confidence = random.beta(8, 1, 400)
    right = random.random(400) < confidence
    names = np.array(["a", "b"], object)[random.integers(0, 2, 400)]
    confusion = np.array([[90, 10], [5, 95]])
    messages = [f"my order {k % 7} is late" for k in range(60)]
    unknown = [(["late"], 5)] * 60
    found = [
        accuracy.pooled_against_floor([Share(80, 100)], 0.8),
        accuracy.degradation(Share(80, 100), Share(90, 100)),
        classes.macro_f1(confusion, confusion),
        classes.recall(confusion, confusion[::-1], ["a", "b"]),
        segments.accuracy({"x": Share(90, 100), "y": Share(5, 100)}, 0.8),
        calibration.calibration(right, confidence, right, confidence),
        distribution.predicted_classes({"a": 300}, {"a": 100, "b": 200}),
        distribution.confidence(confidence, confidence / 2, names, names),
        words.unknown_words(unknown, unknown),
        words.drift(messages, messages),
        words.surging(messages, messages),
        quality.blank(Share(9, 100), Share(1, 100)),
        quality.length(confidence, confidence),
        quality.label_delay(confidence, confidence),
        estimated.accuracy(confidence, estimated.calibrate(confidence, right), 0.8),
        challenger.would_win(rows=400, only_champion=20, only_challenger=9),
    ]
    assert len({finding.name for finding in found}) == len(found)
    assert {finding.name for finding in found} <= set(CHECKS)
    documented = (ROOT / "docs" / "monitoring.md").read_text()
    assert not [finding.name for finding in found if f"`{finding.name}`" not in documented]
    for finding in found:
        assert json.loads(json.dumps(finding.detail, allow_nan=False)) == finding.detail
        assert finding.reason.count("\n") == 0
        assert type(finding.status) is Status
        assert finding.rows > 0
