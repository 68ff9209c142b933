"""Look at the registry of champions, and change it by hand.

Every change is a new entry of the history, made under the same lock as those of train.py.

    python -m common.registry history
    python -m common.registry show
    python -m common.registry promote 3 --reason "approved after review"
    python -m common.registry rollback
    python -m common.registry prune --keep 5
    python -m common.registry ui --port 5001
"""

from __future__ import annotations

import argparse
import logging
import sys
from textwrap import fill

from tabulate import tabulate

from common import ROOT, cli, flags
from common.errors import ModelUnavailable, SettingsError
from common.registry.store import Registry, connect
from common.settings import Settings

CHECKED = ["where is my order?", "thank you", ""]

logger = logging.getLogger("registry")


def build_parser() -> argparse.ArgumentParser:
    parser = flags.bare_parser(__doc__ or "", "python -m common.registry")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(name: str, meaning: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=meaning, description=meaning, allow_abbrev=False)
        flags.add_settings(added, ["model_name", "mlflow_tracking_uri", "log_level"])
        return added

    command("history", "who was champion from when to when, and why")
    show = command("show", "all that is recorded of a version")
    show.add_argument("version", nargs="?", default="champion", help="version or alias [champion]")
    promote = command("promote", "make a version the champion, as a person's decision")
    promote.add_argument("version", help="version or alias")
    promote.add_argument("--reason", required=True, help="why; it is kept for ever")
    rollback = command("rollback", "make the champion before the present one champion again")
    rollback.add_argument("--reason", default="rolled back", help="why [rolled back]")
    prune = command("prune", "delete old versions that were not champion lately")
    add = prune.add_argument
    number = flags.positive_int
    add("--keep", type=number, required=True, metavar="N", help="newest versions to keep")
    kept = "last champions to keep [5]"
    add("--champions", type=number, default=5, metavar="K", help=kept)
    add("--yes", action="store_true", help="do it; without, only say what would be deleted")
    ui = command("ui", "show the model in MLflow's pages until Ctrl-C; `make ui` does the same")
    ui.add_argument("--port", type=number, default=5000, metavar="N", help="on 127.0.0.1 [5000]")
    return parser


def main(args: argparse.Namespace, settings: Settings) -> int:
    registry = connect(settings.mlflow_tracking_uri, ROOT, settings.model_name)
    if args.command == "history":
        show_history(registry, args.json)
    elif args.command == "show":
        show_version(registry, args.version, args.json)
    elif args.command == "promote":
        promote(registry, args.version, args.reason, args.json)
    elif args.command == "rollback":
        rollback(registry, args.reason, args.json)
    elif args.command == "ui":
        ui(registry, settings.mlflow_experiment_name, args.port, args.json)
    else:
        prune(registry, args.keep, args.champions, args.yes, args.json)
    return 0


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
    from common.registry import history, versions

    version = versions.find(registry, which)
    champion = history.read(registry).champion == version.number
    facts = version.identity() | {"champion": champion, "tags": dict(version.tags)}
    rows = {"version": str(version.number), "champion": "yes" if champion else "no"}
    rows |= {"run": version.run_id, "verdict": "none: its training did not end", **version.tags}
    wrapped = [(key, fill(text, 90)) for key, text in rows.items()]
    cli.show(tabulate(wrapped, tablefmt="plain", disable_numparse=True), facts, as_json)


def promote(registry: Registry, which: str, reason: str, as_json: bool) -> None:
    from common.registry import history, versions

    if not reason.strip():
        raise SettingsError("--reason is empty: say why, for those who read the history later.")
    version = versions.find(registry, which)
    change(registry, version.number, history.MANUAL, reason.strip(), as_json)


def rollback(registry: Registry, reason: str, as_json: bool) -> None:
    from common.registry import history

    previous = history.read(registry).previous()
    if previous is None:
        raise ModelUnavailable(
            f"{registry.model_name} has no champion before the present one to go back to; see "
            "`python -m common.registry history`, and `promote VERSION`."
        )
    change(registry, previous, history.ROLLBACK, reason, as_json)


def change(registry: Registry, number: int, kind: str, reason: str, as_json: bool) -> None:
    """Make a version champion if it loads and answers, here and in a clean process."""
    from dataclasses import asdict

    from common.registry import artifact, history, lock, versions

    version = versions.find(registry, str(number))
    classifier = versions.load(registry, version)
    answers = classifier.classes_[classifier.predict_proba(CHECKED).argmax(axis=1)]
    column = version.tags.get("text_column", "text")
    artifact.check_in_clean_process(
        registry.uri, version.uri, column, CHECKED, [str(answer) for answer in answers]
    )
    with lock.hold(registry) as confirm:
        for line in history.repair(registry):
            logger.warning("Registry repaired: %s", line)
        register = history.read(registry)
        if register.champion == number:
            raise SettingsError(
                f"version {number} of {registry.model_name} is the champion already."
            )
        if kind == history.ROLLBACK and register.previous() != number:
            raise SettingsError("another champion was chosen meanwhile: look again, and try again.")
        entry = history.move(registry, version, kind, history.who(), reason, confirm)
    before = f"instead of version {entry.replaced}" if entry.replaced else "the first one"
    cli.show(
        f"Version {number} of {registry.model_name} is the champion now, {before} ({reason}).",
        asdict(entry),
        as_json,
    )


def prune(registry: Registry, keep: int, champions: int, do_it: bool, as_json: bool) -> None:
    from common.registry import history, lock, versions

    with lock.hold(registry):
        register = history.read(registry)
        found = versions.list_versions(registry)
        kept = {version.number for version in found[:keep]}
        kept |= register.last_champions(champions)
        old = [v for v in found if v.number not in kept and v.number != register.champion]
        if do_it:
            for version in old:
                versions.delete(registry, version)
    numbers = [version.number for version in old]
    listed = ", ".join(map(str, numbers)) or "none"
    whose = f"versions of {registry.model_name}: {listed}"
    text = (
        f"Deleted {whose}. `mlflow gc` frees their disk space."
        if do_it
        else f"Would delete {whose}. Nothing was done; add --yes to do it."
    )
    cli.show(text, {"deleted" if do_it else "would_delete": numbers}, as_json)


def ui(registry: Registry, experiment: str, port: int, as_json: bool) -> None:
    """Print direct links to MLflow's pages; serve them if no server does."""
    from dataclasses import replace

    from common.registry import pages

    links = pages.links(registry, experiment)
    if links.base:
        cli.show(links.text(), links.to_json(), as_json)
        return
    links = replace(links, base=f"http://{pages.HOST}:{port}")
    logger.info("Starting MLflow's server, which takes some seconds.")
    server = pages.serve(registry, port)
    try:
        cli.show(f"{links.text()}\n\nCtrl-C ends it.", links.to_json(), as_json)
        sys.stdout.flush()
        server.wait()
    except (KeyboardInterrupt, cli.Interrupted):
        logger.info("MLflow's server is stopped.")
    finally:
        pages.stop(server)


if __name__ == "__main__":
    sys.exit(cli.run("registry", build_parser(), main))
