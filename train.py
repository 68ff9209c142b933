"""Train a classifier of support messages; promote it if it beats the champion.

Fits on the training side of the messages, tests on the holdout side, logs all to MLflow, registers
the model and moves the alias `champion` only if accuracy gains more than CHAMPION_THRESHOLD, beyond
chance, at the cost of no class. Without --data it trains on a synthetic sample.

    python train.py --data twcs.csv
    python train.py --data airline.csv --target-column airline_sentiment --json
    python train.py --dry-run
    python train.py --reproduce 3 --data twcs.csv
"""

from __future__ import annotations

import argparse

from common import cli, flags
from common.pipelines.train import TrainRequest, reproduce, run
from common.settings import FORM, Settings


def build_parser() -> argparse.ArgumentParser:
    fields = """data_path text_column target_column label_with critical_keywords normalise_labels
        model_family lexicon embeddings class_weight holdout_percent segment_column time_column
        champion_threshold promote_significance promote_rules contest_rows promotion model_name
        mlflow_tracking_uri mlflow_experiment_name mask examples seed log_level"""
    parser = flags.build_parser(__doc__, "train.py", settings=[*fields.split(), *FORM])
    flags.add_training(parser)
    return parser


def main(args: argparse.Namespace, settings: Settings) -> int:
    from common.reports import console

    request = build_request(args, settings)
    if args.reproduce:
        found = reproduce(request, args.reproduce, cli.progress)
        cli.show(*console.reproduction(found), args.json)
        return 0 if found.identical else cli.EXIT_UNFORESEEN
    result = run(request, cli.progress)
    cli.show(*console.training(result), args.json)
    return cli.EXIT_NO_CONTEST if result.contest.verdict.outcome == "no contest" else 0


def build_request(args: argparse.Namespace, settings: Settings) -> TrainRequest:
    """What the flags and settings say."""
    return TrainRequest(
        settings.data_path,
        text_column=settings.text_column,
        target_column=settings.told("target_column"),
        segment_column=settings.segment_column,
        time_column=settings.time_column,
        label_with=settings.label_with,
        critical_keywords=settings.critical_keywords,
        normalise_labels=settings.normalise_labels,
        delimiter=settings.delimiter,
        encoding=settings.encoding,
        header=settings.header,
        sheet=settings.sheet,
        field_characters=settings.field_characters,
        holdout_percent=settings.holdout_percent,
        lexicon=settings.lexicon,
        embeddings=settings.embeddings,
        class_weight=settings.class_weight,
        model_family=settings.model_family,
        seed=settings.seed,
        mask=settings.mask,
        examples=settings.examples,
        champion_threshold=settings.champion_threshold,
        promote_significance=settings.promote_significance,
        promote_rules=settings.promote_rules,
        contest_rows=settings.contest_rows,
        promotion=settings.promotion,
        replace_unscorable=args.replace_unscorable,
        since=args.since,
        contest_since=args.contest_since,
        dry_run=args.dry_run,
        model_name=settings.model_name,
        tracking_uri=settings.mlflow_tracking_uri,
        experiment=settings.mlflow_experiment_name,
    )


if __name__ == "__main__":
    cli.leave(cli.run("train", build_parser(), main))
