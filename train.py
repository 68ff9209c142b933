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
import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from common import ROOT, cli, flags
from common.settings import FORM, Settings, as_logged, public_values, values_of

if TYPE_CHECKING:
    from common.data.columns import MessageColumns
    from common.data.labelled import RowCounts
    from common.data.reading import Reading
    from common.training.fit import Fitted

logger = logging.getLogger("train")


def build_parser() -> argparse.ArgumentParser:
    fields = """data_path text_column target_column label_with critical_keywords class_weight
        holdout_percent segment_column champion_threshold promote_significance promote_rules
        contest_rows promotion model_name mlflow_tracking_uri mlflow_experiment_name seed
        log_level"""
    parser = flags.build_parser(__doc__, "train.py", settings=[*fields.split(), *FORM])
    add = parser.add_argument
    add("--dry-run", action="store_true", help="fit and compare, but log and register nothing")
    add("--replace-unscorable", action="store_true", help="replace a champion beyond testing")
    add("--reproduce", metavar="VERSION", help="fit this version again, and compare its answers")
    return parser


def main(args: argparse.Namespace, settings: Settings) -> int:
    # Imported here, so that --help and a bad setting answer at once.
    from common.data.columns import require
    from common.registry import runs, store, versions
    from common.reports import console
    from common.reports import training as evidence
    from common.training import fit as training
    from common.training import promotion, registration
    from common.training.contest import Policy

    source = training.choose_source(settings.data_path, ROOT, settings.seed)
    require(source.path, columns(settings), reading(settings))
    registry = store.connect(settings.mlflow_tracking_uri, ROOT, settings.model_name, create=True)
    if source.synthetic:
        logger.info("No data given: training on a SYNTHETIC sample, %s.", source.path)
    if args.reproduce:
        version = versions.find(registry, args.reproduce)
        registration.require_same_data(version, source.path)
        fitted, _ = fit(source.path, as_logged(settings, runs.params(registry, version.run_id)))
        facts = registration.reproduction(fitted, version, ROOT)
        cli.show(console.reproduction(facts), facts, args.json)
        return 0 if facts["identical"] else cli.EXIT_UNFORESEEN

    fitted, counts = fit(source.path, settings)
    policy = Policy(
        settings.champion_threshold,
        settings.promote_significance,
        settings.promote_rules,
        settings.contest_rows,
    )
    if args.dry_run:
        percent, instead = settings.holdout_percent, args.replace_unscorable
        champion = versions.champion(registry)
        found = promotion.judge(registry, champion, fitted, percent, policy, instead)
        cli.show(*console.training(fitted, found, counts, source.synthetic, None), args.json)
        return 0

    logger.info("Logging to MLflow, then loading the logged model in a clean process.")
    made_from = registration.provenance(fitted, counts, source, public_values(settings), ROOT)
    version = registration.register(
        registry, fitted, counts, source, made_from, settings.mlflow_experiment_name
    )
    manual = settings.promotion == "manual"
    found = promotion.contest_and_promote(
        registry, version, fitted, policy, manual, args.replace_unscorable
    )
    runs.log_pages(registry, version.run_id, evidence.pages(version, fitted, found, made_from))
    cli.show(*console.training(fitted, found, counts, source.synthetic, version), args.json)
    return 0


def columns(settings: Settings) -> MessageColumns:
    from common.data.columns import message_columns

    return message_columns(
        settings.text_column,
        settings.target_column,
        settings.label_with,
        settings.critical_keywords,
        segment=settings.segment_column,
    )


def reading(settings: Settings) -> Reading:
    from common.data.reading import Reading

    return Reading(**values_of(settings, FORM))


def fit(path: Path, settings: Settings) -> tuple[Fitted, RowCounts]:
    from common.training import fit as training

    percent, weight, seed = settings.holdout_percent, settings.class_weight, settings.seed
    with cli.progress("Fitting", "steps", training.STEPS) as advance:
        return training.read_and_fit(
            path, columns(settings), percent, weight, seed, advance, reading(settings)
        )


if __name__ == "__main__":
    sys.exit(cli.run("train", build_parser(), main))
