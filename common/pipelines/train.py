"""One training as a function: messages in; a verdict and, unless it is a dry run, a version out.

>>> result = run(TrainRequest(Path("labelled.csv")))    # doctest: +SKIP
>>> result.contest.verdict.reason                       # doctest: +SKIP
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import fields, replace
from datetime import date
from typing import TYPE_CHECKING, Any

from common import DATA, MADE_WITH, ROOT
from common.errors import ModelUnavailable, SettingsError
from common.pipelines import versioning
from common.pipelines.form import reading_of
from common.pipelines.progress import no_progress
from common.pipelines.target_names import refuse_several
from common.pipelines.train_request import TrainRequest as TrainRequest
from common.settings import RULES
from common.settings_reader import from_text
from common.training.outcome import TrainResult

if TYPE_CHECKING:  # a request is made without any heavy library
    from common.data.columns import MessageColumns
    from common.data.cost_file import CostFile
    from common.data.source import Source
    from common.registry.store import Registry
    from common.registry.versions import Version
    from common.training.beyond_rule import BeyondRule
    from common.training.fit import TrainingResult
    from common.training.provenance import Reproduction
    from common.training.recipe import Recipe
    from common.types import Progress

# Of versions that do not name theirs.
OLDEST_FAMILY = "boosted"
# What decides, with the data and the family, how a version answers.
FITTED_WITH = (
    "text_column",
    "target_column",
    "segment_column",
    "time_column",
    "label_with",
    "critical_keywords",
    "labels_path",
    "id_column",
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
    "transformer",
    "seed",
)
# Of versions that don't say how they were fitted: they were before there was a choice.
BEFORE_LEXICONS = "none"

logger = logging.getLogger(__name__)


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
    from common.registry import versions
    from common.training import promotion, provenance

    refuse_several(request.target_column, "targets.train_each")
    with source_of(request.data, DATA, request.seed, reading_of(request)) as source:
        request = with_target(request, source)
        columns = columns_of(request)
        registry = connect(request, source, columns)
        result = _fit(request, _recipe(request), source, columns, progress)
        beyond = _beyond_rule(request, result, source, columns)
        if request.is_dry:
            version, contest = (
                None,
                promotion.judge(
                    registry,
                    versions.champion(registry),
                    result,
                    versioning.policy(request, result.costs),
                    synthetic=source.synthetic,
                    replace_unscorable=request.replace_unscorable,
                ),
            )
        else:
            logger.info("Logging to MLflow, then loading the logged model in a clean process.")
            settings = versioning.settings_of(request, source) | provenance.ways(result)
            version, contest = versioning.register_and_promote(
                request, registry, source, result, settings
            )
        found = versioning.outcome(request, registry, source, columns, result, version, contest)
    return replace(found, beyond_rule=beyond)


def require_columns(request: TrainRequest) -> None:
    """Refuse data that can't be read or lacks a column, before anything slow starts.

    Raises:
        InputError: says what is missing.
    """
    from common.data.columns import require
    from common.data.source import source_of

    with source_of(request.data, DATA, request.seed, reading_of(request)) as source:
        require(source.path, columns_of(with_target(request, source)), reading_of(request))


def reproduce(request: TrainRequest, which: str, progress: Progress = no_progress) -> Reproduction:
    """Fit a version again, on the same data in the same way, and compare its answers.

    Args:
        request: says where the data, the file of labels (if it has moved) and the store are; all
            else is taken from the version's run.
        which: alias, `latest` or number of the version.

    Raises:
        SettingsError: what it needs is not here, or `mask_rule_words` is asked for.
        InputError: the data is not what the version was fitted on.
        ModelUnavailable: there is no such version.
    """
    from common.data.columns import require
    from common.data.source import source_of
    from common.registry import runs, store, versions
    from common.training import embeddings, provenance
    from common.training.recipe import require_family

    if request.mask_rule_words:
        raise SettingsError("--mask-rule-words and --reproduce can't be meant together.")
    with source_of(request.data, DATA, request.seed, reading_of(request)) as source:
        registry = store.connect(request.tracking_uri, ROOT, request.model_name)
        try:
            version = versions.find(registry, which)
        except ModelUnavailable:
            refuse_several(request.target_column, "targets.train_each")
            raise
        if version.made_elsewhere:
            raise ModelUnavailable(
                f"version {version.number} was made elsewhere: it can't be fitted again here."
            )
        provenance.require_same_data(version, source)
        params = runs.params(registry, version.run_id)
        then = _as_then(request, version, params)
        recipe = replace(
            _recipe(then),
            scaled_start=params.get("scaled_start") == "True",
            all_scripts=params.get("all_scripts") == "True",
        )
        require_family(recipe)
        provenance.require_same_words(version, recipe, params)
        embeddings.require(then.embeddings)
        if then.label_with == "file":
            places = request.labels_path, then.labels_path
            then = replace(then, labels_path=provenance.same_labels(version, places, params))
        columns = columns_of(then)
        require(source.path, columns, reading_of(then))
        result = _fit(then, recipe, source, columns, progress)
        return provenance.reproduction(result, version, MADE_WITH)


def with_target(request: TrainRequest, source: Source) -> TrainRequest:
    return replace(request, target_column=request.target_column or source.usual_target)


def connect(request: TrainRequest, source: Source, columns: MessageColumns) -> Registry:
    """Open the store, after a look at the files: what is missing there is found out first."""
    from common.data.columns import require
    from common.data.lexicon import read_lexicon
    from common.registry import store
    from common.training import embeddings
    from common.training.recipe import require_family

    require_family(_recipe(request))
    require(source.path, columns, reading_of(request))
    if file := _recipe(request).word_files.get("lexicon"):
        read_lexicon(file)
    embeddings.require(request.embeddings)
    costs_of(request)
    registry = store.connect(request.tracking_uri, ROOT, request.model_name, create=True)
    if request.data is None:
        logger.info("No data given: training on a SYNTHETIC sample, %s.", source.path)
    return registry


def _fit(
    request: TrainRequest,
    recipe: Recipe,
    source: Source,
    columns: MessageColumns,
    progress: Progress,
) -> TrainingResult:
    from common.training import fit

    with progress("Fitting", "steps", recipe.steps) as advance:
        return fit.read_and_fit(
            source.path,
            columns,
            recipe,
            reading=reading_of(request),
            advance=advance,
            since=request.since,
            promise=request.promise,
            costs=costs_of(request),
        )


def costs_of(request: TrainRequest) -> CostFile | None:
    """What the request says of the costs of mistakes; None: nothing.

    Raises:
        InputError: its file of costs can't be read.
    """
    from common.data.cost_file import read_costs
    from common.registry import costs

    if request.costs is None:
        return None
    found = read_costs(request.costs)
    costs.require_short(found.costs, request.costs)
    return found


def _beyond_rule(
    request: TrainRequest, result: TrainingResult, source: Source, columns: MessageColumns
) -> BeyondRule | None:
    """What is learnt beyond the words of the rule, if that is asked for."""
    from common.data.labelled import read_split
    from common.training import beyond_rule

    if not request.mask_rule_words:
        return None
    logger.info("Fitting again without the words that the rule looks for.")
    train, holdout, _ = read_split(
        source.path, columns, request.holdout_percent, reading_of(request), request.since
    )
    return beyond_rule.beyond_rule(
        result, train, holdout, request.label_with, request.critical_keywords
    )


def columns_of(request: TrainRequest) -> MessageColumns:
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
        labels_path=request.labels_path,
        identifier=request.id_column,
    )


def _recipe(request: TrainRequest) -> Recipe:
    from common.training.recipe import Recipe

    return Recipe(
        family=request.model_family,
        text_column=request.text_column,
        holdout_percent=request.holdout_percent,
        class_weight=request.class_weight,
        seed=request.seed,
        lexicon=request.lexicon,
        embeddings=request.embeddings,
        transformer=request.transformer,
    )


def _as_then(request: TrainRequest, version: Version, params: Mapping[str, str]) -> TrainRequest:
    """The request with which a version was fitted, as far as its run says so."""
    defaults: dict[str, Any] = {
        item.name: item.default for item in fields(request) if item.name in FITTED_WITH
    }
    defaults["lexicon"] = BEFORE_LEXICONS
    logged = from_text({name: params[name] for name in FITTED_WITH if name in params})
    family = version.tags.get("model_family", OLDEST_FAMILY)
    since = date.fromisoformat(params["since"]) if "since" in params else None
    # Costs and promises change nothing of what is fitted, and may be of other classes by now.
    as_fitted = replace(
        request,
        costs=None,
        auto_accuracy=None,
        auto_accuracy_by_class={},
        promote_rules=RULES,
    )
    return replace(as_fitted, model_family=family, since=since, **defaults | logged)
