"""Look at the monitor's incidents, and take them in hand.

Acknowledging ends the reminders; of drift, it also makes the messages of now the usual ones.
Closing ends an incident; only later windows open another. Each decision is kept, with who and why.

    python -m common.monitoring.incidents list
    python -m common.monitoring.incidents show accuracy-20260301-a05307
    python -m common.monitoring.incidents ack accuracy-20260301-a05307 --reason "fix is on Monday"
    python -m common.monitoring.incidents mute 2d --subject drift
    python -m common.monitoring.incidents close accuracy-20260301-a05307 --reason "wrong labels"
"""

from __future__ import annotations

import argparse
import getpass
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from textwrap import fill
from typing import TYPE_CHECKING

from tabulate import tabulate

from common import ROOT, cli, flags
from common.commands import as_typed
from common.errors import InputError, SettingsError
from common.monitoring.checks.catalogue import Subject
from common.settings import Settings
from common.text import brief, moment

if TYPE_CHECKING:  # a mistake in the flags is told without any heavy library
    from common.monitoring.incidents.book import Book
    from common.monitoring.incidents.incident import Incident, Notice

COMMAND = "python -m common.monitoring.incidents"
HOURS = {"h": 1, "d": 24, "w": 7 * 24}
MOST_HOURS = 366 * 24


def build_parser() -> argparse.ArgumentParser:
    parser = flags.bare_parser(__doc__ or "", COMMAND)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(name: str, meaning: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=meaning, description=meaning, allow_abbrev=False)
        flags.add_settings(added, ["monitor_state", "log_level"])
        return added

    command("list", "all incidents, the open ones first")
    named = [
        command("show", "all that was told of an incident"),
        command("ack", "take note of an open incident: no more reminders"),
        command("close", "end an open incident, whatever the windows say"),
    ]
    for each in named:
        each.add_argument("incident", metavar="ID", help="as `list` shows it")
    for each in named[1:]:
        each.add_argument("--reason", required=True, help="why, for those who come later")
    mute = command("mute", "tell nobody for some time; 0h ends it")
    mute.add_argument("length", type=duration, metavar="TIME", help="such as 12h, 2d or 1w")
    subjects = [*(subject.value for subject in Subject), "bursts"]
    mute.add_argument("--subject", choices=subjects, help="only of this [of all]")
    return parser


def duration(text: str) -> timedelta:
    """Flag type: hours, days or weeks.

    >>> duration("2d"), duration("12h")
    (datetime.timedelta(days=2), datetime.timedelta(seconds=43200))
    """
    found = re.fullmatch(r"(\d{1,5})([hdw])", text)
    hours = int(found[1]) * HOURS[found[2]] if found else MOST_HOURS + 1
    if hours > MOST_HOURS:
        problem = f"must be hours, days or weeks, at most a year, such as 2d, not {text!r}"
        raise argparse.ArgumentTypeError(problem)
    return timedelta(hours=hours)


def main(args: argparse.Namespace, settings: Settings) -> int:
    from common.monitoring.incidents import STATE_FILE
    from common.monitoring.incidents.book import open_book

    with open_book(settings.monitor_state or ROOT / STATE_FILE) as book:
        if args.command == "list":
            show_list(book, args.json)
        elif args.command == "show":
            show(find(book, args.incident), args.json)
        elif args.command == "mute":
            mute(book, args.subject, args.length, args.json)
        else:
            decide(book, args.incident, args.command, args.reason, args.json)
    return 0


def find(book: Book, name: str) -> Incident:
    incident = book.find(name)
    if incident is None:
        raise InputError(f"there is no incident {brief(name)!r}: see {as_typed(COMMAND)} list")
    return incident


def show_list(book: Book, as_json: bool) -> None:
    """Open incidents, then the others, each the latest first; and what is muted."""
    found = sorted(book.incidents(), key=lambda incident: not incident.is_open)
    now = datetime.now(UTC)
    muted = {s.value: until for s in Subject if (until := book.muted_until(s, now))}
    headers = ("incident", "status", "since", "state", "model", "reason")
    rows = [
        (
            incident.changes[0].incident,
            incident.status.name,
            f"{incident.since:%Y-%m-%d}",
            _state(incident),
            _model(incident.changes[-1]),
            fill(incident.trouble.reason, 60),
        )
        for incident in found
    ]
    lines = [tabulate(rows, headers, disable_numparse=True) if rows else "There is no incident."]
    lines += [f"Nobody is told of {name} until {moment(at)}." for name, at in muted.items()]
    facts = {
        "incidents": [_facts(incident) for incident in found],
        "muted_until": {name: at.isoformat() for name, at in muted.items()},
    }
    cli.show("\n".join(lines), facts, as_json)


def show(incident: Incident, as_json: bool) -> None:
    from common.monitoring.feed import feed_text

    first, last = incident.changes[0], incident.changes[-1]
    facts = {
        "incident": first.incident,
        "status": f"{incident.status.name}, {_state(incident)}",
        "about": f"{first.finding} of {_model(last)}",
        "looked at": feed_text(last.feed),
        "since": f"{incident.since:%Y-%m-%d}",
        "before": first.previous or "",
    }
    text = tabulate(
        [pair for pair in facts.items() if pair[1]], tablefmt="plain", disable_numparse=True
    )
    headers = ("when (UTC)", "change", "status", "window", "reason")
    changes = [
        (
            f"{notice.at:%Y-%m-%d %H:%M}",
            f"{notice.change}{_by(notice)}",
            notice.status.name,
            notice.window,
            fill(notice.reason, 60),
        )
        for notice in incident.changes
    ]
    table = tabulate(changes, headers, disable_numparse=True)
    cli.show(f"{text}\n\n{table}", _facts(incident), as_json)


def decide(book: Book, name: str, command: str, reason: str, as_json: bool) -> None:
    """Acknowledge or close an incident."""
    from common.monitoring.incidents.incident import ACKNOWLEDGED, CLOSED

    incident, reason = find(book, name), reason.strip()
    if not reason:
        raise SettingsError("--reason is empty: say why, for those who come later.")
    if not incident.is_open:
        raise InputError(f"incident {name} is {_state(incident)} already.")
    kind = ACKNOWLEDGED if command == "ack" else CLOSED
    after = book.decide(incident, kind, user(), reason, datetime.now(UTC))
    text = f"Incident {name} is {kind} ({reason})."
    if kind == ACKNOWLEDGED and after.changes[-1].finding == Subject.DRIFT:
        text += " Messages from now on are what later ones are compared with."
    cli.show(text, _facts(after), as_json)


def mute(book: Book, subject: str | None, length: timedelta, as_json: bool) -> None:
    """Tell nobody of a subject, or of anything, for some time."""
    now = datetime.now(UTC)
    book.mute(subject, now + length, user(), now)
    what = subject or "anything"
    text = (
        f"Nobody is told of {what} until {moment(now + length)}; incidents are kept all the same."
    )
    if not length:
        text = f"People are told of {what} again."
    cli.show(text, {"subject": subject, "until": (now + length).isoformat()}, as_json)


def user() -> str:
    """Who has typed the command."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user need not have a name
        return "unknown"


def _facts(incident: Incident) -> Mapping[str, object]:
    last = incident.changes[-1]
    return incident.to_json() | {"model": last.model, "feed": last.feed}


def _state(incident: Incident) -> str:
    if not incident.is_open:
        return incident.changes[-1].change
    return "acknowledged" if incident.is_acknowledged else "open"


def _model(notice: Notice) -> str:
    return f"{notice.model} version {notice.version}" if notice.version else notice.model


def _by(notice: Notice) -> str:
    by = notice.detail.get("by")
    return f" by {by}" if isinstance(by, str) else ""


if __name__ == "__main__":
    cli.leave(cli.run("incidents", build_parser(), main))
