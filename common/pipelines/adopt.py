"""One adoption as a function: a model made elsewhere becomes a version, and contests.

>>> request = AdoptRequest("models:/theirs/3", TrainRequest(Path("labelled.csv")))  # doctest: +SKIP
>>> run(request).contest.verdict.reason                                        # doctest: +SKIP
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from common import DATA, ROOT
from common.errors import SettingsError
from common.models.families import ADOPTED
from common.pipelines import train, versioning
from common.pipelines.form import reading_of
from common.pipelines.progress import no_progress
from common.pipelines.target_names import one_target, several
from common.pipelines.train import TrainRequest
from common.training.outcome import TrainResult

if TYPE_CHECKING:
    from common.models.adopted import AdoptedClassifier
    from common.registry.foreign import Foreign
    from common.training.recipe import Recipe
    from common.types import Progress

# What `--fitted-on` says where no file is named.
UNSEEN = "none of these rows, as somebody vouches"
# Settings of fitting, which this isn't.
_OF_FITTING = ("class_weight", "embeddings", "lexicon", "model_family", "seed", "transformer")

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class AdoptRequest:
    """What is adopted, and on what it is measured; see `python -m common.registry adopt --help`.

    Attributes:
        model: a folder that `mlflow.*.save_model` has made, or an address that MLflow knows.
        contest: labelled messages, and what it takes to replace the champion, as for train.py.
        input_column, labels, scores, label_column, score_column: how the model is asked, and what
            it answers; see `models.adopted`.
        fitted_on: the messages that it was fitted on, which are left out of the contest.
        unseen: somebody vouches that it was fitted on none of the messages in `contest`.
        python: an interpreter that has the packages which the model needs; None: this one.
        make_environment: make such an environment in the project's folder.

    Raises:
        SettingsError: two of them contradict each other, no messages are named, or several targets.
    """

    model: str
    contest: TrainRequest
    input_column: str | None = None
    labels: tuple[str, ...] = ()
    scores: Literal["probabilities", "logits"] = "probabilities"
    label_column: str | None = None
    score_column: str | None = None
    fitted_on: Path | None = None
    unseen: bool = False
    python: Path | None = None
    make_environment: bool = False

    def __post_init__(self) -> None:
        if self.contest.data is None:
            raise SettingsError(
                "adopt needs labelled messages to measure the model on: name --data."
            )
        if several(self.contest.target_column):
            one = one_target("NAME", self.contest.model_name)
            raise SettingsError(f"adopt takes one target at a time: {one}.")
        for one, other, both in (
            ("--fitted-on", "--unseen", self.fitted_on and self.unseen),
            ("--python", "--make-environment", self.python and self.make_environment),
        ):
            if both:
                raise SettingsError(f"{one} and {other} contradict each other: give one of them.")


def run(request: AdoptRequest, progress: Progress = no_progress) -> TrainResult:
    """Measure a model, log and register it, hold its contest with the champion.

    It is promoted if it won, and if it is known what it was fitted on; else it waits for a person.

    Raises:
        SettingsError: the model needs other packages, or its answers are not what was said of them.
        InputError: the model or the data can't be read.
        StoreError: MLflow is out of reach or fails.
        ModelUnavailable: the model can't be loaded, or answers differently in a clean process.
    """
    from common.data.source import source_of
    from common.registry import foreign
    from common.training import adoption

    reading = reading_of(request.contest)
    with source_of(request.contest.data, DATA, request.contest.seed, reading) as source:
        asked = train.with_target(request.contest, source)
        columns = train.columns_of(asked)
        registry = train.connect(asked, source, columns)
        seen = None
        if request.fitted_on:
            seen = adoption.seen_keys(request.fitted_on, asked.text_column, reading)
        model = foreign.fetch(registry, request.model)
        classifier = _load(request, model)
        logger.info("Measuring the model on the holdout of %s.", source.name)
        measured = adoption.read_and_measure(
            source.path,
            columns,
            _recipe(asked),
            classifier,
            adoption.Meaning(
                request.labels, request.scores, request.label_column, request.score_column
            ),
            seen,
            reading,
            asked.since,
            train.costs_of(asked),
            asked.promise,
        )
        logger.info("Logging to MLflow, then loading the logged model in a clean process.")
        settings = {
            name: value
            for name, value in versioning.settings_of(asked, source).items()
            if name not in _OF_FITTING
        } | _params(request, model, classifier, measured.labels_alone)
        version, contest = versioning.register_and_promote(
            asked, registry, source, measured.result, settings, by="registry adopt"
        )
        return versioning.outcome(
            asked, registry, source, columns, measured.result, version, contest
        )


def _load(request: AdoptRequest, model: Foreign) -> AdoptedClassifier:
    from common.registry import foreign
    from common.training import adoption

    python = None
    if request.python:
        python = foreign.python_of(request.python)
    elif request.make_environment:
        logger.info("Installing what the model needs: this may take minutes.")
        python = str(foreign.make_environment(model, ROOT))
    else:
        foreign.refuse_unmet(model)
    text_column = request.contest.text_column
    return adoption.load(model.archive, text_column, request.input_column, python)


def _recipe(asked: TrainRequest) -> Recipe:
    from common.training.recipe import Recipe

    return Recipe(ADOPTED.name, asked.text_column, asked.holdout_percent, "none", asked.seed)


def _params(
    request: AdoptRequest, model: Foreign, classifier: AdoptedClassifier, labels_alone: bool
) -> dict[str, str]:
    """What the version's run says of where it comes from, and how its answers are taken."""
    from common.data import files
    from common.registry.versions import FITTED_ON, UNKNOWN
    from common.text import printable, redact

    fitted_on = UNSEEN if request.unseen else UNKNOWN
    if file := request.fitted_on:
        fitted_on = f"{printable(file.name)} (SHA-256 {files.sha256(file)})"
    mapping = classifier.mapping
    sureness = f"{mapping.sureness:.4f} for each answer" if labels_alone else "the model's"
    given = {
        "model_family": ADOPTED.name,
        "adopted_from": redact(request.model),
        "adopted_sha256": model.sha256,
        "adopted_labels": ", ".join(mapping.labels),
        "adopted_scores": mapping.scores,
        "adopted_confidence": sureness,
        "adopted_python": classifier.python,
        "adopted_input_column": request.input_column,
        "adopted_label_column": mapping.label_column,
        "adopted_score_column": mapping.score_column,
        "adopted_class_columns": ", ".join(mapping.class_columns) or None,
        FITTED_ON: fitted_on,
    }
    return {name: value for name, value in given.items() if value is not None}
