"""One training as a function: messages in; a verdict and, unless it is a dry run, a version out.

>>> result = run(TrainRequest(Path("labelled.csv")))    # doctest: +SKIP
>>> result.contest.verdict.reason                       # doctest: +SKIP
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, field, fields, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from common import ROOT
from common.errors import SettingsError
from common.models.families import FAMILIES
from common.pipelines.form import reading_of
from common.pipelines.progress import no_progress
from common.settings import CRITICAL_KEYWORDS, RULES, as_text, from_text
from common.training.outcome import TrainResult

if TYPE_CHECKING:  # a request is made without any heavy library
    from common.data.columns import MessageColumns
    from common.data.source import Source
    from common.data.tables import Table
    from common.registry.store import Registry
    from common.registry.versions import Version
    from common.training.contest import Policy, RuleName
    from common.training.fit import Recipe, TrainingResult
    from common.training.promotion import ContestResult
    from common.training.provenance import Reproduction
    from common.types import Progress

# Of versions that do not name theirs.
OLDEST_FAMILY = "boosted"
LABELLERS = ("column", "vader", "keywords")
# What decides, with the data and the family, how a version answers.
FITTED_WITH = (
    "text_column",
    "target_column",
    "segment_column",
    "time_column",
    "label_with",
    "critical_keywords",
    "normalise_labels",
    "delimiter",
    "encoding",
    "header",
    "sheet",
    "field_characters",
    "holdout_percent",
    "class_weight",
    "lexicon",
    "embeddings",
    "seed",
)
# Of versions that don't say how they were fitted: they were before there was a choice.
BEFORE_LEXICONS = "none"

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class TrainRequest:
    """What to train on, how, and what it takes to be promoted; see `train.py --help`.

    Attributes:
        data: labelled messages: a file, a folder of files, or a table in memory; None: the
            synthetic sample.
        text_column, target_column, segment_column: where messages, their classes and groups are;
            `target_column` None: `topic` in synthetic messages, `inbound` (of twcs.csv) in others.
        label_with, critical_keywords: where the class comes from, if not from `target_column`.
        normalise_labels: make one class of those that differ only by case or blanks.
        delimiter, encoding, header, sheet, field_characters: the form of files, as in
            `reading.Reading`.
        holdout_percent: share of the messages kept for the holdout, 5 to 50.
        lexicon: words with values that the model may use: "vader", "auto" (VADER's, if it gains),
            "none", or a file.
        embeddings: vectors that the model uses beside the words: a file of word vectors,
            "module:function" (n texts -> (n, d) array), or "none".
        class_weight: "balanced": rare classes count as much as frequent ones.
        model_family: a name of `models.families.FAMILIES`.
        seed: of everything random.
        mask, examples: how much of the messages is stored, as in `masking.Disclosure`.
        champion_threshold, promote_significance, promote_rules, contest_rows: what it takes to
            replace the champion, as in `contest.Policy`.
        promotion: "manual": a challenger that passed waits for a person.
        replace_unscorable: replace a champion that can't be tested any more.
        since, contest_since: only messages written on this day (UTC) or later are used; those that
            are decide the contest. `time_column` says when they were written.
        dry_run: fit and compare, but log and register nothing.
        model_name: of the registered model.
        tracking_uri: MLflow's server or database; None: mlflow.db in the project's folder.
        experiment: what the run is logged under.

    Raises:
        SettingsError: a value is out of range or unknown.
    """

    data: Path | Table | None = None
    _: KW_ONLY
    text_column: str = "text"
    target_column: str | None = None
    segment_column: str | None = None
    label_with: Literal["column", "vader", "keywords"] = "column"
    critical_keywords: tuple[str, ...] = CRITICAL_KEYWORDS
    normalise_labels: bool = False
    delimiter: str | None = None
    encoding: str | None = None
    header: tuple[str, ...] | None = None
    sheet: str | None = None
    field_characters: int = 16_000_000
    holdout_percent: int = 20
    lexicon: str = "auto"
    embeddings: str = "none"
    class_weight: Literal["none", "balanced"] = "none"
    model_family: str = "boosted"
    seed: int = 42
    mask: bool = False
    examples: int = 10
    champion_threshold: float = 0.005
    promote_significance: float = 0.05
    promote_rules: tuple[RuleName, ...] = RULES
    contest_rows: int = 30
    promotion: Literal["auto", "manual"] = "auto"
    replace_unscorable: bool = False
    time_column: str = "created_at"
    since: date | None = None
    contest_since: date | None = None
    dry_run: bool = False
    model_name: str = "triage"
    tracking_uri: str | None = field(default=None, repr=False)
    experiment: str = "triage"

    def __post_init__(self) -> None:
        if self.model_family not in FAMILIES:
            raise SettingsError(
                f"MODEL_FAMILY {self.model_family!r} is unknown: take {' or '.join(FAMILIES)}."
            )
        if not 5 <= self.holdout_percent <= 50:
            raise SettingsError(f"HOLDOUT_PERCENT must be 5 to 50, not {self.holdout_percent}.")
        for name, given, allowed in (
            ("LABEL_WITH", {self.label_with}, LABELLERS),
            ("CLASS_WEIGHT", {self.class_weight}, ("none", "balanced")),
            ("PROMOTION", {self.promotion}, ("auto", "manual")),
            ("PROMOTE_RULES", self.promote_rules, RULES),
        ):
            unknown = sorted(set(given) - set(allowed))
            if unknown:
                raise SettingsError(f"{name} {unknown[0]!r} is unknown: take {', '.join(allowed)}.")


def run(request: TrainRequest, progress: Progress = no_progress) -> TrainResult:
    """Fit a model, compare it with the champion, log and register it, promote it if it won.

    Args:
        progress: such as `cli.progress`.

    Raises:
        InputError: the data can't be read, or has too few rows or classes.
        StoreError: MLflow is out of reach or fails.
        ModelUnavailable: the logged model doesn't load, or answers differently.
    """
    from common.data.source import source_of
    from common.evaluation.metrics import most_confused
    from common.registry import pages, versions
    from common.training import promotion

    with source_of(request.data, ROOT, request.seed, reading_of(request)) as source:
        request = _with_target(request, source)
        registry = _connect(request, source)
        result = _fit(request, _recipe(request), source, progress)
        if request.dry_run:
            version, contest = (
                None,
                promotion.judge(
                    registry,
                    versions.champion(registry),
                    result,
                    _policy(request),
                    synthetic=source.synthetic,
                    replace_unscorable=request.replace_unscorable,
                ),
            )
        else:
            logger.info("Logging to MLflow, then loading the logged model in a clean process.")
            version, contest = _register_and_promote(request, registry, source, result)
    return TrainResult(
        metrics=result.metrics,
        class_rows=result.class_rows,
        per_class=result.per_class,
        confused=most_confused(result.confusion, result.classes),
        remarks=_remarks(request, result),
        lexicon_use=result.lexicon_use,
        embeddings_use=result.embeddings_use,
        doubts=min(len(result.doubts), request.examples),
        holdout_rows=len(result.holdout),
        counts=result.counts,
        synthetic=source.synthetic,
        contest=contest,
        version=version,
        links=pages.links(registry, request.experiment) if version else None,
    )


def reproduce(request: TrainRequest, which: str, progress: Progress = no_progress) -> Reproduction:
    """Fit a version again, on the same data in the same way, and compare its answers.

    Args:
        request: says where the data and the store are; all else is taken from the version's run.
        which: alias, `latest` or number of the version.

    Raises:
        InputError: the data is not what the version was fitted on.
        ModelUnavailable: there is no such version.
    """
    from common.data.source import source_of
    from common.registry import runs, versions
    from common.training import provenance

    with source_of(request.data, ROOT, request.seed, reading_of(request)) as source:
        request = _with_target(request, source)
        registry = _connect(request, source)
        version = versions.find(registry, which)
        provenance.require_same_data(version, source)
        params = runs.params(registry, version.run_id)
        then = _as_then(request, version, params)
        recipe = replace(_recipe(then), scaled_start=params.get("scaled_start") == "True")
        provenance.require_same_words(version, recipe, params)
        return provenance.reproduction(_fit(then, recipe, source, progress), version, ROOT)


def _with_target(request: TrainRequest, source: Source) -> TrainRequest:
    return replace(request, target_column=request.target_column or source.usual_target)


def _connect(request: TrainRequest, source: Source) -> Registry:
    """Open the store, after a look at the files: what is missing there is found out first."""
    from common.data.columns import require
    from common.data.lexicon import read_lexicon
    from common.registry import store
    from common.training import embeddings

    require(source.path, _columns(request), reading_of(request))
    if file := _recipe(request).word_files.get("lexicon"):
        read_lexicon(file)
    embeddings.require(request.embeddings)
    registry = store.connect(request.tracking_uri, ROOT, request.model_name, create=True)
    if request.data is None:
        logger.info("No data given: training on a SYNTHETIC sample, %s.", source.path)
    return registry


def _fit(
    request: TrainRequest, recipe: Recipe, source: Source, progress: Progress
) -> TrainingResult:
    from common.training import fit

    with progress("Fitting", "steps", recipe.steps) as advance:
        return fit.read_and_fit(
            source.path,
            _columns(request),
            recipe,
            reading=reading_of(request),
            advance=advance,
            since=request.since,
        )


def _register_and_promote(
    request: TrainRequest, registry: Registry, source: Source, result: TrainingResult
) -> tuple[Version, ContestResult]:
    from common.evaluation import profile
    from common.masking import Disclosure
    from common.registry import runs
    from common.reports import training as reports
    from common.training import promotion, provenance, registration

    shown = Disclosure(request.examples, request.mask)
    settings = _settings(request, source) | provenance.ways(result)
    made_from = provenance.provenance(result, source, settings, ROOT)
    version = registration.register(
        registry,
        result,
        made_from,
        reports.record(result, made_from, shown),
        request.experiment,
        profile.disclosed(result.profile(), shown),
    )
    contest = promotion.contest_and_promote(
        registry,
        version,
        result,
        _policy(request),
        manual=request.promotion == "manual",
        replace_unscorable=request.replace_unscorable,
        describe=reports.description,
    )
    pages = reports.pages(version, result, contest, made_from, shown)
    runs.log_pages(registry, version.run_id, pages)
    return version, contest


def _remarks(request: TrainRequest, result: TrainingResult) -> list[str]:
    """What looks wrong in what was learnt."""
    from common.training import remarks

    rows, counts = len(result.holdout), result.counts
    correct = int((result.predicted == result.holdout.labels).sum())
    return [
        *remarks.of_rows(counts.read, counts.blank, counts.unlabelled, counts.rejected),
        *remarks.of_labels(result.class_rows, request.target_column or "", request.label_with),
        *remarks.of_texts(result.holdout.texts.tolist(), request.text_column),
        *remarks.of_classes(result.per_class),
        *remarks.of_figures(
            correct, rows, result.metrics["balanced_accuracy"], len(result.class_rows)
        ),
    ]


def _columns(request: TrainRequest) -> MessageColumns:
    from common.data.columns import message_columns
    from common.data.source import USUAL_TARGET

    return message_columns(
        request.text_column,
        request.target_column or USUAL_TARGET,
        request.label_with,
        request.critical_keywords,
        # The times of messages are needed only where somebody asks how old they are.
        time=request.time_column if request.since or request.contest_since else None,
        segment=request.segment_column,
        normalise_labels=request.normalise_labels,
    )


def _recipe(request: TrainRequest) -> Recipe:
    from common.training.fit import Recipe

    return Recipe(
        family=request.model_family,
        text_column=request.text_column,
        holdout_percent=request.holdout_percent,
        class_weight=request.class_weight,
        seed=request.seed,
        lexicon=request.lexicon,
        embeddings=request.embeddings,
    )


def _policy(request: TrainRequest) -> Policy:
    from common.training.contest import Policy

    return Policy(
        threshold=request.champion_threshold,
        significance=request.promote_significance,
        required=request.promote_rules,
        min_rows=request.contest_rows,
        since=request.contest_since,
    )


def _settings(request: TrainRequest, source: Source) -> dict[str, str]:
    """What the request sets, as parameters of the run: without secrets, as text."""
    not_settings = {"data", "experiment", "tracking_uri", "replace_unscorable", "dry_run"}
    values = {
        item.name: getattr(request, item.name)
        for item in fields(request)
        if item.name not in not_settings
    }
    values["data_path"] = None if request.data is None else source.location
    values["mlflow_experiment_name"] = request.experiment
    return {name: as_text(value) for name, value in values.items() if value is not None}


def _as_then(request: TrainRequest, version: Version, params: Mapping[str, str]) -> TrainRequest:
    """The request with which a version was fitted, as far as its run says so."""
    defaults: dict[str, Any] = {
        item.name: item.default for item in fields(request) if item.name in FITTED_WITH
    }
    defaults["lexicon"] = BEFORE_LEXICONS
    logged = from_text({name: params[name] for name in FITTED_WITH if name in params})
    family = version.tags.get("model_family", OLDEST_FAMILY)
    since = date.fromisoformat(params["since"]) if "since" in params else None
    return replace(request, model_family=family, since=since, **defaults | logged)
