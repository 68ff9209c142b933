"""Train a classifier of support messages; promote it if it beats the champion.

Fits on the training side of the messages, tests on the holdout side, logs all to MLflow, registers
the model and moves the alias `champion` only if accuracy gains more than CHAMPION_THRESHOLD, beyond
chance, at the cost of no class. Without --data it trains on a synthetic sample.

    python train.py --data twcs.csv
    python train.py --data airline.csv --target-column airline_sentiment --json
    python train.py --data tickets.csv --target-column topic,sentiment
    python train.py --dry-run
    python train.py --reproduce 3 --data twcs.csv
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import TYPE_CHECKING

from common import cli, flags
from common.pipelines import train_request
from common.pipelines.target_names import several
from common.pipelines.train import TrainRequest, reproduce, run
from common.settings import FORM, Settings

if TYPE_CHECKING:
    from common.training.outcome import TrainResult


def build_parser() -> argparse.ArgumentParser:
    fields = """data_path text_column target_column label_with critical_keywords labels_path
        id_column normalise_labels model_family lexicon embeddings transformer class_weight
        holdout_percent segment_column time_column champion_threshold promote_significance
        promote_rules contest_rows promotion auto_accuracy auto_accuracy_by_class costs
        model_name mlflow_tracking_uri mlflow_experiment_name mask examples seed log_level"""
    parser = flags.build_parser(__doc__, "train.py", settings=[*fields.split(), *FORM])
    flags.add_training(parser)
    return parser


def main(args: argparse.Namespace, settings: Settings) -> int:
    from common.reports import console

    request = build_request(args, settings)
    if several(request.target_column) and not args.reproduce:
        return train_all(request, args.json)
    if args.reproduce:
        found = reproduce(request, args.reproduce, cli.progress)
        cli.show(*console.reproduction(found), args.json)
        return 0 if found.identical else cli.EXIT_UNFORESEEN
    result = run(request, cli.progress)
    cli.show(*console.training(result), args.json)
    return exit_code(result)


def train_all(request: TrainRequest, as_json: bool) -> int:
    """Train a model for each target; the exit code is the worst."""
    from common.pipelines.targets import train_each
    from common.reports import targets

    found = train_each(request, cli.progress)
    cli.show(*targets.trained(found.done, found.failed), as_json)
    found.raise_first()
    return max(map(exit_code, found.done.values()))


def exit_code(result: TrainResult) -> int:
    # What --mask-rule-words asks for is answered without a contest.
    untested = result.contest.verdict.outcome == "no contest" and not result.beyond_rule
    return cli.EXIT_NO_CONTEST if untested else 0


def build_request(args: argparse.Namespace, settings: Settings) -> TrainRequest:
    """What the flags and settings say."""
    return replace(
        train_request.of_settings(settings),
        replace_unscorable=args.replace_unscorable,
        since=args.since,
        contest_since=args.contest_since,
        dry_run=args.dry_run,
        mask_rule_words=args.mask_rule_words,
    )


if __name__ == "__main__":
    cli.leave(cli.run("train", build_parser(), main))
