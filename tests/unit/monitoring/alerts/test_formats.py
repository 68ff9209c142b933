"""What people read of an incident: complete, short, and inert whatever customers wrote."""

import json
import re
from email import message_from_bytes
from email.policy import default

import pytest
from hypothesis import given
from hypothesis import strategies as st
from receivers import NOTICE

from common.evaluation.two_samples import Share
from common.monitoring.alerts import formats
from common.monitoring.checks import accuracy, classes, segments, words
from common.monitoring.checks.finding import Finding, Status

HOSTILE = [
    "@channel @here <!channel> <@U1> <http://evil.example|win>",
    "[win](http://evil.example) ![](https://evil.example/x.png) www.evil.example",
    "x\r\nBcc: all@example.org\r\n\r\nanother body",
    "``` *bold* ~gone~ `code` &amp; & < >",
    "\u202egnp.exe \x1b[2J \ud800 \u2028 \x00",
]
USER_TEXT = st.one_of(
    st.sampled_from([*HOSTILE, "&" * 3000, "\U0001f4a5" * 3000]), st.text(max_size=50)
)
LINES = st.builds(
    lambda name, example: (
        NOTICE
        | {
            **dict.fromkeys(("model", "window", "reason", "incident"), name),
            "detail": {
                "words": [example] * 9,
                "worst": [{"segment": example, "accuracy": 0.5}] * 9,
            },
            "next_steps": [f"python monitor.py --data {name}"] * 9,
        }
    ),
    USER_TEXT,
    USER_TEXT,
)


def strings(payload):
    if isinstance(payload, str):
        yield payload
    elif isinstance(payload, dict):
        for value in payload.values():
            yield from strings(value)
    elif isinstance(payload, list):
        for value in payload:
            yield from strings(value)


def sent(notice):
    """The e-mail as it arrives."""
    message = formats.for_mail(notice, "triage@example.org", "ops@example.org")
    return message_from_bytes(message.as_bytes(), policy=default)


def test_the_subject_says_what_happened_to_which_model():
    assert formats.subject(NOTICE) == f"[CRITICAL] triage: accuracy opened - {NOTICE['reason']}"


def test_the_message_says_what_since_when_how_bad_what_to_do_and_which_incident():
    assert formats.plain(NOTICE).splitlines() == [
        NOTICE["reason"],
        "",
        "since: 2026-03-01 06:00 UTC",
        "window: 2026-03-01",
        "incident: accuracy-20260301-3f2a",
        "",
        "What to do:",
        *(f"  {step}" for step in NOTICE["next_steps"]),
    ]


def test_times_are_told_in_utc():
    elsewhere = NOTICE | {"since": "2026-03-01T01:00:00-05:00"}
    assert formats.facts(elsewhere)["since"] == "2026-03-01 06:00 UTC"


CONFUSED = [[20, 80], [0, 100]], [[95, 5], [0, 100]]


SEGMENTS = {"x": Share(10, 50), "y": Share(490, 500)}


def recall():
    import numpy as np

    now, before = map(np.array, CONFUSED)
    return classes.recall(now, before, ["refund", "praise"])


@pytest.mark.parametrize(
    ("finding", "label", "shown"),
    [
        (lambda: words.unknown_words([([], 2)] * 40, [(["zzz"], 2)] * 40), "words", "zzz"),
        (lambda: segments.accuracy(SEGMENTS, 0.9), "worst", "x 0.20, y 0.98"),
        (recall, "fallen", "refund 0.20"),
    ],
)
def test_words_segments_and_classes_of_a_finding_are_named(finding, label, shown):
    detail = json.loads(json.dumps(finding().detail))
    assert shown in formats.facts(NOTICE | {"detail": detail})[label]


def test_what_names_nothing_is_left_out():
    detail = accuracy.pooled_against_floor([Share(3, 30), Share(5, 30)], 0.9).detail
    assert "windows" not in formats.facts(NOTICE | {"detail": detail})


def test_at_most_five_examples_are_shown_each_shortened():
    long = [f"{k}" * 100 for k in range(9)]
    shown = formats.facts(NOTICE | {"detail": {"words": long}})["words"].split(", ")
    assert [word[0] for word in shown] == list("01234")
    assert {len(word) for word in shown} == {formats.EXAMPLE_CHARACTERS}


def test_json_is_the_facts_as_they_are():
    assert formats.for_json(NOTICE) == NOTICE


def test_json_has_a_text_in_any_case():
    without = {key: value for key, value in NOTICE.items() if key != "text"}
    assert formats.for_json(without)["text"] == formats.subject(NOTICE)


def test_a_finding_with_its_status_is_what_a_notice_holds():
    finding = Finding("accuracy", Status.WARNING, "fell")
    notice = NOTICE | {"status": finding.status.name, "reason": finding.reason}
    assert formats.subject(notice) == "[WARNING] triage: accuracy opened - fell"


def test_slack_gets_all_in_text_and_in_blocks():
    payload = formats.for_slack(NOTICE)
    assert set(payload) == {"text", "blocks"}
    assert {block["type"] for block in payload["blocks"]} == {"section"}
    assert all(block["text"]["type"] == "mrkdwn" for block in payload["blocks"])
    in_blocks = "\n".join(block["text"]["text"] for block in payload["blocks"])
    assert payload["text"] == in_blocks
    for expected in (NOTICE["incident"], "is below the floor 0.85", *NOTICE["next_steps"]):
        assert expected in in_blocks


def test_teams_gets_a_card_in_its_envelope():
    payload = formats.for_teams(NOTICE)
    assert payload["type"] == "message"
    (attachment,) = payload["attachments"]
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    card = attachment["content"]
    assert (card["type"], card["version"]) == ("AdaptiveCard", "1.2")
    shown = list(strings(card["body"]))
    for expected in (NOTICE["incident"], NOTICE["reason"], "attention", *NOTICE["next_steps"]):
        assert expected in shown


def test_a_mail_arrives_as_it_was_meant():
    message = sent(NOTICE)
    assert message["Subject"] == formats.subject(NOTICE)
    assert (message["From"], message["To"]) == ("triage@example.org", "ops@example.org")
    assert message["X-Incident-Id"] == NOTICE["incident"]
    assert message.get_content().splitlines() == formats.plain(NOTICE).splitlines()


def test_the_same_notice_has_the_same_message_id_and_another_has_another():
    again, recovered = sent(NOTICE), sent(NOTICE | {"change": "recovered"})
    assert sent(NOTICE)["Message-ID"] == again["Message-ID"] != recovered["Message-ID"]


@given(LINES)
def test_no_text_starts_a_line_a_header_or_a_recipient_of_its_own(notice):
    message = sent(notice)
    wanted = {"Subject", "From", "To", "Message-ID", "Auto-Submitted", "X-Incident-Id"}
    mime = {"Content-Type", "Content-Transfer-Encoding", "MIME-Version"}
    assert sorted(message.keys()) == sorted(wanted | mime)
    assert message["To"] == "ops@example.org"
    assert not message.is_multipart()
    for string in strings([formats.for_slack(notice)["blocks"], formats.for_teams(notice)]):
        assert not re.search(r"[\x00-\x09\x0b-\x1f\u2028\u2029\u202a-\u202e]", string)
    assert not re.search(r"[^!-~]", formats.headers(notice)["X-Incident-Id"])


@given(LINES)
def test_nothing_in_a_message_for_slack_links_or_calls(notice):
    payload = formats.for_slack(notice)
    assert not re.search(r"[<>]|&(?!amp;|lt;|gt;)", payload["text"])
    outside_code = re.sub(r"```[^`]*```", "", payload["text"])
    assert not re.search(r"@\w|\]\(|://|\bwww\.\w|[`~]", outside_code)
    assert payload["text"].count("```") == 2 * formats.STEPS


@given(LINES)
def test_no_text_of_others_is_a_link_in_a_mail(notice):
    told, _, _ = formats.plain(notice).partition("What to do:")
    assert not re.search(r"@\w|://|\bwww\.\w", told)


@given(LINES)
def test_a_message_has_a_size_that_its_receiver_takes(notice):
    sections = formats.for_slack(notice)["blocks"]
    assert all(len(section["text"]["text"]) <= 3000 for section in sections)
    assert len(sections) <= 50
    card = json.dumps(formats.for_teams(notice), ensure_ascii=False)
    assert len(card.encode()) <= 28_000
    assert len(formats.subject(notice)) <= formats.SUBJECT_CHARACTERS


@given(LINES)
def test_text_for_teams_is_in_text_runs_alone(notice):
    blocks = formats.for_teams(notice)["attachments"][0]["content"]["body"]
    assert {block["type"] for block in blocks} == {"RichTextBlock"}
    assert {run["type"] for block in blocks for run in block["inlines"]} == {"TextRun"}
