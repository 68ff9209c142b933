"""Put each message together with the message that it answers, as one column for a model.

Writes the rows of INPUT (a file, or a folder of files) to a Parquet file, with two columns more:
text_in_context has the message, the one that it answers and its conversation; conversation has the
last alone. ID_COLUMN names a message, REPLY_COLUMN the one that it answers. A model that is trained
on text_in_context learns from both, and a conversation is fitted on or tested on, never both.

    python -m common.context twcs.csv -o twcs.parquet
    python train.py --data twcs.parquet --text-column text_in_context
    python predict.py twcs.parquet --text-column text_in_context
"""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path

from common import cli, flags
from common.pipelines.context import ContextRequest, run
from common.settings import FORM, Settings


def build_parser() -> argparse.ArgumentParser:
    fields = ["text_column", "id_column", "reply_column", *FORM, "log_level"]
    parser = flags.build_parser(__doc__ or "", "python -m common.context", settings=fields)
    parser.add_argument("data", type=Path, metavar="INPUT", help="a file, or a folder of files")
    where = "Parquet file that is written"
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FILE", help=where)
    return parser


def main(args: argparse.Namespace, settings: Settings) -> int:
    request = ContextRequest(
        data=args.data,
        output=args.output,
        text_column=settings.text_column,
        id_column=settings.id_column,
        reply_column=settings.reply_column,
        delimiter=settings.delimiter,
        encoding=settings.encoding,
        header=settings.header,
        sheet=settings.sheet,
        field_characters=settings.field_characters,
    )
    joined = run(request, cli.progress)
    lines = [
        f"{joined.rows:,} messages of {joined.conversations:,} conversations.",
        f"{joined.found:,} answer a message that is there, {joined.missing:,} one that isn't.",
    ]
    if joined.rejects:
        lines.append(f"{joined.rejects:,} rows could not be read: {args.output}.rejects.csv.")
    cli.show("\n".join([*lines, f"Written: {args.output}."]), asdict(joined), args.json)
    return 0


if __name__ == "__main__":
    cli.leave(cli.run("context", build_parser(), main))
