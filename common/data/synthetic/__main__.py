"""The command that writes synthetic support messages: for a first look, for tests, for benchmarks.

    python -m common.data.synthetic
    python -m common.data.synthetic --rows 1000000 --seed 7 --out /tmp/messages
    python -m common.data.synthetic --class inbound
    python -m common.data.synthetic --rows 1000000 --varied --out /tmp/large
    python -m common.data.synthetic --scenario sudden-drift --days 60 --out /tmp/history

Customers write to support teams: a message has a topic, an urgency and a tone. With --class inbound
customers and brands write to each other, and the class is who wrote it, as in twcs.csv.

Without --scenario it is one file; the same seed gives the same bytes, and a larger sample starts
with the smaller one. With it, a history of daily files in which a known thing happens:
"""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import NoReturn

from common import __version__
from common.commands import as_typed
from common.data.synthetic import histories
from common.data.synthetic.messages import DEFAULT_SEED
from common.data.synthetic.sample import DEFAULT_ROWS, FOLDER, KINDS, write_sample
from common.data.synthetic.scenarios import FIRST_DAY, ROWS_A_DAY
from common.data.synthetic.topics import TOPICS
from common.errors import InputError, SettingsError

HISTORY_FLAGS = ("days", "rows_per_day", "change_day", "start")


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: error: {message}\n")


def build_parser() -> argparse.ArgumentParser:
    listed = "".join(f"  {name:<14}{known.summary}\n" for name, known in TOPICS.scenarios.items())
    _, _, more = as_typed(__doc__ or "").partition("\n\n")
    parser = _Parser(
        prog=as_typed("python -m common.data.synthetic"),
        description="Write SYNTHETIC support messages.",
        epilog=f"{more}\n{listed}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("--version", action="version", version=f"triage-trio {__version__}")
    classes = "what messages are about, or whether a customer wrote them [%(default)s]"
    add("--class", dest="kind", choices=KINDS, default=TOPICS.target, help=classes)
    add("--rows", type=_whole(1), metavar="N", help=f"messages of the one file [{DEFAULT_ROWS}]")
    add("--varied", action="store_true", help="as many different words as in real messages")
    add("--seed", type=_whole(0), default=DEFAULT_SEED, metavar="N", help="[%(default)s]")
    add("--out", type=Path, metavar="DIR", help=f"[{FOLDER}]; a history needs a new folder")
    history = parser.add_argument_group("a history of daily files")
    add = history.add_argument
    add("--scenario", choices=TOPICS.scenarios, metavar="NAME", help="one of those below")
    add("--days", type=_whole(1), metavar="N", help="how many")
    add("--start", type=_date, metavar="DATE", help=f"the first of them [{FIRST_DAY}]")
    add("--rows-per-day", type=_whole(1), metavar="N", help=f"[{ROWS_A_DAY}; small-days: 20 to 60]")
    add("--change-day", type=_whole(1), metavar="N", help="first changed day [two thirds through]")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    parser = build_parser()
    args = parser.parse_args(argv)
    try:
        if args.scenario:
            said = _write_history(args)
        else:
            said = _write_one_file(args)
    except SettingsError as error:
        parser.error(str(error))
    except InputError as error:
        parser.exit(3, f"{parser.prog}: error: {error}\n")
    sys.stdout.write(f"{said}\n")
    return 0


def _write_one_file(args: argparse.Namespace) -> str:
    for flag in HISTORY_FLAGS:
        if vars(args)[flag]:
            raise SettingsError(f"--{flag.replace('_', '-')} needs --scenario")
    rows = args.rows or DEFAULT_ROWS
    path = write_sample(args.out or FOLDER, rows, args.seed, KINDS[args.kind], args.varied)
    return f"Wrote {rows:,} SYNTHETIC messages to {path}."


def _write_history(args: argparse.Namespace) -> str:
    if not (args.days and args.out):
        raise SettingsError("--scenario needs --days and --out")
    if args.rows:
        raise SettingsError("--rows is for one file; a history has --rows-per-day")
    if args.varied:
        raise SettingsError("--varied is for one file")
    history = histories.write(
        args.out,
        args.scenario,
        args.days,
        args.rows_per_day,
        args.seed,
        args.change_day,
        KINDS[args.kind],
        args.start or FIRST_DAY,
    )
    rows = sum(day.rows for day in history.days)
    since = f" from {history.change_date}" if history.change_date else ""
    train = shlex.quote(str(args.out / "train.csv"))
    return (
        f"Wrote {rows:,} SYNTHETIC messages of {args.days:,} days ({args.scenario}{since}) to "
        f"{args.out}. Next: python train.py --data {train}"
    )


def _whole(least: int) -> Callable[[str], int]:
    def number(text: str) -> int:
        if not text.isdecimal() or int(text) < least:
            raise argparse.ArgumentTypeError(
                f"must be a whole number of at least {least}, not {text!r}"
            )
        return int(text)

    return number


def _date(text: str) -> date:
    with suppress(ValueError):
        found = date.fromisoformat(text)
        if 1970 <= found.year < 2100:  # what every reader of times takes for one
            return found
    raise argparse.ArgumentTypeError(
        f"must be a date of 1970 to 2099, such as {FIRST_DAY}, not {text!r}"
    )


if __name__ == "__main__":
    sys.exit(main())
