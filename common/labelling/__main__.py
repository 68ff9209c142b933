"""Draw the messages that people should label, and take in the labels that they give.

`queue` draws from a file that predict.py wrote: half of the messages at random, half because the
model is unsure of them or doesn't know their words. People fill in the empty column. `absorb`
checks it and adds the labels to the file that train.py and monitor.py read; the monitor then knows
how each message was drawn. docs/labelling.md has more.

    python -m common.labelling queue scored.csv -n 200 -o queue.csv
    python -m common.labelling queue --label-issues -n 50 -o issues.csv
    python -m common.labelling absorb queue.csv
    python -m common.labelling absorb issues.csv --into labelled.csv
"""

from __future__ import annotations

import argparse
import shlex
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from common import ROOT, cli, flags
from common.commands import as_typed
from common.data.labelled_file import FILE_NAME
from common.pipelines import labelling
from common.pipelines.labelling import AbsorbRequest, QueueMade, QueueRequest
from common.settings import FORM, Settings

if TYPE_CHECKING:
    from common.labelling.absorb import Absorbed

COLUMNS = """text_column target_column id_column time_column model_name mlflow_tracking_uri
    log_level"""
# What `absorb` must be told as `queue` was; an address of MLflow may hold a password.
REPEATED = ("text_column", "target_column", "id_column", "time_column", "model_name")


def build_parser() -> argparse.ArgumentParser:
    parser = flags.bare_parser(__doc__ or "", "python -m common.labelling")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    meaning = "draw messages for people to label"
    queue = commands.add_parser("queue", help=meaning, description=meaning, allow_abbrev=False)
    add = queue.add_argument
    scored = "what predict.py wrote: a file, or a folder of files"
    add("scored", nargs="?", type=Path, metavar="SCORED", help=scored)
    issues = "ask for labels that looked wrong when a version was trained, instead of SCORED"
    add("--label-issues", action="store_true", help=issues)
    most = "messages at most [200]"
    add("-n", dest="number", type=flags.positive_int, default=200, metavar="N", help=most)
    where = "CSV file that is written"
    add("-o", "--output", type=Path, required=True, metavar="FILE", help=where)
    share = "share that is drawn at random, more than 0 to 1 [0.5]"
    add("--random-share", type=float, default=0.5, metavar="SHARE", help=share)
    which = "champion, challenger, latest or a version: says what is new to it [champion]"
    add("--model", metavar="MODEL", help=which)
    add("--prefix", default="", help="of the columns that predict.py has added")
    done = "what it has is not asked for again [SERVE_LABELLED]"
    _add_labelled(queue, "--labelled", done)
    form = ("delimiter", "field_characters")  # predict.py writes UTF-8 with a header
    flags.add_settings(queue, [*COLUMNS.split(), "segment_column", "seed", *form])

    meaning = "check what people filled in, and add it to the file of labels"
    absorb = commands.add_parser("absorb", help=meaning, description=meaning, allow_abbrev=False)
    absorb.add_argument("queue", type=Path, metavar="QUEUE", help="a queue, as `queue` writes it")
    _add_labelled(absorb, "--into", "file of labels, made if it isn't there [SERVE_LABELLED]")
    new = "take classes that neither the file nor the model knows"
    absorb.add_argument("--new-classes", action="store_true", help=new)
    flags.add_settings(absorb, [*COLUMNS.split(), "mask", *FORM])
    return parser


def _add_labelled(parser: argparse.ArgumentParser, flag: str, meaning: str) -> None:
    default = argparse.SUPPRESS  # the setting decides
    parser.add_argument(flag, dest="serve_labelled", metavar="FILE", default=default, help=meaning)


def main(args: argparse.Namespace, settings: Settings) -> int:
    if args.command == "queue":
        made = labelling.draw(_queue_request(args, settings))
        cli.show(as_typed(_told(made, _next_command(args))), asdict(made), args.json)
    else:
        request = _absorb_request(args, settings)
        absorbed = labelling.absorb(request)
        facts = asdict(absorbed) | {"into": str(request.into)}
        cli.show(_absorbed(absorbed, request.into), facts, args.json)
    return 0


def _queue_request(args: argparse.Namespace, settings: Settings) -> QueueRequest:
    return QueueRequest(
        args.output,
        scored=args.scored,
        label_issues=args.label_issues,
        number=args.number,
        random_share=args.random_share,
        labelled=_labelled(settings),
        segment_column=settings.told("segment_column"),
        model=args.model,
        seed=settings.seed,
        prefix=args.prefix,
        text_column=settings.told("text_column"),
        target_column=settings.told("target_column"),
        id_column=settings.id_column,
        time_column=settings.time_column,
        delimiter=settings.delimiter,
        field_characters=settings.field_characters,
        model_name=settings.model_name,
        tracking_uri=settings.mlflow_tracking_uri,
    )


def _absorb_request(args: argparse.Namespace, settings: Settings) -> AbsorbRequest:
    def flag(field: str) -> Any:
        """Settings say what customers' files look like; a queue is of our own form."""
        return getattr(settings, field) if field in vars(args) else None

    return AbsorbRequest(
        args.queue,
        _labelled(settings),
        new_classes=args.new_classes,
        mask=settings.mask,
        text_column=settings.told("text_column"),
        target_column=settings.told("target_column"),
        id_column=settings.id_column,
        time_column=settings.time_column,
        delimiter=flag("delimiter"),
        encoding=flag("encoding"),
        header=flag("header"),
        sheet=flag("sheet"),
        field_characters=settings.field_characters,
        model_name=settings.model_name,
        tracking_uri=settings.mlflow_tracking_uri,
    )


def _labelled(settings: Settings) -> Path:
    return settings.serve_labelled or ROOT / FILE_NAME


def _next_command(args: argparse.Namespace) -> str:
    """What takes the queue in: with the flags that say where it was made for."""
    words = ["absorb", str(args.output)]
    given = vars(args)
    if "serve_labelled" in given and not Path(args.serve_labelled).is_dir():
        words += ["--into", args.serve_labelled]
    for field in REPEATED:
        if field in given:
            words += [f"--{field.replace('_', '-')}", given[field]]
    return f"python -m common.labelling {shlex.join(words)}"


def _told(made: QueueMade, next_command: str) -> str:
    counted = ", ".join(f"{n:,} {why}" for why, n in made.drawn.items() if n)
    lines = [f"{made.messages:,} messages to label ({counted}): {made.output}."]
    if made.filled:
        lines.append(f"{made.filled:,} of them have a class already, from before.")
    left_out = [
        f"{count:,} {what}"
        for count, what in (
            (made.labelled, "labelled already"),
            (made.id_taken, "with the id of another labelled message"),
            (made.blank, "without text or prediction"),
            (made.rejected, "unreadable"),
        )
        if count
    ]
    if left_out:
        lines.append(f"Of {made.read:,} rows left out: {', '.join(left_out)}.")
    to_do = (
        f"Fill in the column {made.label!r} from the top down, without looking at the prediction"
    )
    if made.filled == made.messages:
        to_do = "There is nothing to fill in"
    lines.append(f"{to_do}; then: {next_command}")
    return "\n".join(lines)


def _absorbed(absorbed: Absorbed, into: Path) -> str:
    return (
        f"{absorbed.added:,} labels added, {absorbed.corrected:,} corrected, "
        f"{absorbed.unchanged:,} as they were, {absorbed.blank:,} rows still without one.\n"
        f"{into} has {absorbed.labelled:,} labels."
    )


if __name__ == "__main__":
    cli.leave(cli.run("labelling", build_parser(), main))
