"""The command `triage`: train, predict, monitor and what goes with them, from any directory.

The same as `python -m common` in the project's folder. Each command has its own --help.

    triage train --data twcs.csv
    triage predict new.csv
    triage monitor --data labelled.csv
    triage registry list
"""

from __future__ import annotations

import argparse
import runpy
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from common import ROOT, __version__
from common.commands import COMMANDS, MODULE, TRIAGE


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{TRIAGE}: error: {message}. See: {self.prog} --help\n")


def build_parser() -> argparse.ArgumentParser:
    """A parser of the command's name alone: the rest is for the command itself."""
    description, _, more = (__doc__ or "").partition("\n\n")
    prog = TRIAGE if Path(sys.argv[0]).name == TRIAGE else MODULE
    listed = "".join(f"  {command.name:<10}{command.summary}\n" for command in COMMANDS)
    parser = _Parser(
        prog=prog,
        usage=f"{prog} COMMAND ...",
        description=description,
        epilog=f"commands:\n{listed}\n{more}\nThe project's folder is {ROOT} (TRIAGE_HOME).",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"triage-trio {__version__}")
    parser.add_argument("command", metavar="COMMAND", help="one of those below")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command as if it had been started by itself; it ends the process."""
    given = list(sys.argv[1:] if argv is None else argv)
    parser = build_parser()
    name = parser.parse_args(given[:1]).command
    modules = {command.name: command.module for command in COMMANDS}
    if name not in modules:
        parser.error(f"there is no command {name!r}: take {', '.join(modules)}")
    sys.argv = [f"{parser.prog} {name}", *given[1:]]
    # sys.argv[0] stays as it is: messages name the command as it was typed.
    runpy.run_module(modules[name], run_name="__main__", alter_sys=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
