"""Fetch messages from where they are into a folder of Parquet files, and later what is new.

SOURCE is an archive as Kaggle gives it (.zip, also in parts .z01, .z02, ...), a query of the
database SOURCE_URL (.sql), or the description of an HTTP API or of a website (.toml). The same
command goes on where the last run ended or was interrupted. train.py and predict.py read the
folder; docs/sources.md has the rest.

    python -m common.fetch archive.zip -o raw --member twcs/twcs.csv
    python -m common.fetch tickets.sql -o tickets --after-column created_at
    python -m common.fetch deploy/connectors/zendesk.toml -o zendesk --mask
"""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path

from common import cli, flags
from common.data import remote
from common.errors import SettingsError
from common.pipelines.fetch import FetchRequest, FetchResult, run
from common.settings import FORM, Settings


def build_parser() -> argparse.ArgumentParser:
    fields = ["text_column", "mask", *FORM, "log_level"]
    parser = flags.build_parser(__doc__ or "", "python -m common.fetch", settings=fields)
    add = parser.add_argument
    add("source", type=_local, metavar="SOURCE", help="a .zip, .sql or .toml file")
    where = "folder for the Parquet files, of this source alone"
    add("-o", "--output", type=_local, required=True, metavar="DIR", help=where)
    add("--member", metavar="NAME", help="file in the archive [the only one]")
    grows = "column of the query that grows with each new row, such as an id or a time"
    add("--after-column", metavar="NAME", help=grows)
    least = "only rows with this value of --after-column or a greater one [all]"
    add("--since", metavar="VALUE", help=least)
    return parser


def main(args: argparse.Namespace, settings: Settings) -> int:
    _refuse_flags_of_others(args)
    request = FetchRequest(
        source=args.source,
        folder=args.output,
        text_column=settings.text_column,
        mask=settings.mask,
        delimiter=settings.delimiter,
        encoding=settings.encoding,
        header=settings.header,
        sheet=settings.sheet,
        field_characters=settings.field_characters,
        member=args.member,
        after_column=args.after_column,
        since=args.since,
        database=settings.plain("source_url"),
    )
    result = run(request, cli.progress)
    cli.show(_text(result), asdict(result), args.json)
    return 0


def _local(text: str) -> Path:
    """Flag type: a path of this machine."""
    if "://" in text:
        shown = remote.without_secrets(text)
        raise argparse.ArgumentTypeError(f"must be a path of this machine, not {shown}")
    return Path(text)


def _refuse_flags_of_others(args: argparse.Namespace) -> None:
    """A flag that has no effect is a mistake."""
    suffix = args.source.suffix.lower()
    given = {
        "--member": (args.member, ".zip"),
        "--after-column": (args.after_column, ".sql"),
        "--since": (args.since, ".sql"),
    }
    for flag, (value, of) in given.items():
        if value is not None and suffix != of:
            raise SettingsError(f"{flag} goes with a source that ends in {of}: leave it out.")


def _text(result: FetchResult) -> str:
    parts = [f"{result.rows:,} new rows of {result.source}"]
    if result.repeated:
        parts.append(f"{result.repeated:,} that had been fetched before are left out")
    if result.rejects:
        parts.append(f"{result.rejects:,} that could not be read are in _*.rejects.csv")
    lines = ["; ".join(parts) + "."]
    if result.parts:
        span = f" to {result.parts[-1]}" if len(result.parts) > 1 else ""
        lines.append(f"Written: {result.folder}/{result.parts[0]}{span}.")
    return "\n".join([*lines, f"{result.folder} has had {result.rows_in_all:,} rows in all."])


if __name__ == "__main__":
    cli.leave(cli.run("fetch", build_parser(), main))
