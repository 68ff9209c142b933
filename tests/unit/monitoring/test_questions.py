"""Nine questions: each check belongs to one, and the worst of its evidence is its answer."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.monitoring.checks.catalogue import (
    CHECKS,
    QUESTIONS,
    Question,
    Subject,
    about,
    asked_by,
)
from common.monitoring.checks.finding import Finding, Status
from common.monitoring.measures import MEASURES, beyond
from common.monitoring.questions import answers
from common.monitoring.sentences import SENTENCES, sentence

OK, WARNING, CRITICAL, UNKNOWN = Status
NUMBER = st.floats(allow_nan=True, allow_infinity=True)
FINDINGS = st.builds(
    Finding,
    name=st.sampled_from([*CHECKS, "of another release"]),
    status=st.sampled_from(Status),
    reason=st.text(max_size=20),
    value=NUMBER,
    lower=NUMBER,
    upper=NUMBER,
    limit=NUMBER,
    rows=st.integers(0, 10**7),
    detail=st.dictionaries(
        st.sampled_from(["accuracy", "holdout_accuracy", "reference", "windows", "worst", "more"]),
        st.one_of(st.none(), st.floats(0, 1), st.lists(st.text(max_size=5), max_size=3)),
    ),
)


def accuracy(status, value, limit=0.8, name="accuracy", **detail):
    return Finding(name, status, "reason", value=value, limit=limit, rows=300, detail=detail)


def test_each_check_belongs_to_a_question_and_each_question_has_checks():
    assert {check.question for check in CHECKS.values()} == set(Question) == set(QUESTIONS)
    assert len(QUESTIONS) == 9
    told = [name for question in Question for name in asked_by(question)]
    assert sorted(told) == sorted(CHECKS)


def test_incidents_are_still_opened_for_three_subjects_by_the_same_checks():
    assert set(about(Subject.ACCURACY)) == {
        *("accuracy", "accuracy_pooled", "degradation", "macro_f1", "class_recall"),
        "auto_accuracy",
        *("segment_accuracy", "calibration", "challenger"),
    }
    # An estimate can't end an incident that measured accuracy has opened.
    assert "estimated_accuracy" in about(Subject.DRIFT)


def test_details_never_hide_what_their_question_asks():
    for question in (Question.FLOOR, Question.REFERENCE, Question.CLASSES):
        first, *details = asked_by(question)
        assert first in ("accuracy", "degradation", "predicted_classes")
        assert details


def test_every_check_with_a_value_has_a_measure_and_a_sentence_where_people_need_one():
    assert set(CHECKS) - set(MEASURES) == {"columns"}
    assert set(SENTENCES) <= set(CHECKS)


def test_the_worst_answer_comes_first_and_the_finding_that_decides_leads_its_evidence():
    found = answers(
        [
            Finding("length", OK, "as long", value=1.0, limit=1.25),
            accuracy(WARNING, 0.7, name="accuracy_pooled", windows=[[70, 100]]),
            accuracy(OK, 0.9),
            accuracy(CRITICAL, -0.1, -0.02, "degradation", accuracy=0.8, holdout_accuracy=0.9),
        ]
    )
    assert [answer.question for answer in found] == ["reference", "floor", "lengths"]
    assert [answer.status for answer in found] == [CRITICAL, WARNING, OK]
    assert [evidence.check for evidence in found[1].evidence] == ["accuracy_pooled", "accuracy"]


@pytest.mark.parametrize(
    ("finding", "told"),
    [
        (accuracy(CRITICAL, 0.7), "70.0 % of 300 messages are answered right, which is below the "
         "floor of 80 % beyond chance"),
        (accuracy(WARNING, 0.79), "79.0 % of 300 messages are answered right, which is below the "
         "floor of 80 %; that may be chance"),
        (accuracy(OK, 0.9), "90.0 % of 300 messages are answered right; the floor is 80 %"),
        (accuracy(CRITICAL, -0.1, -0.02, "degradation", accuracy=0.82, holdout_accuracy=0.92),
         "82.0 % are answered right, 92.0 % when the model was tested: 10 more of 100 messages are "
         "wrong"),
        (Finding("text", WARNING, "AUC", value=0.6, limit=0.55,
                 detail={"more": ["@united", "@jetblue"], "fewer": []}),
         "people use other words: more “@united” and “@jetblue”"),
        (Finding("surging_words", WARNING, "", value=0.4, limit=0.3, detail={"surging": [
            {"word": "ewr", "share": 0.031, "reference": 0.004},
            {"word": "the", "share": 0.9, "reference": 0.2}]}),
         "more messages than usual hold “ewr” (0.4 % to 3.1 %)"),
        (accuracy(CRITICAL, -0.1, -0.02, "degradation", accuracy=0.82, holdout_accuracy=0.92,
                  windows=3),
         "in the last 3 windows together 82.0 % are answered right, 92.0 % when the model was "
         "tested: 10 more of 100 messages are wrong"),
        (Finding("row_count", WARNING, "rows", value=12, lower=120, upper=488, limit=244, rows=12),
         "12 rows came; usual are 244 (120 to 488)"),
        (Finding("blank", WARNING, "blank", value=0.05, limit=0.025, detail={"reference": 0.005}),
         "5.0 % of the messages are blank, 0.5 % usually"),
        (Finding("accuracy", UNKNOWN, "reason", value=0.9, limit=0.8, rows=12),
         "only 12 messages have a label, which is too few to judge: 30 are needed"),
        (Finding("accuracy", UNKNOWN, "no labelled rows", limit=0.8),
         "no message has a label, so accuracy is not measured"),
        (Finding("accuracy", UNKNOWN, "none of the 40 labels is a class", limit=0.8, rows=40),
         "none of the 40 labels is a class"),
        (Finding("length", UNKNOWN, "too few rows to judge"), "too few rows to judge"),
        (Finding("text", WARNING, "as an older release wrote it", value=0.6, limit=0.5,
                 detail={"more": 3}), "people use other words"),
    ],
)  # fmt: skip
def test_a_finding_is_told_in_plain_words_with_its_numbers(finding, told):
    assert sentence(finding) == told


@pytest.mark.parametrize(
    ("finding", "alarm", "note"),
    [
        (accuracy(OK, 0.79, name="accuracy_pooled", windows=[]), "below 80 %",
         "but the newest windows hold it"),
        (accuracy(OK, -0.03, -0.02, "degradation"), "below -2.0 points",
         "but no more than chance may explain"),
        (Finding("length", OK, "", value=0.7, limit=1.25), "above 1.25 times, below 0.80 times",
         "but no more than chance may explain"),
        (Finding("row_count", OK, "", value=300, lower=150, upper=600, limit=290),
         "outside 150 to 600", ""),
        (Finding("text", OK, "", value=0.51, limit=0.55), "above 0.550", ""),
        (Finding("challenger", OK, "", value=0.02, limit=0.0), "above 0.0 points",
         "for information; a contest decides"),
    ],
)  # fmt: skip
def test_a_value_beyond_its_limit_that_is_no_alarm_says_why(finding, alarm, note):
    (answer,) = answers([finding])
    (evidence,) = answer.evidence
    assert (evidence.alarm, evidence.note) == (alarm, note)


@given(st.lists(FINDINGS, max_size=6))
def test_no_value_ever_contradicts_its_status(found):
    findings = [replace(finding, reason=str(number)) for number, finding in enumerate(found)]
    shown = [evidence for answer in answers(findings) for evidence in answer.evidence]
    assert len(shown) == len(findings)
    for evidence in shown:
        finding = findings[int(evidence.reason)]
        if evidence.status is OK:
            assert bool(evidence.note) == beyond(finding)
        elif evidence.status is not UNKNOWN:
            assert beyond(finding) or evidence.note or not evidence.alarm


def test_drift_that_is_small_and_lasts_says_so():
    finding = Finding("text", WARNING, "", value=0.56, limit=0.6, detail={"lasts": True})
    (answer,) = answers([finding])
    assert answer.evidence[0].alarm == "above 0.600"
    assert "the last windows together" in answer.evidence[0].note
