"""What train.py and `registry adopt` share: a model that was measured becomes a version."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from functools import partial
from typing import TYPE_CHECKING

from common import MADE_WITH
from common.pipelines.form import reading_of
from common.settings_reader import as_text
from common.training.outcome import TrainResult

if TYPE_CHECKING:  # a request is made without any heavy library
    from common.data.columns import MessageColumns
    from common.data.source import Source
    from common.evaluation.costs import CostRules
    from common.evaluation.routing import Routing
    from common.pipelines.train_request import TrainRequest
    from common.registry.store import Registry
    from common.registry.versions import Version
    from common.training.contest import Policy
    from common.training.contest_result import ContestResult
    from common.training.fit import TrainingResult


def register_and_promote(
    request: TrainRequest,
    registry: Registry,
    source: Source,
    result: TrainingResult,
    settings: Mapping[str, str],
    by: str = "train.py",
) -> tuple[Version, ContestResult]:
    """Log and register what was fitted, hold its contest, promote it if it won.

    Args:
        settings: parameters of its run.
        by: which program asks.
    """
    from common.evaluation import profile
    from common.masking import Disclosure
    from common.registry import runs
    from common.reports import training as reports
    from common.training import promotion, provenance, registration

    shown = Disclosure(request.examples, request.mask)
    made_from = provenance.provenance(result, source, settings, MADE_WITH)
    routed = routing_of(request, result)
    version = registration.register(
        registry,
        result,
        made_from,
        reports.record(result, made_from, shown, routed),
        request.experiment,
        profile.disclosed(result.profile(), shown),
        routed,
    )
    contest = promotion.contest_and_promote(
        registry,
        version,
        result,
        policy(request, result.costs),
        manual=request.promotion == "manual",
        replace_unscorable=request.replace_unscorable,
        describe=partial(reports.description, label_with=request.label_with),
        by=by,
    )
    pages = reports.pages(version, result, contest, made_from, shown, routed)
    runs.log_pages(registry, version.run_id, pages)
    return version, contest


def routing_of(request: TrainRequest, result: TrainingResult) -> Routing | None:
    """The thresholds that keep what the request promises; None: it promises nothing."""
    promise = request.promise
    return result.holdout_answers.routing(promise) if promise else None


def outcome(
    request: TrainRequest,
    registry: Registry,
    source: Source,
    columns: MessageColumns,
    result: TrainingResult,
    version: Version | None,
    contest: ContestResult,
) -> TrainResult:
    """What a training came to, for who started it."""
    from common.evaluation.metrics import most_confused
    from common.registry import pages
    from common.training import cost, doubts

    return TrainResult(
        family=result.recipe.family,
        metrics=result.metrics,
        class_rows=result.class_rows,
        per_class=result.per_class,
        confused=most_confused(result.confusion, result.classes),
        remarks=_remarks(request, result, source, columns),
        lexicon_use=result.lexicon_use,
        embeddings_use=result.embeddings_use,
        tournament=result.tournament,
        doubts=len(doubts.listed(result.doubts, request.examples)),
        holdout_rows=len(result.holdout),
        counts=result.counts,
        synthetic=source.synthetic,
        contest=contest,
        version=version,
        routing=routing_of(request, result),
        costs=cost.figures(result, contest),
        links=pages.links(registry, request.experiment) if version else None,
    )


def policy(request: TrainRequest, costs: CostRules | None) -> Policy:
    """What it takes to replace the champion.

    Args:
        costs: of mistakes, as the file of the request says.
    """
    from common.training.contest import Policy

    return Policy(
        threshold=request.champion_threshold,
        significance=request.promote_significance,
        required=request.promote_rules,
        min_rows=request.contest_rows,
        since=request.contest_since,
        promise=request.promise,
        costs=costs,
    )


def settings_of(request: TrainRequest, source: Source) -> dict[str, str]:
    """What the request sets, as parameters of the run: without secrets, as text."""
    from common.data import label_file

    not_settings = {
        *("data", "experiment", "tracking_uri"),
        *("replace_unscorable", "dry_run", "mask_rule_words"),
    }
    values = {
        item.name: getattr(request, item.name)
        for item in fields(request)
        if item.name not in not_settings
    }
    values["data_path"] = None if request.data is None else source.location
    values["mlflow_experiment_name"] = request.experiment
    labels = {}
    if request.label_with == "file" and request.labels_path:
        labels["labels_sha256"] = label_file.sha256(request.labels_path)
    return labels | {name: as_text(value) for name, value in values.items() if value is not None}


def _remarks(
    request: TrainRequest, result: TrainingResult, source: Source, columns: MessageColumns
) -> list[str]:
    """What looks wrong in what was learnt."""
    from common.training import remarks

    rows, counts = len(result.holdout), result.counts
    correct = int((result.predicted == result.holdout.labels).sum())
    return [
        *remarks.of_rows(counts.read, counts.blank, counts.unlabelled, counts.rejected),
        *_of_label_file(request, source, columns),
        *remarks.of_labels(result.class_rows, request.target_column or "", request.label_with),
        *remarks.of_texts(result.holdout.texts.tolist(), request.text_column),
        *remarks.of_classes(result.per_class),
        *remarks.of_figures(
            correct, rows, result.metrics["balanced_accuracy"], len(result.class_rows)
        ),
    ]


def _of_label_file(request: TrainRequest, source: Source, columns: MessageColumns) -> list[str]:
    from common.data import label_file
    from common.text import printable
    from common.training import remarks

    filed, path = columns.filed, request.labels_path
    if filed is None or path is None:
        return []
    unknown = label_file.unknown(filed, source.path, request.id_column, reading_of(request))
    name = printable(path.name)
    return remarks.of_label_file(name, len(filed.labels), filed.contradicting, unknown)
