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
    python predict.py s3://bucket/new/ --output-dir s3://bucket/scored --run-date 2026-03-01
    python predict.py parts/ --output-dir scored --engine spark --spark-master spark://HOST:7077
"""

import argparse
import logging
import sys
from pathlib import Path
from typing import Any

from common import ROOT, cli, flags
from common.errors import StoreError
from common.registry.store import Registry
from common.settings import FORM, Settings, values_of

logger = logging.getLogger("predict")


def build_parser() -> argparse.ArgumentParser:
    fields = """text_column model_name mlflow_tracking_uri mlflow_experiment_name draft_days
        log_level"""
    parser = flags.build_parser(__doc__, "predict.py", settings=[*fields.split(), *FORM])
    flags.add_scoring(parser)
    return parser


def main(args: argparse.Namespace, settings: Settings) -> int:
    # Imported here, so that --help and a bad setting answer at once.
    from common.registry import runs
    from common.reports import console
    from common.scoring import manifest, stdio

    place = args.output or args.output_dir
    to_stdout = stdio.STANDARD in args.inputs and place is None
    flags.refuse_contradictions(args, to_stdout)
    with stdio.standard_streams(args.inputs, place) as (inputs, output):
        # Rejects need a file beside the output.
        most_rejects = 0 if args.strict or to_stdout else args.max_rejects
        manifests, registry = score(args, settings, inputs, output, most_rejects)
    total = manifest.of(manifests)
    if not to_stdout:
        cli.show(*console.scoring(manifests, total), args.json)
    if args.metrics_file:
        from common.reports import prometheus

        prometheus.write_scoring(args.metrics_file, total)
    # Last: a store that fails now must keep the result from nobody.
    try:
        runs.log_scoring(registry, settings.mlflow_experiment_name, total)
    except StoreError as error:
        logger.warning("predict: this run is missing in MLflow: %s", error)
    return 0


def score(
    args: argparse.Namespace,
    settings: Settings,
    inputs: list[Path],
    output: Path | None,
    most_rejects: int | None,
) -> tuple[list[dict[str, Any]], Registry]:
    from common import parallel
    from common.data.reading import Reading
    from common.registry import store, versions
    from common.scoring import jobs, lake, local, manifest, spark

    folder = args.output_dir and lake.made(args.output_dir, args.run_date, args.run_id)
    planned = jobs.plan(
        inputs,
        folder or output,
        settings.text_column,
        reading=Reading(**values_of(settings, FORM)),
        **flags.of_jobs(args),
    )
    registry = store.connect(settings.mlflow_tracking_uri, ROOT, settings.model_name)
    version = versions.find(registry, args.model)
    shadow = versions.find_challenger(registry, version, args.shadow) if args.shadow else None
    how = {
        "shadow": (versions.load(registry, shadow), shadow.identity()) if shadow else None,
        "chunk_rows": args.chunk_size,
        "workers": args.workers or parallel.available(),
        "most_rejects": most_rejects,
        "force": args.force,
        "frozen": bool(folder) and lake.is_complete(folder),
    }
    logger.info("Scoring with %s version %d.", version.name, version.number)
    work = (planned, versions.load(registry, version), dict(version.identity()), cli.progress)
    if args.engine == "spark":
        manifests = spark.score(*work, args.spark_master, **how)
    else:
        manifests = local.score(*work, settings.draft_days, **how)
    if folder:
        lake.complete(folder, {job.output.name for job in planned}, manifest.of(manifests))
    return manifests, registry


if __name__ == "__main__":
    sys.exit(cli.run("predict", build_parser(), main))
