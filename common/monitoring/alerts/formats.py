"""What people are told of an incident, short enough for a phone, in the form each receiver takes.

Reason and detail hold words that customers wrote: in every form they are one line, shortened, and
can neither link nor call anybody.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from typing import NotRequired, TypedDict

from common.text import escape
from common.types import Json


class Alert(TypedDict):
    """One change of one incident, as receivers of JSON get it.

    Attributes:
        incident: its id, the same in all alerts of an incident.
        finding: what it is about: accuracy, drift, data.
        change: opened, escalated, reminded, flapping, recovered or retrained.
        status: by its name.
        since, at: when the incident was opened, and when the change was found out (ISO 8601).
        window, reason, detail: what the change rests on.
        model: its name.
        next_steps: command lines.
        text: one sentence; the subject if it is not given.
        look: what the run has found, while the change is new.
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


SUBJECT_CHARACTERS, REASON_CHARACTERS, NAME_CHARACTERS = 150, 500, 60
EXAMPLES, EXAMPLE_CHARACTERS = 5, 30
LISTS = STEPS = 5
STEP_CHARACTERS = 500

COLOURS = {"OK": "good", "WARNING": "warning", "CRITICAL": "attention"}
# What makes a link, a picture or a call in the dialects of Markdown; a word joiner, which nobody
# sees, undoes it. Characters that would emphasise or quote become ones that look like them.
_CALLS = re.compile(r"@|\]|:(?=//)|www(?=\.)", re.IGNORECASE)
_JOINER = "\u2060"
_LOOKALIKES = str.maketrans({"*": "∗", "~": "∼", "`": "'"})


def subject(alert: Alert) -> str:
    """`[CRITICAL] triage: accuracy opened - accuracy 0.8100 ... is below the floor 0.85`."""
    model = line(alert["model"], NAME_CHARACTERS)
    what = f"{alert['finding']} {alert['change']} - {alert['reason']}"
    return line(f"[{alert['status']}] {model}: {what}", SUBJECT_CHARACTERS)


def facts(alert: Alert) -> dict[str, str]:
    """What is said about an incident besides subject and reason, by label.

    >>> facts({"since": "2026-03-01T06:00:00Z", "window": "2026-03-01", "incident": "words-3f2a",
    ...     "detail": {"words": ["refnud", "acount"], "p": 0.0001}})
    {'since': '2026-03-01 06:00 UTC', 'window': '2026-03-01', 'words': 'refnud, acount', \
'incident': 'words-3f2a'}
    """
    since = datetime.fromisoformat(alert["since"]).astimezone(UTC)
    return {
        "since": f"{since:%Y-%m-%d %H:%M} UTC",
        "window": line(alert["window"], NAME_CHARACTERS),
        **_examples(alert["detail"]),
        "incident": line(alert["incident"], NAME_CHARACTERS),
    }


def plain(alert: Alert) -> str:
    """The message as lines of plain text."""
    lines = [
        without_calls(line(alert["reason"], REASON_CHARACTERS)),
        "",
        *(f"{label}: {without_calls(value)}" for label, value in facts(alert).items()),
    ]
    if steps := _steps(alert):
        lines += ["", "What to do:", *(f"  {step}" for step in steps)]
    return "\n".join(lines) + "\n"


def for_json(alert: Alert) -> Alert:
    """The alert itself; `text` is the subject if the alert has none."""
    return {"text": subject(alert), **alert}


def for_slack(alert: Alert) -> dict[str, Json]:
    """For incoming webhooks of Slack and of servers that show only `text`, such as Mattermost.

    Sections hold at most 3,000 characters, which five for each `&` don't exceed.
    Source: https://docs.slack.dev/messaging/formatting-message-text
    """
    labelled = facts(alert).items()
    parts = [
        f"*{_mrkdwn(subject(alert))}*",
        _mrkdwn(line(alert["reason"], REASON_CHARACTERS)),
        "\n".join(f"*{_mrkdwn(label)}:* {_mrkdwn(value)}" for label, value in labelled),
        *(f"```{_entities(step.replace('`', chr(39)))}```" for step in _steps(alert)),
    ]
    blocks: list[Json] = [
        # Verbatim: Slack makes no links of what looks like an address or a name.
        {"type": "section", "text": {"type": "mrkdwn", "text": part, "verbatim": True}}
        for part in parts
    ]
    return {"text": "\n".join(parts), "blocks": blocks}


def for_teams(alert: Alert) -> dict[str, Json]:
    """An Adaptive Card in the envelope that webhooks of Microsoft Teams take.

    Its text is in text runs, which alone are never read as Markdown.
    Source: https://learn.microsoft.com/adaptive-cards/schema-explorer/text-run
    """
    colour = COLOURS.get(alert["status"], "default")
    body: list[Json] = [
        _paragraph(_run(subject(alert), weight="bolder", color=colour)),
        _paragraph(_run(line(alert["reason"], REASON_CHARACTERS))),
        *(
            _paragraph(_run(f"{label}: ", weight="bolder"), _run(value))
            for label, value in facts(alert).items()
        ),
        *(_paragraph(_run(step, fontType="monospace")) for step in _steps(alert)),
    ]
    card: dict[str, Json] = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.2",
        "body": body,
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


def _examples(detail: Mapping[str, Json]) -> dict[str, str]:
    """Words, classes and segments: what lists of the detail hold, each with its main figure."""
    found = {
        line(label, EXAMPLE_CHARACTERS): ", ".join(filter(None, map(_example, items[:EXAMPLES])))
        for label, items in detail.items()
        if isinstance(items, list)
    }
    return dict([pair for pair in found.items() if pair[1]][:LISTS])


def _example(item: object) -> str:
    if isinstance(item, str):
        return line(item, EXAMPLE_CHARACTERS)
    if not isinstance(item, Mapping):
        return ""
    # Findings write the name first and p-values last.
    name = next((value for value in item.values() if isinstance(value, str)), "")
    figure = next((value for value in item.values() if isinstance(value, float)), None)
    shown = "" if figure is None else f" {figure:.2f}"
    return line(name, EXAMPLE_CHARACTERS) + shown


def _steps(alert: Alert) -> list[str]:
    return [line(step, STEP_CHARACTERS) for step in alert["next_steps"][:STEPS]]


def _mrkdwn(text: str) -> str:
    return _entities(without_calls(text.translate(_LOOKALIKES)))


def _entities(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _run(text: str, **style: str) -> dict[str, str]:
    return {"type": "TextRun", "text": text, **style}


def _paragraph(*runs: dict[str, str]) -> dict[str, Json]:
    return {"type": "RichTextBlock", "inlines": list(runs)}
