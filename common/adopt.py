"""The command `python -m common.registry adopt`: its flags, and what they ask for."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from common import cli, flags
from common.pipelines import train_request
from common.pipelines.adopt import AdoptRequest, run
from common.settings import FORM, Settings

SUMMARY = "register a model that was made elsewhere, and have it contest"
SETTINGS = (
    *("data_path", "text_column", "target_column", "label_with", "critical_keywords"),
    *("labels_path", "id_column"),
    *("normalise_labels", "holdout_percent", "segment_column", "time_column"),
    *("champion_threshold", "promote_significance", "promote_rules", "contest_rows", "promotion"),
    *("auto_accuracy", "auto_accuracy_by_class", "costs"),
    *("mlflow_experiment_name", "mask", "examples"),
    *FORM,
)


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Give a parser what is told of a model."""
    add = parser.add_argument
    where = "folder of mlflow.*.save_model, or models:/NAME/3, or runs:/ID/model: its code is run"
    add("model", metavar="MODEL", help=where)
    column = "column of the DataFrame that the model takes [what it says; else a list of texts]"
    add("--input-column", metavar="NAME", help=column)
    order = "its classes in its order, as the data calls them [what it says]"
    add("--labels", type=flags.names, default=[], metavar="A,B", help=order)
    kinds = ("probabilities", "logits")
    add(
        "--scores",
        choices=kinds,
        default=kinds[0],
        help="what it gives for each class [%(default)s]",
    )
    add("--label-column", metavar="NAME", help="of a DataFrame that it answers with: the class")
    add("--score-column", metavar="NAME", help="the same: the probability of that class")
    fitted = "messages that it was fitted on, to be left out of the contest"
    add("--fitted-on", type=flags.location, metavar="FILE", help=fitted)
    vouched = "you vouch that it was not fitted on --data; else it waits for a person"
    add("--unseen", action="store_true", help=vouched)
    add("--replace-unscorable", action="store_true", help="replace a champion beyond testing")
    python = "interpreter of an environment that has what the model needs [this one]"
    add("--python", type=Path, metavar="PATH", help=python)
    made = "install what the model needs into environments/ of the project"
    add("--make-environment", action="store_true", help=made)


def main(args: argparse.Namespace, settings: Settings) -> int:
    """Adopt a model, and show its contest as train.py does."""
    from common.reports import console

    result = run(build_request(args, settings), cli.progress)
    cli.show(*console.training(result), args.json)
    return cli.EXIT_NO_CONTEST if result.contest.verdict.outcome == "no contest" else 0


def build_request(args: argparse.Namespace, settings: Settings) -> AdoptRequest:
    """What the flags and settings say."""
    contest = train_request.of_settings(settings)
    return AdoptRequest(
        args.model,
        replace(contest, replace_unscorable=args.replace_unscorable),
        input_column=args.input_column,
        labels=tuple(args.labels),
        scores=args.scores,
        label_column=args.label_column,
        score_column=args.score_column,
        fitted_on=args.fitted_on,
        unseen=args.unseen,
        python=args.python,
        make_environment=args.make_environment,
    )
