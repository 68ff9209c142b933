"""Flags of the scripts: how a parser is made, flag types, and which flags exclude each other."""

from __future__ import annotations

import argparse
import csv
import os
import re
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any, Literal, NoReturn, get_args, get_origin

from common import __version__
from common.commands import as_typed
from common.errors import SettingsError
from common.models.families import ALL, FAMILIES
from common.settings import Settings

ALIASES = {
    "data_path": ("--data",),
    "monitor_data_path": ("--data",),
    "accuracy_floor": ("--floor",),
    "id_column": ("--on",),
    "model_family": ("--family",),
    "monitor_state": ("--state",),
}

# What stands for a value in the help, where the last word of the setting's name does not say it.
METAVARS = {
    "accuracy_floor": "SHARE",
    "auto_accuracy": "SHARE",
    "auto_accuracy_by_class": "A:SHARE,B:SHARE",
    "champion_threshold": "GAIN",
    "contest_rows": "N",
    "costs": "FILE",
    "critical_keywords": "A,B",
    "delimiter": "CHARACTER",
    "embeddings": "FILE|MODULE:FUNCTION|none",
    "field_characters": "N",
    "header": "A,B",
    "lexicon": "auto|vader|FILE|none",
    "mail_from": "ADDRESS",
    "monitor_state": "FILE",
    "promote_rules": "A,B",
    "promote_significance": "P",
    "seed": "N",
    "transformer": "FOLDER|NAME|none",
    "window": "LENGTH",
}

# What the help says beside a setting's description: what settings can't know.
DETAILS = {
    "model_family": ": "
    + ", ".join(f"{family.name} ({family.summary})" for family in FAMILIES.values())
    + f", or {ALL}: the best of them challenges"
}


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        typed = self.prog if self.prog.startswith(("python ", "triage ")) else f"python {self.prog}"
        raise SettingsError(f"{message}. See: {typed} --help")


def build_parser(doc: str, prog: str, settings: Sequence[str]) -> argparse.ArgumentParser:
    """A parser that shows the script's docstring and has a flag for each of `settings`."""
    parser = bare_parser(doc, prog)
    add_settings(parser, settings)
    return parser


def bare_parser(doc: str, prog: str) -> argparse.ArgumentParser:
    """A parser that shows a docstring: its first paragraph above the flags, the rest below."""
    description, _, epilog = as_typed(doc).strip().partition("\n\n")
    full = prog if prog.startswith("python ") else f"python {prog}"
    typed = as_typed(full)
    parser = _Parser(
        prog=prog if typed == full else typed,
        description=description,
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"triage-trio {__version__}")
    return parser


def add_settings(
    parser: argparse.ArgumentParser,
    settings: Sequence[str],
    kind: type[Settings] = Settings,
) -> None:
    """Give a parser (or a command's parser) a flag for each of `settings`, and --json.

    Args:
        kind: which settings they are of.
    """
    group = parser.add_argument_group("settings (flag > environment > .env > default)")
    for field in settings:
        info = kind.model_fields[field]
        flag = f"--{field.replace('_', '-')}"
        default = info.default
        switch = info.annotation is bool  # --flag alone says true, --flag false takes it back
        shown = "" if default in (None, (), False) else f" [{_plain(default)}]"
        group.add_argument(
            *ALIASES.get(field, ()),
            flag,
            dest=field,
            metavar="BOOL" if switch else _metavar(field, kind),
            nargs="?" if switch else None,
            const="true" if switch else None,
            default=argparse.SUPPRESS,
            help=f"{info.description}{DETAILS.get(field, '')}{shown}".replace("%", "%%"),
        )
    parser.add_argument("--json", action="store_true", help="print the result as JSON on stdout")


def positive_int(text: str) -> int:
    """Flag type: an integer of at least 1."""
    return _at_least(1, text)


def count(text: str) -> int:
    """Flag type: an integer of at least 0."""
    return _at_least(0, text)


def names(text: str) -> list[str]:
    """Flag type: names separated by commas; quoted if they hold a comma."""
    (found,) = csv.reader([text], skipinitialspace=True)
    if not text.strip() or "" in found:
        raise argparse.ArgumentTypeError(f"must be names with commas between them, not {text!r}")
    return found


def location(text: str) -> Path:
    """Flag type: a path, or an address such as s3://bucket/file.csv."""
    from common.data import remote

    return remote.parse_location(text)


class FileOrFolder(argparse.Action):
    """Stores an output as a path; a slash at its end, which a path drops, as DEST_is_folder."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        if not isinstance(values, str) or not values:
            raise argparse.ArgumentError(self, "must be a file or a folder")
        setattr(namespace, self.dest, location(values))
        setattr(namespace, f"{self.dest}_is_folder", values.endswith(os.sep))


def day(text: str) -> date:
    """Flag type: a date."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        problem = f"must be a date like 2026-03-01, not {text!r}"
        raise argparse.ArgumentTypeError(problem) from None


def identifier(text: str) -> str:
    """Flag type: a word that becomes the name of a folder."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", text):
        problem = f"must be letters, digits, dots, - and _, not {text!r}"
        raise argparse.ArgumentTypeError(problem)
    return text


def _at_least(least: int, text: str) -> int:
    try:
        value = int(text)
    except ValueError:
        value = least - 1
    if value < least:
        problem = f"must be a whole number of at least {least}, not {text!r}"
        raise argparse.ArgumentTypeError(problem)
    return value


def add_training(parser: argparse.ArgumentParser) -> None:
    """Give a parser what train.py can be told."""
    add = parser.add_argument
    add("--dry-run", action="store_true", help="fit and compare, but log and register nothing")
    masked = "fit again without the words that LABEL_WITH looks for, and register nothing"
    add("--mask-rule-words", action="store_true", help=masked)
    used = "use only messages written on this day or later (TIME_COLUMN)"
    add("--since", type=day, metavar="DAY", help=used)
    deciding = "let messages written on this day or later decide the contest"
    add("--contest-since", type=day, metavar="DAY", help=deciding)
    add("--replace-unscorable", action="store_true", help="replace a champion beyond testing")
    add("--reproduce", metavar="VERSION", help="fit this version again, and compare its answers")


def add_scoring(parser: argparse.ArgumentParser) -> None:
    """Give a parser the flags of predict.py alone."""
    inputs = "files, folders of them, patterns, addresses (s3://...), or - for standard input"
    parser.add_argument("inputs", nargs="+", type=location, metavar="INPUT", help=inputs)

    add = parser.add_argument_group("input").add_argument
    add("--member", type=names, default=[], metavar="A,B", help="files of a zip [the only one]")
    add("--strict", action="store_true", help="write nothing if a row can't be read")
    most = "write nothing if more than N rows can't be read"
    add("--max-rejects", type=count, metavar="N", help=most)

    add = parser.add_argument_group("output").add_argument
    where = "file (.csv, .jsonl, .parquet) or folder/ [beside INPUT]"
    add("-o", "--output", action=FileOrFolder, metavar="OUTPUT", help=where)
    parser.set_defaults(output_is_folder=False)
    add("--format", metavar="NAME", help="csv, jsonl or parquet [as OUTPUT ends]")
    add("--columns", type=names, metavar="A,B", help="columns of the input to keep [all]")
    add("--prefix", default="", help="put before the names of the columns that are added")
    add("--proba", action="store_true", help="add the probability of each class")
    add("--explain", action="store_true", help="add the words that speak most for the prediction")
    only = "write only the rows that nobody has to look at, or only the others"
    add("--only", choices=("auto", "person"), help=only)
    add("--spreadsheet-safe", action="store_true", help="quote cells that look like formulas")
    parts = "write numbered parts to DIR/run_date=DAY/run_id=ID/, and at the end _SUCCESS"
    add("--output-dir", type=location, metavar="DIR", help=parts)
    add("--run-date", type=day, metavar="DAY", help="such as 2026-03-01 [today, UTC]")
    add("--run-id", type=identifier, metavar="ID", help="name of this run [the time]")
    add("--metrics-file", type=Path, metavar="FILE", help="write figures for Prometheus to FILE")

    add = parser.add_argument_group("model").add_argument
    add("--model", default="champion", help="champion, challenger, latest or a version [champion]")
    add("--shadow", metavar="MODEL", help="compare with this model's answers, without writing them")

    add = parser.add_argument_group("execution").add_argument
    add("--force", action="store_true", help="score again what was scored already")
    rows = "rows scored at once, which bounds memory [10000]"
    add("--chunk-size", type=positive_int, default=10_000, metavar="ROWS", help=rows)
    add("--workers", type=positive_int, metavar="N", help="processes [one for each processor]")
    add("--engine", choices=("local", "spark"), default="local", help="what scores [local]")
    master = "address of the cluster [spark-submit's; otherwise this machine]"
    add("--spark-master", metavar="URL", help=master)


def add_preparation(parser: argparse.ArgumentParser) -> None:
    """Give a parser the flags of prepare alone."""
    inputs = "files, folders of them, patterns or addresses (s3://...); the first of a text stays"
    parser.add_argument("inputs", nargs="+", type=location, metavar="INPUT", help=inputs)
    where = "folder of all runs: parts go to OUTPUT/run_date=DAY/run_id=ID/, at the end _SUCCESS"
    parser.add_argument("output", type=location, metavar="OUTPUT", help=where)
    add = parser.add_argument
    add("--run-date", type=day, metavar="DAY", help="such as 2026-03-01 [today, UTC]")
    add("--run-id", type=identifier, metavar="ID", help="name of this run [the time]")
    add("--member", type=names, default=[], metavar="A,B", help="files of a zip [the only one]")
    again = "write parts again that an interrupted run has written"
    add("--force", action="store_true", help=again)
    add("--workers", type=positive_int, metavar="N", help="processes [one for each processor]")
    add("--engine", choices=("local", "spark"), default="local", help="what prepares [local]")
    master = "address of the cluster [spark-submit's; otherwise this machine]"
    add("--spark-master", metavar="URL", help=master)


def add_monitoring(parser: argparse.ArgumentParser) -> None:
    """Give a parser what monitor.py can be told."""
    add = parser.add_argument
    which = "champion, challenger, latest or a version [champion; that made --predictions]"
    add("--model", help=which)
    challenger = "say whether this model would now win: challenger, latest or a version"
    add("--challenger", metavar="MODEL", help=challenger)
    add("--predictions", type=Path, metavar="FILE", help="what predict.py wrote; or a folder of it")
    add("--labels", type=Path, metavar="FILE", help="classes that came later; or a folder of files")
    unlabelled = (
        "the messages have no labels: estimate accuracy [if no TARGET_COLUMN is set or there]"
    )
    add("--no-labels", action="store_true", help=unlabelled)
    add("--prefix", default="", help="of the columns that predict.py has added")
    add("--workers", type=positive_int, metavar="N", help="processes [one for each processor]")
    proposes = "only look at --data: say which settings suit it, and change nothing"
    add("--init", action="store_true", help=proposes)
    add("--report", type=Path, metavar="FILE", help="write a page of HTML to FILE")
    add("--metrics-file", type=Path, metavar="FILE", help="write figures for Prometheus to FILE")
    trial = "send a marked test message to each of ALERT_URLS, say what came back, and end"
    add("--test-alert", action="store_true", help=trial)
    levels = "retrain when accuracy reaches this status"
    add("--retrain-on", choices=("warning", "critical"), help=levels)
    add("--retrain-data", type=Path, metavar="FILE", help="to train on [DATA_PATH]")
    recent = "train on messages of the last N days [all; since accuracy fell, once that is a week]"
    add("--retrain-days", type=positive_int, metavar="N", help=recent)


def _metavar(field: str, kind: type[Settings]) -> str:
    """Words to choose from, or what kind of value it is."""
    allowed = kind.model_fields[field].annotation
    if get_origin(allowed) is Literal:
        return f"{{{','.join(get_args(allowed))}}}"
    return METAVARS.get(field, field.rpartition("_")[2].upper())


def _plain(default: Any) -> str:
    # Blanks, so that the help breaks lines between names.
    return ", ".join(default) if isinstance(default, tuple) else str(default)
