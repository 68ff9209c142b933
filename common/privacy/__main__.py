"""Forget a person: find their messages in everything that the project wrote, and remove them.

Without --yes it only says what would be removed. What was removed is noted in logs/privacy.log:
where and how much, never the text. docs/privacy.md says what is looked through, and what models
keep.

    python -m common.privacy forget --text-file messages.txt
    python -m common.privacy forget --author 115712 --data twcs.csv --yes
    python -m common.privacy forget --author 115712 scored/ reports/ --yes
"""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from common import ROOT, cli, flags
from common.errors import InputError, SettingsError
from common.monitoring import incidents
from common.settings import Settings

if TYPE_CHECKING:
    from common.privacy.forget import Asked, Forgotten
    from common.registry.store import Registry


def build_parser() -> argparse.ArgumentParser:
    parser = flags.bare_parser(__doc__ or "", "python -m common.privacy")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    meaning = "remove a person's messages from everything that the project wrote"
    forget = commands.add_parser("forget", help=meaning, description=meaning, allow_abbrev=False)
    add = forget.add_argument
    where = "further files and folders with outputs of predict.py and prepare, and reports"
    add("paths", nargs="*", type=Path, metavar="PATH", help=where)
    texts = "messages: lines of a .txt file, or TEXT_COLUMN of another"
    add("--text-file", type=Path, action="append", default=[], metavar="FILE", help=texts)
    who = "who wrote them, in DATA_PATH and in outputs of predict.py"
    add("--author", type=flags.names, action="extend", default=[], metavar="A,B", help=who)
    add("--author-column", default="author_id", metavar="NAME", help="[author_id]")
    add("--dry-run", action="store_true", help="only say what would be removed, as without --yes")
    add("--yes", action="store_true", help="remove it")
    settings = "data_path text_column monitor_state model_name mlflow_tracking_uri log_level"
    flags.add_settings(forget, settings.split())
    return parser


def main(args: argparse.Namespace, settings: Settings) -> int:
    from common.privacy import forget

    if args.yes and args.dry_run:
        raise SettingsError("--yes and --dry-run exclude each other: give one.")
    done = forget.forget(
        _asked(args, settings),
        _registry(settings),
        ROOT,
        settings.monitor_state or ROOT / incidents.STATE_FILE,
        do_it=args.yes,
    )
    cli.show(_text(done, args.yes), asdict(done) | {"removed": args.yes}, args.json)
    if done.failed:
        raise InputError(
            f"not all could be looked through; run again when this is mended: {done.failed[0]}"
        )
    return 0


def _asked(args: argparse.Namespace, settings: Settings) -> Asked:
    from common.privacy import person
    from common.privacy.forget import Asked

    authors = person.clean_authors(args.author)
    if not authors and not args.text_file:
        raise SettingsError("name the messages: --text-file FILE or --author ID.")
    missing = [path for path in args.paths if not path.exists()]
    if missing:
        raise InputError(f"{missing[0]} does not exist.")
    data = {settings.data_path, settings.monitor_data_path} - {None}
    return Asked(
        text_files=tuple(args.text_file),
        authors=authors,
        author_column=args.author_column,
        text_column=settings.text_column,
        data=tuple(sorted(path for path in data if path is not None)),
        paths=tuple(args.paths),
    )


def _registry(settings: Settings) -> Registry | None:
    from common.errors import ModelUnavailable
    from common.registry import store

    try:
        return store.connect(settings.mlflow_tracking_uri, ROOT, settings.model_name)
    except ModelUnavailable:  # nothing was trained yet
        return None


def _text(done: Forgotten, removed: bool) -> str:
    from tabulate import tabulate

    rows = [(found.name, found.places) for found in done.found]
    lines = [tabulate(rows, ("where", "places"), disable_numparse=True)] if rows else []
    total = sum(found.places for found in done.found)
    outcome = "removed." if removed else "found. Nothing was removed; add --yes to do it."
    places = f"{total:,} places in {len(rows):,} files {outcome}"
    lines += [f"Messages looked for: {done.messages:,}. {places}"]
    if done.models:
        numbers = ", ".join(map(str, done.models))
        lines += [f"Whole messages are in the models of versions {numbers}."]
    lines += [
        "Models keep single words and parts of words. To be rid of these: remove the messages from "
        "your own files, train again, then `python -m common.registry prune` and `mlflow gc`."
    ]
    return "\n".join([*lines, *(f"Not done: {line}" for line in done.failed)])


if __name__ == "__main__":
    cli.leave(cli.run("privacy", build_parser(), main))
