"""What `monitor.py --init` prints: one screen, whose last lines are to be pasted."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tabulate import tabulate

from common.commands import as_typed
from common.text import brief, printable

if TYPE_CHECKING:
    from common.monitoring.setup import KnownModel, MonitorSetup, Proposal

WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
EXPLAINED = (
    "alarms, CRITICAL: false ones a year, windows of a stable model below the floor by chance.",
    "5 points: how many windows are CRITICAL once accuracy is so much lower. Exact (binomial) for",
    "independent messages, by the check of accuracy alone; expect more alarms on days with topics.",
)
UNQUOTED = re.compile(r"[\w./:@%+,=-]+")


def render(setup: MonitorSetup, root: Path) -> str:
    """The screen as text.

    Args:
        root: of the project, where cron starts.
    """
    columns = {"text": setup.columns.text, "class": setup.columns.label, "time": setup.columns.time}
    if setup.columns.label == setup.columns.text:
        columns["class"] = None
    found = ", ".join(f"{what} {brief(name)!r}" for what, name in columns.items() if name)
    missing = " and ".join(f"no column of {what}es" if what == "class" else "no column of times"
                           for what, name in columns.items() if not name)  # fmt: skip
    parts = [
        f"{printable(setup.data)}: {found}{f'; {missing}' if missing else ''}.",
        *_volume(setup),
        "",
        *_advice(setup),
        "",
        "For .env:",
        *(f"  {name}={_quoted(value)}" for name, value in setup.settings.items()),
        "For cron (crontab -e):",
        f"  {cron_line(setup, root)}",
        "Nothing was changed.",
    ]
    return "\n".join(parts)


def cron_line(setup: MonitorSetup, root: Path) -> str:
    """Every morning at six; cron takes a bare % for a line break."""
    start = ["monitor.py"] if as_typed("python monitor.py").startswith("python") else None
    words = [sys.executable, *(start or ["-m", "common", "monitor"]), "--json"]
    if not setup.volume.all_labelled and setup.columns.label is None:
        words.append("--no-labels")
    command = f"cd {shlex.quote(str(root))} && {shlex.join(words)} >> logs/monitor.jsonl"
    return f"0 6 * * *  {command}".replace("%", r"\%")


def _volume(setup: MonitorSetup) -> list[str]:
    volume = setup.volume
    if not volume.busy_days:
        return [
            f"{volume.undated + sum(volume.rows.values()):,} messages, {volume.all_labelled:,} of "
            "them with a class."
        ]
    days, busy, (rows, labelled) = volume.whole_days, volume.busy_days, volume.typical()
    least, most = (pick(busy, key=lambda day: volume.rows[day]) for pick in (min, max))
    weekdays = [
        f"{name} {count:,}"
        for name, count in zip(WEEKDAYS, volume.by_weekday(), strict=True)
        if count is not None
    ]
    cut = "; the first and last, which may be cut, left out" if len(days) < len(volume.rows) else ""
    lines = [
        f"Messages a day: median {rows:,} ({labelled:,} with a class), least "
        f"{volume.rows[least]:,} on {least}, most {volume.rows[most]:,} on {most}.",
        f"By weekday: {', '.join(weekdays)}.",
        f"Days of {setup.times.zone} from {days[0]} to {days[-1]}{cut}.",
    ]
    if len(busy) < len(days):
        lines.append(f"On {len(days) - len(busy):,} of {len(days):,} days there is no message.")
    if volume.undated:
        lines.append(f"{volume.undated:,} messages have no time that can be read.")
    return lines


def _advice(setup: MonitorSetup) -> list[str]:
    if not setup.volume.all_labelled:
        return ["No message has a class: accuracy is estimated, and drift is looked at."]
    said, accuracy = _of_model(setup.model)
    few = "Too few messages have a class for any window to be judged."
    if not setup.proposals:
        return [f"{said}. {few}"]
    if accuracy is None:
        head = f"{said}. The best window if its accuracy turns out to be so:"
        end = ["Run this again after the training: the floor depends on the accuracy."]
    elif setup.chosen:
        head = f"{said}. What each window would do:"
        end = [
            f"Proposed: WINDOW={setup.chosen.window} and ACCURACY_FLOOR={setup.chosen.floor}. A "
            f"loss of 10 points is CRITICAL after {setup.chosen.days_to_find:.1f} days on average."
        ]
    else:
        head, end = f"{said}. What each window would do:", [few]
    return [head, "", _table(setup.proposals), "", *EXPLAINED, *end]


def _of_model(model: KnownModel | None) -> tuple[str, float | None]:
    """What is known of the model, and its accuracy."""
    if model is None:
        return f"There is no model yet ({as_typed('python train.py')} makes one)", None
    if model.synthetic:
        return f"Version {model.version} was fitted on SYNTHETIC messages; train on your own", None
    if model.accuracy is None:
        return f"Version {model.version} has no accuracy stored", None
    said = f"Version {model.version} has an accuracy of {model.accuracy:.3f} on its holdout"
    return said, model.accuracy


def _table(proposals: Sequence[Proposal]) -> str:
    losses = sorted({loss for proposal in proposals for loss in proposal.power})
    headers = [
        *("accuracy", "window", "rows", "floor", "alarms", "CRITICAL"),
        *(f"{100 * loss:.0f} points" for loss in losses),
    ]
    rows = []
    for one in proposals:
        start = [f"{one.accuracy:.3f}", one.window, f"{one.rows:,}"]
        if one.floor is None:
            rows.append([*start, "too few", *[""] * (2 + len(losses))])
            continue
        alarms = [f"{one.warnings_a_year:.1f}", f"{one.criticals_a_year:.2f}"]
        shares = [f"{one.power[loss]:.0%}" for loss in losses]
        rows.append([*start, f"{one.floor:.2f}", *alarms, *shares])
    align = ["right", "left", *["right"] * (len(headers) - 2)]
    return tabulate(rows, headers, disable_numparse=True, colalign=align)


def _quoted(value: str) -> str:
    """A value as `.env` takes it."""
    if UNQUOTED.fullmatch(value):
        return value
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
