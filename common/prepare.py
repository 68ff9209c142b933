"""Turn raw messages into versioned Parquet that train.py and predict.py read.

Reads what predict.py reads, leaves out rows without a text and all but the first of those with the
same text, and writes a part for each input to OUTPUT/run_date=DAY/run_id=ID/. Columns stay as they
are; LABEL_WITH adds one with labels, which a rule makes or a file has. Rows that can't be read go
to _PART.rejects.csv, _PART.left-out.csv lists the rows that were left out, _manifest.json says what
became of all, and _SUCCESS comes last.

    python -m common.prepare twcs.csv lake
    python -m common.prepare raw/ lake --run-date 2026-03-01 --run-id nightly
    python -m common.prepare raw/ lake --label-with sentiment --target-column sentiment
    python -m common.prepare s3://bucket/raw s3://bucket/lake --run-date 2026-03-01 --run-id nightly
    python -m common.prepare raw/ lake --engine spark --spark-master spark://HOST:7077
    python train.py --data lake/run_date=2026-03-01/run_id=nightly
"""

from __future__ import annotations

import argparse

from common import cli, flags
from common.pipelines.prepare import PrepareRequest, run
from common.settings import FORM, Settings


def build_parser() -> argparse.ArgumentParser:
    fields = "text_column target_column label_with critical_keywords labels_path id_column"
    settings = [*fields.split(), *FORM, "draft_days", "log_level"]
    parser = flags.build_parser(__doc__ or "", "python -m common.prepare", settings)
    flags.add_preparation(parser)
    return parser


def main(args: argparse.Namespace, settings: Settings) -> int:
    from common.reports import preparation

    total = run(build_request(args, settings), cli.progress)
    cli.show(*preparation.summary(total), args.json)
    return 0


def build_request(args: argparse.Namespace, settings: Settings) -> PrepareRequest:
    """What the flags and settings say."""
    return PrepareRequest(
        inputs=args.inputs,
        output=args.output,
        run_date=args.run_date,
        run_id=args.run_id,
        text_column=settings.text_column,
        target_column=settings.told("target_column"),
        label_with=settings.label_with,
        critical_keywords=settings.critical_keywords,
        labels_path=settings.labels_path,
        id_column=settings.id_column,
        delimiter=settings.delimiter,
        encoding=settings.encoding,
        header=settings.header,
        sheet=settings.sheet,
        field_characters=settings.field_characters,
        member=tuple(args.member),
        force=args.force,
        workers=args.workers,
        engine=args.engine,
        spark_master=args.spark_master,
        draft_days=settings.draft_days,
    )


if __name__ == "__main__":
    cli.leave(cli.run("prepare", build_parser(), main))
