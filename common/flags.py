"""The flags of predict.py and monitor.py, and which of them exclude each other."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from common import cli
from common.errors import SettingsError


def add_scoring(parser: argparse.ArgumentParser) -> None:
    """Give a parser what predict.py can be told."""
    inputs = "files, folders of them, patterns, addresses (s3://...), or - for standard input"
    parser.add_argument("inputs", nargs="+", type=cli.location, metavar="INPUT", help=inputs)

    add = parser.add_argument_group("input").add_argument
    add("--member", type=cli.names, default=[], metavar="A,B", help="files of a zip [the only one]")
    add("--strict", action="store_true", help="write nothing if a row can't be read")
    add("--max-rejects", type=cli.count, metavar="N", help="write nothing if more than N can't be")

    add = parser.add_argument_group("output").add_argument
    where = "file (.csv, .jsonl, .parquet) or folder [beside INPUT]"
    add("-o", "--output", type=cli.file_or_folder, metavar="OUTPUT", help=where)
    add("--format", choices=("csv", "jsonl", "parquet"), help="of the output [as its name ends]")
    add("--columns", type=cli.names, metavar="A,B", help="columns of the input to keep [all]")
    add("--prefix", default="", help="put before the names of the columns that are added")
    add("--proba", action="store_true", help="add the probability of each class")
    add("--explain", action="store_true", help="add the words that speak most for the prediction")
    add("--spreadsheet-safe", action="store_true", help="quote cells that look like formulas")
    parts = "write numbered parts to DIR/run_date=DAY/run_id=ID/, at the end _SUCCESS"
    add("--output-dir", type=cli.location, metavar="DIR", help=parts)
    add("--run-date", type=cli.day, metavar="DAY", help="as 2026-03-01 [today, UTC]")
    add("--run-id", type=cli.identifier, metavar="ID", help="name of this run [the time]")
    add("--metrics-file", type=Path, metavar="FILE", help="write figures for Prometheus to FILE")

    add = parser.add_argument_group("model").add_argument
    add("--model", default="champion", help="champion, challenger, latest or a version [champion]")
    add("--shadow", metavar="MODEL", help="compare with this model's answers, without writing them")

    add = parser.add_argument_group("how").add_argument
    number, rows = cli.positive_int, "rows scored at once, which bounds memory [10000]"
    add("--force", action="store_true", help="score also what was scored already")
    add("--chunk-size", type=number, default=10_000, metavar="ROWS", help=rows)
    add("--workers", type=number, metavar="N", help="processes [one for each processor]")
    add("--engine", choices=("local", "spark"), default="local", help="what scores [local]")
    master = "address of the cluster [spark-submit's; else this machine]"
    add("--spark-master", metavar="URL", help=master)


def add_monitoring(parser: argparse.ArgumentParser) -> None:
    """Give a parser what monitor.py can be told."""
    add = parser.add_argument
    add("--model", default="champion", help="champion, challenger, latest or a version [champion]")
    rival = "say whether this model would now win: challenger, latest or a version"
    add("--challenger", metavar="MODEL", help=rival)
    add("--predictions", type=Path, metavar="FILE", help="what predict.py wrote; or a folder of it")
    add("--labels", type=Path, metavar="FILE", help="classes that came later; or a folder of files")
    add("--prefix", default="", help="of the columns that predict.py has added")
    add("--workers", type=cli.positive_int, metavar="N", help="processes [one for each processor]")
    add("--report", type=Path, metavar="FILE", help="write a page of HTML to FILE")
    add("--metrics-file", type=Path, metavar="FILE", help="write figures for Prometheus to FILE")
    levels = "train again when accuracy gets so bad"
    add("--retrain-on", choices=("warning", "critical"), help=levels)
    add("--retrain-data", type=Path, metavar="FILE", help="to train on [DATA_PATH]")


def refuse_contradictory_sources(
    args: argparse.Namespace, label_with: str, data_given: bool
) -> None:
    """Refuse flags of monitor.py that can't be meant together.

    Raises:
        SettingsError: names them.
    """
    late = [args.predictions, args.labels]
    if any(late) and not all(late):
        raise SettingsError("--predictions and --labels belong together: give both.")
    if any(late) and data_given:
        raise SettingsError("--data and --predictions are two places to look at: give one.")
    if any(late) and label_with != "column":
        raise SettingsError("--labels has the classes: leave LABEL_WITH at column.")
    if any(late) and args.challenger:
        raise SettingsError("--challenger must answer messages: it goes with --data.")
    if args.retrain_data and not args.retrain_on:
        raise SettingsError("--retrain-data is for --retrain-on.")


def refuse_contradictions(args: argparse.Namespace, to_stdout: bool) -> None:
    """Refuse flags of predict.py that can't be meant together.

    Args:
        to_stdout: the rows go there.

    Raises:
        SettingsError: names them.
    """
    contradictions = {
        "--json and the rows can't both go to stdout: name a file with -o.": to_stdout
        and args.json,
        "-o and --output-dir are two places for the output: give one.": args.output
        and args.output_dir,
        "--run-date and --run-id are for --output-dir.": (args.run_date or args.run_id)
        and not args.output_dir,
        "--spark-master is for --engine spark.": args.spark_master and args.engine != "spark",
        "Spark can't read standard input: save it as a file.": args.engine == "spark"
        and Path("-") in args.inputs,
    }
    for problem, given in contradictions.items():
        if given:
            raise SettingsError(problem)


def of_jobs(args: argparse.Namespace) -> dict[str, Any]:
    """What predict.py's flags say of its jobs, as `jobs.plan` takes it."""
    return {
        "members": args.member,
        "format": args.format or ("parquet" if args.output_dir else None),
        "part": args.output_dir is not None,
        "prefix": args.prefix,
        "with_proba": args.proba,
        "with_reasons": args.explain,
        "keep": None if args.columns is None else tuple(dict.fromkeys(args.columns)),
        "spreadsheet_safe": args.spreadsheet_safe,
    }
