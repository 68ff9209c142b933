"""What people are told of an incident, short enough for a phone, in the form each receiver takes.

Reason and detail hold words that customers wrote: in every form they are one line, shortened, and
can neither link nor call anybody.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from typing import NotRequired, TypedDict

from common.text import escape, moment
from common.types import Json


class Example(TypedDict):
    """A message; with its class and the answer where these are the matter."""

    text: str
    true: NotRequired[str]
    predicted: NotRequired[str]


class Advice(TypedDict):
    """One thing to do; with a command line where one does it."""

    say: str
    command: str | None


class Story(TypedDict, total=False):
    """What is told of a change while it is new, for people.

    Attributes:
        model, version: that was watched.
        headline: what happened, in plain words, without capital letter and full stop.
        figures: how bad, against what it usually is, and was before, by label.
        common: what the wrong answers have in common; sentences.
        examples: the clearest messages.
        advice: what to do, the most urgent first.
        report: where the page of the run is.
    """

    model: str
    version: int
    headline: str
    figures: Mapping[str, str]
    common: Sequence[str]
    examples: Sequence[Example]
    advice: Sequence[Advice]
    report: str | None


class Alert(TypedDict):
    """One change of one incident, as receivers of JSON get it.

    Attributes:
        incident: its id, the same in all alerts of an incident.
        finding: what it is about: accuracy, drift, data; bursts for news.
        change: opened, escalated, reminded, flapping, recovered or retrained; news is of no
            incident: what is new among the messages, told once.
        status: by its name.
        since, at: when the incident was opened, and when the change was found out (ISO 8601).
        window, reason, detail: what the change rests on.
        model: its name.
        next_steps: command lines.
        text: one sentence; the subject if it is not given.
        look: what the run has found, while the change is new.
        story: the same for people.
    """

    incident: str
    finding: str
    change: str
    status: str
    since: str
    at: str
    window: str
    reason: str
    detail: Mapping[str, Json]
    model: str
    next_steps: Sequence[str]
    text: NotRequired[str]
    look: NotRequired[Mapping[str, Json] | None]
    story: NotRequired[Story | None]


# A header of Slack holds 150 characters; so does what a phone shows of a subject, and no more.
SUBJECT_CHARACTERS = 150
REASON_CHARACTERS, NAME_CHARACTERS, VALUE_CHARACTERS, WORD_CHARACTERS = 500, 60, 400, 60
WORDS, EXAMPLES, EXAMPLE_CHARACTERS = 5, 2, 280
LISTS = STEPS = 5
STEP_CHARACTERS = 550
SECTION_CHARACTERS, CARD_BYTES = 3000, 27_000

# What people read in place of a detail's key.
LABELS = {
    "more": "more of",
    "fewer": "fewer of",
    "words": "new words",
    "surging": "words that come up",
    "moved": "answers",
    "fallen": "found less often",
    "worst": "lowest segments",
    "groups": "confidences of",
    "columns": "missing columns",
    "phrases": "in many more messages",
}
# What a subject begins with; a new incident is told without.
CHANGES = {
    "opened": "",
    "escalated": "worse: ",
    "reminded": "still: ",
    "flapping": "again and again: ",
    "recovered": "recovered: ",
    "news": "new: ",
}
COLOURS = {"OK": "good", "WARNING": "warning", "CRITICAL": "attention"}
# What makes a link, a picture or a call in the dialects of Markdown; a word joiner, which nobody
# sees, undoes it. Characters that would emphasise or quote become ones that look like them.
_CALLS = re.compile(r"@|\]|:(?=//)|www(?=\.)", re.IGNORECASE)
_JOINER = "\u2060"
_LOOKALIKES = str.maketrans({"*": "∗", "~": "∼", "`": "'"})


def subject(alert: Alert, most: int = SUBJECT_CHARACTERS) -> str:
    """`[CRITICAL] triage version 3: accuracy fell from 92.6 % to 82.3 %: 10 more of 100 ...`."""
    story = alert.get("story") or {}
    model = line(story.get("model") or alert["model"], NAME_CHARACTERS)
    version = f" version {story['version']}" if "version" in story else ""
    change = CHANGES.get(alert["change"], f"{alert['change']}: ")
    told = line(_told(alert), REASON_CHARACTERS)
    whole = line(f"[{alert['status']}] {model}{version}: {change}{told}", 2 * REASON_CHARACTERS)
    if len(whole) <= most:
        return whole
    words = whole[: most - 1].rpartition(" ")[0]
    # One word without an end is cut anywhere.
    return f"{words if len(words) > most // 2 else whole[: most - 1]}…"


def facts(alert: Alert) -> dict[str, str]:
    """What is said about an incident besides subject and first line, by label.

    >>> facts({"since": "2026-03-01T06:00:00Z", "window": "2026-03-01", "incident": "words-3f2a",
    ...     "detail": {"words": ["refnud", "acount"], "p": 0.0001}})
    {'new words': 'refnud, acount', 'since': '2026-03-01 06:00 UTC', 'window': '2026-03-01', \
'incident': 'words-3f2a'}
    """
    story = alert.get("story") or {}
    figures = story.get("figures", {}).items()
    common = story.get("common") or ()
    report = story.get("report")
    told = {
        **{line(label, WORD_CHARACTERS): line(value, NAME_CHARACTERS) for label, value in figures},
        **_lists(alert["detail"]),
        "in common": line("; ".join(common), VALUE_CHARACTERS),
        "since": moment(datetime.fromisoformat(alert["since"])),
        "window": line(alert["window"], NAME_CHARACTERS),
        "incident": line(alert["incident"], NAME_CHARACTERS),
        "report": line(report or "", VALUE_CHARACTERS),
    }
    return {label: value for label, value in told.items() if value}


def plain(alert: Alert) -> str:
    """The message as lines of plain text."""
    lines = [without_calls(first_line(alert)), ""]
    lines += [without_calls(f"{label}: {value}") for label, value in facts(alert).items()]
    if shown := examples(alert):
        lines += ["", "Messages such as:", *(f"  {without_calls(text)}" for text in shown)]
    if steps := advice(alert):
        lines += ["", "What to do:"]
        for number, step in enumerate(steps, start=1):
            lines += [f"{number}. {step['say']}"] if step["say"] else []
            lines += [f"   {step['command']}"] if step["command"] else []
    return "\n".join(lines) + "\n"


def first_line(alert: Alert) -> str:
    """What happened, as a sentence."""
    told = line(_told(alert), REASON_CHARACTERS)
    return told[:1].upper() + told[1:] + ("" if told[-1:] in (".", "?", "…") else ".")


def examples(alert: Alert) -> list[str]:
    """The clearest messages, each with its class and the answer where these are the matter."""
    shown = []
    for example in ((alert.get("story") or {}).get("examples") or ())[:EXAMPLES]:
        text = f"“{line(example['text'], EXAMPLE_CHARACTERS)}”"
        if "true" in example and "predicted" in example:
            true, predicted = (
                line(name, NAME_CHARACTERS) for name in (example["true"], example["predicted"])
            )
            text += f" is {true}, was answered {predicted}"
        shown.append(text)
    return shown


def advice(alert: Alert) -> list[Advice]:
    """What to do, each in words, with a command where one does it."""
    given = (alert.get("story") or {}).get("advice")
    steps: Sequence[Advice] = (
        [{"say": "", "command": step} for step in alert["next_steps"]] if given is None else given
    )
    return [
        {
            "say": line(step["say"], REASON_CHARACTERS),
            "command": _whole(step["command"]),
        }
        for step in steps[:STEPS]
    ]


def for_json(alert: Alert) -> Alert:
    """The alert itself; `text` is the subject if the alert has none."""
    return {"text": subject(alert), **alert}


def for_slack(alert: Alert) -> dict[str, Json]:
    """For incoming webhooks of Slack and of servers that show only `text`, such as Mattermost.

    A header holds 150 characters, a section 3,000, which five for each `&` don't exceed, a message
    50 blocks.
    Sources: https://docs.slack.dev/messaging/formatting-message-text,
    https://docs.slack.dev/reference/block-kit/blocks
    """
    labelled = [f"*{_mrkdwn(label)}:* {_mrkdwn(text)}" for label, text in facts(alert).items()]
    parts = [_mrkdwn(told) for told in _untold(alert)]
    parts += _packed(labelled, SECTION_CHARACTERS)
    parts += [f"&gt; {_mrkdwn(text)}" for text in examples(alert)]
    for number, step in enumerate(advice(alert), start=1):
        parts += [f"{number}. {_mrkdwn(step['say'])}"] if step["say"] else []
        code = (step["command"] or "").replace("`", "'")
        parts += [f"```{_entities(code)}```"] if code else []
    title = without_calls(subject(alert))
    if len(title) > SUBJECT_CHARACTERS:
        joiners = len(title) - len(subject(alert))
        title = without_calls(subject(alert, SUBJECT_CHARACTERS - joiners))
    blocks: list[Json] = [
        {"type": "header", "text": {"type": "plain_text", "text": title, "emoji": False}}
    ]
    # Verbatim: Slack makes no links of what looks like an address or a name.
    blocks += [
        {"type": "section", "text": {"type": "mrkdwn", "text": part, "verbatim": True}}
        for part in parts
    ]
    return {"text": "\n".join([f"*{_mrkdwn(subject(alert))}*", *parts]), "blocks": blocks}


def for_teams(alert: Alert) -> dict[str, Json]:
    """An Adaptive Card in the envelope that webhooks of Microsoft Teams take.

    Its text is in text runs, which alone are never read as Markdown.
    Sources: https://learn.microsoft.com/adaptive-cards/schema-explorer/text-run,
    https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/add-incoming-webhook
    """
    colour = COLOURS.get(alert["status"], "default")
    body: list[Json] = [
        _paragraph(_run(subject(alert), weight="bolder", size="medium", color=colour)),
        *(_paragraph(_run(told)) for told in _untold(alert)),
        *(
            _paragraph(_run(f"{label}: ", weight="bolder"), _run(value)) | {"spacing": "small"}
            for label, value in facts(alert).items()
        ),
        *(_paragraph(_run(text, italic=True)) for text in examples(alert)),
    ]
    for number, step in enumerate(advice(alert), start=1):
        body += [_paragraph(_run(f"{number}. {step['say']}"))] if step["say"] else []
        body += [_paragraph(_run(step["command"], fontType="monospace"))] if step["command"] else []
    while len(json.dumps(body, ensure_ascii=False).encode()) > CARD_BYTES:
        body.pop()
    card: dict[str, Json] = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": body,
        "msteams": {"width": "Full"},
    }
    content_type = "application/vnd.microsoft.card.adaptive"
    attachment: dict[str, Json] = {"contentType": content_type, "contentUrl": None, "content": card}
    return {"type": "message", "attachments": [attachment]}


def for_mail(alert: Alert, sender: str, recipient: str) -> EmailMessage:
    """An e-mail; the same alert has the same Message-ID, so that a second one can be dropped."""
    message = EmailMessage(policy=SMTP)
    message["Subject"] = subject(alert)
    message["From"] = sender
    message["To"] = recipient
    same = "\n".join(str(alert[key]) for key in ("incident", "change", "at"))
    digest = hashlib.sha256(same.encode("utf-8", "replace")).hexdigest()[:32]
    message["Message-ID"] = f"<{digest}@{sender.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no absence notes, please
    for name, value in headers(alert).items():
        message[name] = value
    message.set_content(plain(alert))
    return message


def headers(alert: Alert) -> dict[str, str]:
    """The incident's id as a header, in visible ASCII."""
    return {"X-Incident-Id": re.sub(r"[^!-~]", "_", alert["incident"])}


def line(text: object, limit: int) -> str:
    r"""One line of at most `limit` characters, without any that move, reorder or break text.

    >>> line("a\n b\x1b[2J" + "c" * 100, 15)
    'a b\\x1b[2Jcccc…'
    """
    clean = escape(" ".join(str(text).split())).encode("utf-8", "replace").decode()
    return clean if len(clean) <= limit else clean[: limit - 1] + "…"


def without_calls(text: str) -> str:
    """Text in which no address becomes a link and no name is called, whoever shows it."""
    return _CALLS.sub(rf"\g<0>{_JOINER}", text)


def _untold(alert: Alert) -> list[str]:
    """The first line, where the subject above it was too short for all of it."""
    return [first_line(alert)] if subject(alert).endswith("…") else []


def _told(alert: Alert) -> str:
    """What happened: in plain words where these are known, else the reason."""
    story = alert.get("story") or {}
    told = story.get("headline") or alert["detail"].get("sentence") or alert["reason"]
    return str(told) or alert["change"]


def _lists(detail: Mapping[str, Json]) -> dict[str, str]:
    """Words, classes and segments: what lists of the detail hold, each with its main figure."""
    found = {
        LABELS.get(label, line(label, WORD_CHARACTERS)): ", ".join(
            filter(None, map(_item, items[:WORDS]))
        )
        for label, items in detail.items()
        if isinstance(items, list) and label not in ("also", "warned")
    }
    return dict([pair for pair in found.items() if pair[1]][:LISTS])


def _item(item: object) -> str:
    if isinstance(item, str):
        return line(item, WORD_CHARACTERS)
    if not isinstance(item, Mapping):
        return ""
    # Findings write the name first and p-values last.
    name = next((value for value in item.values() if isinstance(value, str)), "")
    figure = next((value for value in item.values() if isinstance(value, float)), None)
    shown = "" if figure is None else f" {figure:.2f}"
    return line(name, WORD_CHARACTERS) + shown


def _whole(command: str | None) -> str | None:
    """A command as it is, or none: a part of one must not be run."""
    if command is None or len(command) > STEP_CHARACTERS:
        return None
    return line(command, 4 * STEP_CHARACTERS)


def _packed(lines: Sequence[str], most: int) -> list[str]:
    """Lines in as few texts as hold at most so many characters each."""
    texts: list[str] = []
    for text in lines:
        if texts and len(texts[-1]) + 1 + len(text) <= most:
            texts[-1] += f"\n{text}"
        else:
            texts.append(text)
    return texts


def _mrkdwn(text: str) -> str:
    return _entities(without_calls(text.translate(_LOOKALIKES)))


def _entities(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _run(text: str, **style: Json) -> dict[str, Json]:
    return {"type": "TextRun", "text": text, **style}


def _paragraph(*runs: dict[str, Json]) -> dict[str, Json]:
    return {"type": "RichTextBlock", "inlines": list(runs)}
