"""Score new messages with the registered model.

Writes each input's columns as they were, plus prediction, confidence and model_version; rows that
can't be read go to OUTPUT.rejects.csv, and OUTPUT.manifest.json says what was done. Inputs are CSV,
JSON lines or Parquet, plain or compressed, of any size.

    python predict.py new.csv
    python predict.py new.csv -o scored.parquet --proba
    python predict.py new.csv --explain
    python predict.py monday.csv tuesday.csv.gz -o scored/
    python predict.py new.csv --model challenger --json
    python predict.py new.csv --shadow challenger
    zcat new.csv.gz | python predict.py - > scored.csv
"""

import argparse
import logging
import sys
from pathlib import Path
from typing import Any

from common import cli
from common.errors import SettingsError, StoreError
from common.settings import ROOT, Settings

logger = logging.getLogger("predict")


def build_parser() -> argparse.ArgumentParser:
    fields = """text_column model_name mlflow_tracking_uri mlflow_experiment_name draft_days
        log_level"""
    parser = cli.build_parser(__doc__, "predict.py", settings=fields.split())
    add = parser.add_argument
    add("inputs", nargs="+", type=Path, metavar="INPUT", help="files, a folder of them, or -")
    where = "file (.csv, .jsonl, .parquet) or folder [beside INPUT]"
    add("-o", "--output", type=cli.file_or_folder, help=where)
    add("--model", default="champion", help="champion, challenger, latest or a version [champion]")
    add("--columns", type=cli.names, metavar="A,B", help="columns of the input to keep [all]")
    add("--prefix", default="", help="put before the names of the columns that are added")
    add("--proba", action="store_true", help="add the probability of each class")
    add("--explain", action="store_true", help="add the words that speak most for the prediction")
    add("--shadow", metavar="MODEL", help="compare with this model's answers, without writing them")
    add("--spreadsheet-safe", action="store_true", help="quote cells that look like formulas")
    add("--strict", action="store_true", help="write nothing if a row can't be read")
    add("--max-rejects", type=cli.count, metavar="N", help="write nothing if more than N can't be")
    add("--force", action="store_true", help="score also what was scored already")
    number = cli.positive_int
    rows = "rows scored at once, which bounds memory [10000]"
    add("--chunk-size", type=number, default=10_000, metavar="ROWS", help=rows)
    add("--workers", type=number, metavar="N", help="processes [one for each processor]")
    return parser


def main(args: argparse.Namespace, settings: Settings) -> int:
    # Imported here, so that --help and a bad setting answer at once.
    from common import pipes, summary
    from common.registry import runs

    to_stdout = pipes.STANDARD in args.inputs and args.output is None
    if to_stdout and args.json:
        raise SettingsError("--json and the rows can't both go to stdout: name a file with -o.")
    with pipes.standard_streams(args.inputs, args.output) as (inputs, output):
        # Rejects need a file beside the output.
        most_rejects = 0 if args.strict or to_stdout else args.max_rejects
        manifests = score(args, settings, inputs, output, most_rejects)
    if not to_stdout:
        cli.show(*summary.scoring(manifests), args.json)
    # Last: a store that fails now must keep the result from nobody.
    try:
        runs.log_scoring(settings.mlflow_experiment_name, manifests)
    except StoreError as error:
        logger.warning("predict: this run is missing in MLflow: %s", error)
    return 0


def score(
    args: argparse.Namespace,
    settings: Settings,
    inputs: list[Path],
    output: Path | None,
    most_rejects: int | None,
) -> list[dict[str, Any]]:
    from common import draft, jobs, parallel, scoring
    from common.registry import store, versions

    text, added = settings.text_column, (args.prefix, args.proba, args.explain)
    planned = jobs.plan(inputs, output, text, *added, args.columns, args.spreadsheet_safe)
    store.connect(settings.mlflow_tracking_uri, ROOT)
    version = versions.find(settings.model_name, args.model)
    classifier, identity = versions.load(version), version.identity()
    shadow = versions.load_shadow(version, args.shadow) if args.shadow else None
    how = (args.chunk_size, args.workers or parallel.available(), most_rejects)
    manifests = []
    for job in planned:
        for removed in draft.remove_stale(job.output.parent, settings.draft_days):
            logger.info("Removed what an interrupted run has left of %s.", removed)
        logger.info("Scoring %s with %s version %d.", job.source, version.name, version.number)
        with cli.progress(job.source.name, "B", job.source.stat().st_size) as advance:
            manifests.append(
                scoring.score_file(job, classifier, identity, *how, advance, shadow, args.force)
            )
    return manifests


if __name__ == "__main__":
    sys.exit(cli.run("predict", build_parser(), main))
