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
"""

import argparse
import logging
import sys
from pathlib import Path

from common import cli
from common.errors import SettingsError
from common.settings import ROOT, Settings

logger = logging.getLogger("predict")


def build_parser() -> argparse.ArgumentParser:
    fields = "text_column model_name mlflow_tracking_uri mlflow_experiment_name log_level"
    parser = cli.build_parser(__doc__, "predict.py", settings=fields.split())
    add = parser.add_argument
    add("inputs", nargs="+", type=Path, metavar="INPUT", help="files of messages")
    add("-o", "--output", type=Path, help="file to write, or folder [beside the input]")
    add("--model", default="champion", help="champion, challenger, latest or a version [champion]")
    add(
        "--chunk-size",
        type=cli.positive_int,
        default=10_000,
        metavar="ROWS",
        help="rows scored at once, which bounds memory [10000]",
    )
    add(
        "--workers",
        type=cli.positive_int,
        metavar="N",
        help="processes that score [one for each processor]",
    )
    add("--prefix", default="", help="put before the names of the columns that are added")
    add("--proba", action="store_true", help="add the probability of each class")
    add("--explain", action="store_true", help="add the words that speak most for the prediction")
    add("--shadow", metavar="MODEL", help="compare with this model's answers, without writing them")
    add("--strict", action="store_true", help="write nothing if a row can't be read")
    return parser


def main(args: argparse.Namespace, settings: Settings) -> int:
    # Imported here, so that --help and a bad setting answer at once.
    from common import jobs, parallel, scoring, summary
    from common.registry import store, versions

    planned = jobs.plan(
        args.inputs, args.output, settings.text_column, args.prefix, args.proba, args.explain
    )
    store.connect(settings.mlflow_tracking_uri, ROOT)
    version = versions.find(settings.model_name, args.model)
    classifier = versions.load(version)
    shadow = None
    if args.shadow:
        other = versions.find(settings.model_name, args.shadow)
        if other.number == version.number:
            raise SettingsError(f"--shadow {args.shadow} is version {other.number} too.")
        shadow = versions.load(other), other.identity()

    manifests = []
    for job in planned:
        logger.info("Scoring %s with %s version %d.", job.source, version.name, version.number)
        with cli.progress(job.source.name, "B", job.source.stat().st_size) as advance:
            manifests.append(
                scoring.score_file(
                    job,
                    classifier,
                    version.identity(),
                    args.chunk_size,
                    args.workers or parallel.available(),
                    args.strict,
                    advance,
                    shadow,
                )
            )
    if shadow:
        from common.registry import runs

        runs.log_shadows(settings.mlflow_experiment_name, manifests)
    cli.show(*summary.scoring(manifests), args.json)
    return 0


if __name__ == "__main__":
    sys.exit(cli.run("predict", build_parser(), main))
