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
    lambda name, example, is_new: (
        NOTICE
        | {
            **dict.fromkeys(("model", "window", "reason", "incident"), name),
            "detail": {
                "words": [example] * 9,
                "worst": [{"segment": example, "accuracy": 0.5}] * 9,
            },
            "next_steps": [f"python monitor.py --data {name}"[:500]] * 9,
        }
        | (
            {
                "story": {
                    "version": 3,
                    "headline": name,
                    "figures": {"usually": "92.6 %", example: name},
                    "common": [example] * 3,
                    "examples": [{"text": name, "true": example, "predicted": name}] * 3,
                    "advice": [{"say": "Look.", "command": f"python -c {name}"[:500]}] * 9,
                    "report": name,
                }
            }
            if is_new
            else {}
        )
    ),
    USER_TEXT,
    USER_TEXT,
    st.booleans(),
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


STORY = {
    "model": "triage",
    "version": 3,
    "headline": "accuracy fell from 92.6 % to 82.3 %: 10 more of 100 messages are wrong, since "
    "21 January, mostly class “refund”",
    "figures": {
        "accuracy": "82.3 % of 300 messages",
        "usually": "92.6 %",
        "before (20 January)": "92.0 %",
        "floor": "80 %",
    },
    "common": ["40 % of the wrong answers hold “gift card”, 1 % of the right answers do"],
    "examples": [
        {"text": "where is my gift card", "true": "refund", "predicted": "billing"},
        {"text": "gift card not accepted", "true": "refund", "predicted": "billing"},
    ],
    "advice": [
        {"say": "Go back to version 2.", "command": "python -m common.registry rollback"},
        {"say": "Ask who labels.", "command": None},
    ],
    "report": "/srv/triage/report.html",
}
TOLD = NOTICE | {"story": STORY}


def test_the_subject_says_what_happened_to_which_model():
    assert formats.subject(NOTICE) == f"[CRITICAL] triage: {NOTICE['reason']}"
    assert formats.subject(TOLD) == (
        "[CRITICAL] triage version 3: accuracy fell from 92.6 % to 82.3 %: 10 more of 100 messages "
        "are wrong, since 21 January, mostly class “refund”"
    )


@pytest.mark.parametrize(
    ("change", "told"),
    [("reminded", "still: "), ("escalated", "worse: "), ("retrained", "retrained: ")],
)
def test_the_subject_says_what_became_of_an_incident(change, told):
    assert f"triage version 3: {told}accuracy fell" in formats.subject(TOLD | {"change": change})


def test_a_subject_that_is_too_long_ends_with_a_whole_word():
    long = TOLD | {"story": STORY | {"headline": "accuracy fell and fell " * 20}}
    shown = formats.subject(long)
    assert len(shown) <= formats.SUBJECT_CHARACTERS
    assert shown.endswith((" fell…", " and…", " accuracy…"))
    header = formats.for_slack(long)["blocks"][0]["text"]["text"]
    assert header.endswith("…")


def test_a_message_says_how_bad_against_what_and_shows_the_two_clearest_messages():
    assert (
        formats.plain(TOLD)
        == """\
Accuracy fell from 92.6 % to 82.3 %: 10 more of 100 messages are wrong, since 21 January, mostly \
class “refund”.

accuracy: 82.3 % of 300 messages
usually: 92.6 %
before (20 January): 92.0 %
floor: 80 %
in common: 40 % of the wrong answers hold “gift card”, 1 % of the right answers do
since: 2026-03-01 06:00 UTC
window: 2026-03-01
incident: accuracy-20260301-3f2a
report: /srv/triage/report.html

Messages such as:
  “where is my gift card” is refund, was answered billing
  “gift card not accepted” is refund, was answered billing

What to do:
1. Go back to version 2.
   python -m common.registry rollback
2. Ask who labels.
"""
    )


def test_a_day_is_told_without_the_time_at_which_it_begins():
    facts = formats.facts(NOTICE | {"since": "2026-03-01T00:00:00+00:00"})
    assert facts["since"] == "2026-03-01"


def test_a_command_is_told_whole_or_not_at_all():
    long = {"say": "Look.", "command": "python monitor.py --data " + "x" * 600}
    told = formats.plain(NOTICE | {"story": STORY | {"advice": [long]}})
    assert "monitor.py" not in told
    assert "1. Look." in told


def test_the_message_says_what_since_when_how_bad_what_to_do_and_which_incident():
    assert formats.plain(NOTICE).splitlines() == [
        NOTICE["reason"].capitalize() + ".",
        "",
        "since: 2026-03-01 06:00 UTC",
        "window: 2026-03-01",
        "incident: accuracy-20260301-3f2a",
        "",
        "What to do:",
        *(f"   {step}" for step in NOTICE["next_steps"]),
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
        (lambda: words.unknown_words([([], 2)] * 40, [(["zzz"], 2)] * 40), "new words", "zzz"),
        (lambda: segments.accuracy(SEGMENTS, 0.9), "lowest segments", "x 0.20, y 0.98"),
        (recall, "found less often", "refund 0.20"),
    ],
)
def test_words_segments_and_classes_of_a_finding_are_named(finding, label, shown):
    detail = json.loads(json.dumps(finding().detail))
    assert shown in formats.facts(NOTICE | {"detail": detail})[label]


def test_what_names_nothing_is_left_out():
    detail = accuracy.pooled_against_floor([Share(3, 30), Share(5, 30)], 0.9).detail
    assert "windows" not in formats.facts(NOTICE | {"detail": detail})


def test_at_most_five_words_are_shown_and_none_is_cut_before_it_can_be_read():
    long = [f"{k}" * 50 for k in range(9)]
    shown = formats.facts(NOTICE | {"detail": {"words": long}})["new words"].split(", ")
    assert shown == long[:5]


def test_json_is_the_facts_as_they_are():
    assert formats.for_json(NOTICE) == NOTICE


def test_json_has_a_text_in_any_case():
    without = {key: value for key, value in NOTICE.items() if key != "text"}
    assert formats.for_json(without)["text"] == formats.subject(NOTICE)


def test_a_finding_with_its_status_is_what_a_notice_holds():
    finding = Finding("accuracy", Status.WARNING, "fell")
    notice = NOTICE | {"status": finding.status.name, "reason": finding.reason}
    assert formats.subject(notice) == "[WARNING] triage: fell"


# What Slack refuses a message for. Source: https://docs.slack.dev/reference/block-kit/blocks
SLACK_HEADER, SLACK_SECTION, SLACK_BLOCKS, SLACK_TEXT = 150, 3000, 50, 40_000
# The parts of Adaptive Cards that are used, by their schema of version 1.4.
# Source: https://adaptivecards.io/schemas/1.4.0/adaptive-card.json
RUN = {
    "type": {"TextRun"},
    "text": str,
    "weight": {"bolder", "default", "lighter"},
    "size": {"default", "small", "medium", "large", "extraLarge"},
    "color": {"default", "dark", "light", "accent", "good", "warning", "attention"},
    "fontType": {"default", "monospace"},
    "italic": bool,
}
TEAMS_BYTES = 28_000


def fits(value, allowed):
    return value in allowed if isinstance(allowed, set) else isinstance(value, allowed)


def slack_problems(payload):
    """What Block Kit's reference says against a message."""
    blocks = payload["blocks"]
    if set(payload) != {"text", "blocks"} or len(blocks) > SLACK_BLOCKS:
        yield "parts"
    if len(payload["text"]) > SLACK_TEXT:
        yield "text"
    for number, block in enumerate(blocks):
        text = block["text"]
        if block["type"] == "header":
            is_right = text["type"] == "plain_text" and number == 0
            is_right &= set(text) == {"type", "text", "emoji"}
            most = SLACK_HEADER
        else:
            is_right = block["type"] == "section" and text["type"] == "mrkdwn"
            is_right &= set(text) == {"type", "text", "verbatim"}
            most = SLACK_SECTION
        if not is_right or set(block) != {"type", "text"} or not 1 <= len(text["text"]) <= most:
            yield block


def teams_problems(payload):
    """What the schema of Adaptive Cards 1.4 and Teams say against a message."""
    (attachment,) = payload["attachments"]
    card = attachment["content"]
    if payload["type"] != "message" or (card["type"], card["version"]) != ("AdaptiveCard", "1.4"):
        yield "envelope"
    if attachment["contentType"] != "application/vnd.microsoft.card.adaptive":
        yield "content type"
    if len(json.dumps(payload, ensure_ascii=False).encode()) > TEAMS_BYTES:
        yield "size"
    for block in card["body"]:
        is_right = block["type"] == "RichTextBlock" and bool(block["inlines"])
        if not is_right or not set(block) <= {"type", "inlines", "spacing"}:
            yield block
        if block.get("spacing", "default") not in ("default", "none", "small"):
            yield block
        for run in block["inlines"]:
            if not run["text"] or not all(fits(run[key], RUN[key]) for key in run):
                yield run


@pytest.mark.parametrize("notice", [NOTICE, TOLD], ids=["later", "new"])
def test_slack_and_teams_get_what_their_references_allow(notice):
    assert list(slack_problems(formats.for_slack(notice))) == []
    assert list(teams_problems(formats.for_teams(notice))) == []


def test_slack_gets_all_in_text_and_in_blocks():
    payload = formats.for_slack(TOLD)
    in_blocks = "\n".join(block["text"]["text"] for block in payload["blocks"][1:])
    assert payload["text"].partition("\n")[2] == in_blocks
    for expected in (NOTICE["incident"], "gift card", "1. Go back", "rollback", "2. Ask who"):
        assert expected in in_blocks
    assert "fell from 92.6 %" in payload["blocks"][0]["text"]["text"]
    assert "fell from 92.6 %" not in in_blocks, "the header says it already"


def test_what_the_header_had_to_cut_is_told_whole_below_it():
    long = "accuracy fell " + "and fell " * 30
    payload = formats.for_slack(NOTICE | {"story": STORY | {"headline": long}})
    assert payload["blocks"][0]["text"]["text"].endswith("…")
    assert payload["blocks"][1]["text"]["text"].startswith("Accuracy fell and fell")


def test_teams_gets_a_card_in_its_envelope():
    card = formats.for_teams(TOLD)["attachments"][0]["content"]
    shown = list(strings(card["body"]))
    for expected in (NOTICE["incident"], "attention", "python -m common.registry rollback"):
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
    assert "\n" not in payload["blocks"][0]["text"]["text"]
    outside_code = re.sub(r"```[^`]*```", "", payload["text"])
    assert not re.search(r"@\w|\]\(|://|\bwww\.\w|[`~]", outside_code)
    assert payload["text"].count("```") == 2 * formats.STEPS
    assert not re.search(r"@\w|\]\(|://|\bwww\.\w", payload["blocks"][0]["text"]["text"])


@given(LINES)
def test_no_text_of_others_is_a_link_in_a_mail(notice):
    told, _, _ = formats.plain(notice).partition("What to do:")
    assert not re.search(r"@\w|://|\bwww\.\w", told)


@given(LINES)
def test_a_message_is_one_that_its_receiver_takes(notice):
    assert list(slack_problems(formats.for_slack(notice))) == []
    assert list(teams_problems(formats.for_teams(notice))) == []
    assert len(formats.subject(notice)) <= formats.SUBJECT_CHARACTERS


@given(LINES)
def test_text_for_teams_is_in_text_runs_alone(notice):
    blocks = formats.for_teams(notice)["attachments"][0]["content"]["body"]
    assert {block["type"] for block in blocks} == {"RichTextBlock"}
    assert {run["type"] for block in blocks for run in block["inlines"]} == {"TextRun"}
