"""Score new messages with the registered model.

Writes each input's columns as they were, plus prediction, confidence and model_version. Rows that
can't be read go to OUTPUT.rejects.csv, and OUTPUT.manifest.json says what was done. Inputs are CSV,
JSON lines, Parquet or Excel, plain or compressed, of any size.

    python predict.py new.csv
    python predict.py new.csv -o scored.parquet --proba
    python predict.py new.csv --explain
    python predict.py new.csv --only person -o to_read.csv
    python predict.py monday.csv tuesday.csv.gz -o scored/
    python predict.py new.csv --model challenger --json
    python predict.py new.csv --shadow challenger
    zcat new.csv.gz | python predict.py - > scored.csv
    python predict.py s3://bucket/new/ --output-dir s3://bucket/scored --run-date 2026-03-01
    python predict.py parts/ --output-dir scored --engine spark --spark-master spark://HOST:7077
"""

import argparse

from common import cli, flags
from common.errors import SettingsError
from common.pipelines.predict import PredictRequest, PredictResult, run
from common.pipelines.target_names import several
from common.settings import FORM, Settings


def build_parser() -> argparse.ArgumentParser:
    fields = """text_column target_column model_name mlflow_tracking_uri mlflow_experiment_name
        draft_days log_level"""
    parser = flags.build_parser(__doc__, "predict.py", settings=[*fields.split(), *FORM])
    flags.add_scoring(parser)
    return parser


def main(args: argparse.Namespace, settings: Settings) -> int:
    request = build_request(args, settings)
    if args.json and request.to_stdout:
        raise SettingsError("--json and the rows can't both go to stdout: name a file with -o.")

    def show(result: PredictResult) -> None:
        from common.reports import scoring

        if not request.to_stdout:
            cli.show(*scoring.summary(result.manifests, result.total), args.json)

    run(request, cli.progress, show)
    return 0


def build_request(args: argparse.Namespace, settings: Settings) -> PredictRequest:
    """What the flags and settings say."""
    return PredictRequest(
        inputs=args.inputs,
        text_column=settings.told("text_column"),
        delimiter=settings.delimiter,
        encoding=settings.encoding,
        header=settings.header,
        sheet=settings.sheet,
        field_characters=settings.field_characters,
        member=tuple(args.member),
        strict=args.strict,
        max_rejects=args.max_rejects,
        output=args.output,
        output_is_folder=args.output_is_folder,
        format=args.format,
        columns=None if args.columns is None else tuple(args.columns),
        prefix=args.prefix,
        proba=args.proba,
        explain=args.explain,
        auto_accuracy=settings.auto_accuracy,
        only=args.only,
        spreadsheet_safe=args.spreadsheet_safe,
        output_dir=args.output_dir,
        run_date=args.run_date,
        run_id=args.run_id,
        metrics_file=args.metrics_file,
        model=args.model,
        challenger=args.shadow,
        force=args.force,
        chunk_size=args.chunk_size,
        workers=args.workers,
        engine=args.engine,
        spark_master=args.spark_master,
        draft_days=settings.draft_days,
        tracking_uri=settings.mlflow_tracking_uri,
        experiment=settings.mlflow_experiment_name,
        model_name=settings.model_name,
        targets=several(settings.told("target_column")),
    )


if __name__ == "__main__":
    cli.leave(cli.run("predict", build_parser(), main))
