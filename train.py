"""Train a classifier of support messages; promote it if it beats the champion.

Fits on the training side of the messages, tests on the holdout side, logs everything to MLflow,
registers the model and moves the alias `champion` only if the gain in accuracy is greater than
CHAMPION_THRESHOLD. Without --data it trains on a synthetic sample.

    python train.py
    python train.py --data twcs.csv
    python train.py --data airline.csv --target-column airline_sentiment --json
    python train.py --dry-run
"""

import argparse
import logging
import sys
from pathlib import Path

from common import cli
from common.settings import ROOT, Settings, printable, public_values

logger = logging.getLogger("train")


def build_parser() -> argparse.ArgumentParser:
    fields = """data_path text_column target_column label_with critical_keywords class_weight
        holdout_percent champion_threshold model_name mlflow_tracking_uri mlflow_experiment_name
        seed log_level"""
    parser = cli.build_parser(__doc__, "train.py", settings=fields.split())
    parser.add_argument(
        "--dry-run", action="store_true", help="fit and compare, but log and register nothing"
    )
    return parser


def main(args: argparse.Namespace, settings: Settings) -> int:
    # Imported here, so that --help and a bad setting answer at once.
    from common import data, labelled, labels, promotion, summary, training
    from common.model.pipeline import TextClassifier
    from common.registry import artifact, runs, store, versions

    source = training.choose_source(settings.data_path, ROOT, settings.seed)
    columns = labelled.Columns(
        settings.text_column,
        settings.target_column,
        labels.labeller(settings.label_with, settings.critical_keywords),
    )
    columns.require(source.path)
    store.connect(settings.mlflow_tracking_uri, ROOT, create=True)
    if source.synthetic:
        logger.info("No data given: training on a SYNTHETIC sample, %s.", source.path)
    train, holdout, counts = labelled.read_split(source.path, columns, settings.holdout_percent)
    logger.info("Read %s: %s.", source.path.name, counts.sentence())
    logger.info("%s", training.intent(train, holdout))
    weight = None if settings.class_weight == "none" else settings.class_weight
    with cli.progress("Fitting", "steps", training.STEPS) as advance:
        classifier = TextClassifier(settings.text_column, weight, settings.seed)
        fitted = training.fit(train, holdout, classifier, advance)
    challenger = promotion.Challenger(
        holdout, fitted.predicted, fitted.majority, settings.holdout_percent
    )
    threshold = settings.champion_threshold

    if args.dry_run:
        verdict = promotion.judge(settings.model_name, challenger, threshold)
        cli.show(*summary.training(fitted, verdict, counts, source.synthetic, None), args.json)
        return 0

    logger.info("Logging to MLflow, then loading the logged model in a clean process.")
    digest = data.sha256(source.path)
    tags = {
        "data_sha256": digest,
        "git_commit": runs.git_commit(ROOT),
        "synthetic_data": str(source.synthetic),
        "target_column": settings.target_column,
        "text_column": settings.text_column,
        "holdout_accuracy": f"{fitted.metrics['accuracy']:.6f}",
        "holdout_percent": str(settings.holdout_percent),
        "holdout_rows": str(len(holdout)),
    }
    with runs.training_run(settings.mlflow_experiment_name, tags) as run_id:
        metrics = fitted.metrics | counts.metrics()
        tables = {"worst_errors.json": fitted.worst_errors()}
        runs.log_training(
            public_values(settings), metrics, fitted.figures(), fitted.documents(), tables
        )
        runs.log_dataset(Path(printable(source.path)), digest)
        model_uri = runs.log_model(fitted.classifier)
        artifact.check_in_clean_process(model_uri, settings.text_column, *fitted.examples())
        version = versions.register(settings.model_name, model_uri, run_id, tags)
    verdict = promotion.contest_and_promote(version, challenger, threshold)
    identity = version.identity()
    cli.show(*summary.training(fitted, verdict, counts, source.synthetic, identity), args.json)
    return 0


if __name__ == "__main__":
    sys.exit(cli.run("train", build_parser(), main))
