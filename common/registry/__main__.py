"""Look at the registry of champions, and change it by hand.

Every change is a new entry of the history, made under the same lock as those of train.py.

    python -m common.registry list
    python -m common.registry history
    python -m common.registry show
    python -m common.registry promote 3 --reason "approved after review"
    python -m common.registry rollback
    python -m common.registry prune --keep 5
    python -m common.registry adopt MODEL --data labelled.csv
    python -m common.registry route --accuracy 0.97
    python -m common.registry export DIR
    python -m common.registry import DIR
    python -m common.registry ui
    python -m common.registry links
"""

from __future__ import annotations

import argparse
import logging
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING

from tabulate import tabulate

from common import ROOT, adopt, cli, flags
from common.commands import as_typed
from common.errors import ModelUnavailable, SettingsError
from common.registry import route
from common.registry.register import MANUAL, ROLLBACK
from common.registry.store import Registry, connect
from common.registry.transfer import command as transfer
from common.settings import Settings

if TYPE_CHECKING:  # a mistake in the flags is told without any heavy library
    from common.registry import route
    from common.registry.listing import Listed
from common.registry.register import Register

COMMAND = "python -m common.registry"
CHECKED = ["where is my order?", "thank you", ""]

logger = logging.getLogger("registry")


def build_parser() -> argparse.ArgumentParser:
    parser = flags.bare_parser(__doc__ or "", COMMAND)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(name: str, meaning: str, more: Sequence[str] = ()) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=meaning, description=meaning, allow_abbrev=False)
        flags.add_settings(added, ["model_name", "mlflow_tracking_uri", *more, "log_level"])
        return added

    ui = command("ui", "open MLflow's pages on the model and its runs", ["mlflow_experiment_name"])
    ui.add_argument("--port", type=flags.positive_int, default=5000, help="of this machine [5000]")
    where = "where the pages on a version, and the monitor's report, are"
    links = command("links", where, ["mlflow_experiment_name"])
    links.add_argument("version", nargs="?", default="champion", help="version or alias [champion]")
    command("list", "all versions, the newest first: how each did, and which waits")
    command("history", "who was champion from when to when, and why")
    show = command("show", "all that is recorded of a version")
    show.add_argument("version", nargs="?", default="champion", help="version or alias [champion]")
    promote = command("promote", "make a version the champion, as a person's decision")
    promote.add_argument("version", help="version or alias")
    promote.add_argument("--reason", default="", help="why; it is kept for ever (needed)")
    despite = "promote it although it lost its contest"
    promote.add_argument("--yes", action="store_true", help=despite)
    rollback = command("rollback", "make the champion before the present one champion again")
    rollback.add_argument("--reason", default="rolled back", help="why [rolled back]")
    prune = command("prune", "delete old versions, but none that rollback may go to")
    add = prune.add_argument
    number = flags.positive_int
    add("--keep", type=number, required=True, metavar="N", help="newest versions to keep")
    kept = "champions to keep; rollback loses those before [all that it may go to, and the last 5]"
    add("--champions", type=number, metavar="K", help=kept)
    add("--yes", action="store_true", help="do it; without, only say what would be deleted")
    adopt.add_flags(command("adopt", adopt.SUMMARY, adopt.SETTINGS))
    route.add_flags(command("route", route.SUMMARY))
    export = command("export", "write the model with its history and runs into a new folder")
    export.add_argument("folder", type=Path, metavar="DIR", help="new folder, or one to go on with")
    restore = command("import", "write what was exported into a store that has no such model")
    exported = "what `export` has written; its models are code: import only whom you trust"
    restore.add_argument("folder", type=Path, metavar="DIR", help=exported)
    return parser


def main(args: argparse.Namespace, settings: Settings) -> int:
    if args.command == "import":
        transfer.import_registry(settings, args.folder, args.json)
        return 0
    if args.command == "adopt":
        return adopt.main(args, settings)
    registry = connect(settings.mlflow_tracking_uri, ROOT, settings.model_name)
    if args.command == "ui":
        return show_pages(registry, settings.mlflow_experiment_name, args.port, args.json)
    if args.command == "links":
        show_links(registry, settings.mlflow_experiment_name, args.version, args.json)
    elif args.command == "list":
        show_list(registry, args.json)
    elif args.command == "history":
        show_history(registry, args.json)
    elif args.command == "show":
        show_version(registry, args.version, args.json)
    elif args.command == "promote":
        promote(registry, args.version, args.reason, args.yes, args.json)
    elif args.command == "rollback":
        rollback(registry, args.reason, args.json)
    elif args.command == "route":
        route.main(registry, args)
    elif args.command == "export":
        transfer.export_registry(registry, args.folder, args.json)
    else:
        prune(registry, args.keep, args.champions, args.yes, args.json)
    return 0


def show_pages(registry: Registry, experiment: str, port: int, as_json: bool) -> int:
    """Print direct links; serve the pages if nobody does, until interrupted."""
    from dataclasses import asdict

    from common.registry import pages

    served = pages.links(registry, experiment)
    links = served or pages.links(registry, experiment, f"http://127.0.0.1:{port}")
    assert links  # there is an address
    text = f"Runs:  {links.runs}\nModel: {links.model}"
    if served:
        cli.show(text, asdict(links), as_json)
        return 0
    cli.show(f"{text}\nCtrl-C ends it.", asdict(links), as_json)
    sys.stdout.flush()
    return pages.serve(registry, port)


def show_links(registry: Registry, experiment: str, which: str, as_json: bool) -> None:
    """Print addresses if a server shows the pages, else where their files lie."""
    from dataclasses import asdict

    from common.registry import pages, versions

    served = pages.links(registry, experiment)
    found = pages.documents(registry, versions.find(registry, which), experiment)
    where = asdict(served) if served else {"runs": None, "model": None}
    facts = where | asdict(found)
    rows = [(f"{name.capitalize()}:", place) for name, place in facts.items() if place]
    text = tabulate(rows, tablefmt="plain", disable_numparse=True)
    more = "" if served else f"\nMLflow's pages: {as_typed(COMMAND)} ui"
    cli.show(f"{text}{more}", facts, as_json)


def show_list(registry: Registry, as_json: bool) -> None:
    from dataclasses import asdict

    from common.registry import listing

    found = listing.read(registry)
    headers = ("version", "aliases", "verdict", "accuracy", "macro-F1", "data", "trained (UTC)")
    rows = [
        (
            row.version,
            ", ".join(row.aliases),
            row.verdict or "none",
            _figure(row.holdout_accuracy),
            _figure(row.macro_f1),
            f"{row.data or ''}{' (synthetic)' if row.synthetic else ''}",
            (row.trained_at or "").partition("+")[0].replace("T", " "),
        )
        for row in found
    ]
    waiting = [_waiting(row) for row in found if row.waits]
    said = waiting or ["No challenger waits."]
    table = tabulate(rows, headers, disable_numparse=True)
    text = "\n".join([table, "", *said]) if rows else f"{registry.model_name} has no version yet."
    cli.show(text, [asdict(row) for row in found], as_json)


def _waiting(row: Listed) -> str:
    """Why a challenger is not the champion, and what to type if it is to be."""
    verdict = row.reason or "its training did not end"
    command = f'promote {row.version} --reason "..."{" --yes" if row.lost else ""}'
    return (
        f"Challenger: version {row.version} ({verdict}). "
        f"To promote it: {as_typed(COMMAND)} {command}"
    )


def _figure(share: float | None) -> str:
    return "" if share is None else f"{share:.4f}"


def show_history(registry: Registry, as_json: bool) -> None:
    from dataclasses import asdict

    from common.registry import history

    reigns = history.read(registry).reigns()
    headers = ("", "version", "from", "until", "kind", "by", "reason")
    rows = [
        (
            reign.entry.number,
            reign.entry.version or "none",
            reign.entry.at,
            reign.until or "now",
            reign.entry.kind,
            reign.entry.by,
            fill(reign.entry.reason, 60),
        )
        for reign in reigns
    ]
    text = tabulate(rows, headers, disable_numparse=True)
    facts = [asdict(reign.entry) | {"until": reign.until or None} for reign in reigns]
    cli.show(text if rows else f"{registry.model_name} has had no champion yet.", facts, as_json)


def show_version(registry: Registry, which: str, as_json: bool) -> None:
    from common.registry import history, routing, versions

    version = versions.find(registry, which)
    champion = history.read(registry).champion == version.number
    facts = version.identity() | {"champion": champion, "tags": dict(version.tags)}
    rows = {"version": str(version.number), "champion": "yes" if champion else "no"}
    rows |= {"run": version.run_id, "verdict": "none: its training did not end", **version.tags}
    decided = routing.decisions(version)
    rows = {key: text for key, text in rows.items() if not key.startswith(routing.PREFIX)}
    rows |= {
        f"routing {number}": f"{decision.at} by {decision.by} ({decision.reason}): "
        f"{decision.routing.sentence()}"
        for number, decision in enumerate(decided, start=1)
    }
    wrapped = [(key, fill(text, 90)) for key, text in rows.items()]
    cli.show(tabulate(wrapped, tablefmt="plain", disable_numparse=True), facts, as_json)


def promote(registry: Registry, which: str, reason: str, although: bool, as_json: bool) -> None:
    """Make a version champion, as a person's decision.

    Args:
        although: also if it lost its contest.
    """
    from common.registry import history, versions

    register, version = history.read(registry), versions.find(registry, which)
    reason = reason.strip()
    refuse_champion(register, version.number)
    if version.lost_because and not (although and reason):
        again = shlex.quote(reason) if reason else '"..."'
        raise SettingsError(
            f"version {version.number} lost its contest ({version.lost_because}). To promote it "
            f"all the same: {as_typed(COMMAND)} promote {version.number} --reason {again} --yes"
        )
    if not reason:
        raise SettingsError("--reason is empty or missing: say why, for those who come later.")
    withdrawn = {found.version: found for found in register.withdrawals()}
    if before := withdrawn.get(version.number):
        logger.warning(
            "Version %d was rolled back from at %s (%s).", before.version, before.at, before.reason
        )
    change(registry, version.number, MANUAL, reason, as_json)


def rollback(registry: Registry, reason: str, as_json: bool) -> None:
    from common.registry import history

    previous = history.read(registry).previous()
    if previous is None:
        raise ModelUnavailable(
            f"{registry.model_name} has no champion before the present one to go back to; see "
            f"`{as_typed(COMMAND)} history`, and `promote VERSION`."
        )
    refuse_synthetic(registry, previous)
    change(registry, previous, ROLLBACK, reason, as_json)


def refuse_synthetic(registry: Registry, previous: int) -> None:
    """Refuse to go back from a model of real messages to one of the sample."""
    from common.registry import versions

    champion = versions.champion(registry)
    if champion and not champion.synthetic and versions.find(registry, str(previous)).synthetic:
        raise ModelUnavailable(
            f"the champion before the present one, version {previous}, was fitted on synthetic "
            f"messages. If it is to be champion all the same: {as_typed(COMMAND)} promote "
            f'{previous} --reason "..."'
        )


def change(registry: Registry, number: int, kind: str, reason: str, as_json: bool) -> None:
    """Make a version champion if it loads and answers, here and in a clean process."""
    from dataclasses import asdict

    from common.registry import artifact, history, lock, versions

    version = versions.find(registry, str(number))
    classifier = versions.load(registry, version)
    answers = classifier.classes_[classifier.predict_proba(CHECKED).argmax(axis=1)]
    column = version.text_column
    artifact.check_in_clean_process(
        registry.uri, version.uri, column, CHECKED, [str(answer) for answer in answers]
    )
    with lock.hold(registry) as confirm:
        for line in history.repair(registry):
            logger.warning("Registry repaired: %s", line)
        register = history.read(registry)
        refuse_champion(register, number)
        if kind == ROLLBACK and register.previous() != number:
            raise SettingsError("another champion was chosen meanwhile: look again, and try again.")
        entry = history.move(registry, version, kind, history.who(), reason, confirm)
    before = f"instead of version {entry.replaced}" if entry.replaced else "the first one"
    cli.show(
        f"Version {number} of {registry.model_name} is the champion now, {before} ({reason}).",
        asdict(entry),
        as_json,
    )


def refuse_champion(register: Register, number: int) -> None:
    if register.champion == number:
        raise SettingsError(f"version {number} is the champion already.")


def prune(registry: Registry, keep: int, champions: int | None, do_it: bool, as_json: bool) -> None:
    """Delete old versions.

    Args:
        keep: the newest ones to keep.
        champions: to keep, the present one among them; None: all that rollback may go to, and
            the last few.
    """
    from common.registry import history, lock, versions

    with lock.hold(registry):
        register = history.read(registry)
        found = versions.list_versions(registry)
        kept = {version.number for version in found[:keep]} | register.kept(champions)
        old = [version for version in found if version.number not in kept]
        if do_it:
            for version in old:
                versions.delete(registry, version)
    numbers = [version.number for version in old]
    lost = [number for number in register.rollbacks() if number in numbers]
    whose = f"versions of {registry.model_name}: {_listed(numbers)}."
    text = f"Deleted {whose}" if do_it else f"Would delete {whose}"
    if lost:
        text += f" Rollback {'can' if do_it else 'could'} no longer go back to {_listed(lost)}."
    text += (
        " `mlflow gc` frees their disk space."
        if do_it
        else " Nothing was done; add --yes to do it."
    )
    facts = {"deleted" if do_it else "would_delete": numbers, "lost_to_rollback": lost}
    cli.show(text, facts, as_json)


def _listed(numbers: list[int]) -> str:
    return ", ".join(map(str, numbers)) or "none"


if __name__ == "__main__":
    cli.leave(cli.run("registry", build_parser(), main))
