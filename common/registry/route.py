"""The command `python -m common.registry route`: its flags, and what it prints.

A promise is kept by another threshold at once, without a training: it is chosen anew on the
version's answers to its holdout.
"""

from __future__ import annotations

import argparse
import logging
from typing import TYPE_CHECKING

from tabulate import tabulate

from common import cli, flags
from common.errors import SettingsError
from common.registry.store import Registry
from common.setting_values import shares_of

if TYPE_CHECKING:  # a mistake in the flags is told without any heavy library
    from common.evaluation.routing import Promise, Routing
    from common.registry.routing import RoutingDecision

SUMMARY = "which answers nobody has to look at; with --accuracy, choose that anew"

logger = logging.getLogger("registry")


def add_flags(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("version", nargs="?", default="champion", help="version or alias [champion]")
    add("--accuracy", type=share, metavar="SHARE", help="to promise of them, such as 0.97")
    own = "the same of answers that say one class: critical:0.99; 1: to people; none [as before]"
    add("--by-class", type=flags.names, metavar="A:SHARE,B:SHARE", help=own)
    add("--reason", default="decided by hand", help="why; it is kept for ever [%(default)s]")
    add("--dry-run", action="store_true", help="say what it would come to, and change nothing")


def share(text: str) -> float:
    """Flag type: a number between 0 and 1."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 1:
        raise argparse.ArgumentTypeError(f"must be between 0 and 1, such as 0.97, not {text!r}")
    return value


def main(registry: Registry, args: argparse.Namespace) -> None:
    """Choose a version's thresholds anew, or show what was decided."""
    from common.registry import routing, versions

    version = versions.find(registry, args.version)
    decided = routing.decisions(version)
    if args.accuracy is None:
        if args.by_class or args.dry_run:
            raise SettingsError("--accuracy is missing: it holds for all other classes.")
        show(version.number, decided, args.json)
        return
    promise = _promise(args, decided[-1].routing if decided else None)
    if args.dry_run:
        found = routing.choose(registry, version, promise)
        text = f"Nothing was changed. At {promise}: {found.sentence()}"
        cli.show(text, {"version": version.number, "routing": found.to_json()}, args.json)
        return
    decision = routing.decide(registry, version, promise, args.reason)
    text = f"Version {version.number} of {version.name}. {decision.routing.sentence()}"
    cli.show(text, _facts(version.number, decision), args.json)


def show(number: int, decided: list[RoutingDecision], as_json: bool) -> None:
    """The decisions about a version, the newest last, and what holds now."""
    rows = [
        (each.at, each.by, str(each.routing.promise), f"{each.routing.coverage:.1%}", each.reason)
        for each in decided
    ]
    text = f"Nothing was ever promised of the answers of version {number}: --accuracy 0.95 does."
    if decided:
        table = tabulate(
            rows, ("at (UTC)", "by", "promise", "automatic", "reason"), disable_numparse=True
        )
        text = f"{table}\n\n{decided[-1].routing.sentence()}"
    cli.show(text, [_facts(number, each) for each in decided], as_json)


def _facts(number: int, decision: RoutingDecision) -> dict[str, object]:
    about = {"at": decision.at, "by": decision.by, "reason": decision.reason}
    return {"version": number, **about, "routing": decision.routing.to_json()}


def _promise(args: argparse.Namespace, before: Routing | None) -> Promise:
    from common.evaluation.routing import Promise

    if args.by_class is None:
        return Promise(args.accuracy, before.promise.by_class if before else {})
    if args.by_class == ["none"]:
        return Promise(args.accuracy)
    try:
        return Promise(args.accuracy, shares_of(tuple(args.by_class)))
    except ValueError as error:
        raise SettingsError(f"--by-class {error}.") from error
