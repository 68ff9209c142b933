"""What a training is asked for: fields as flags and settings have them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, field
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from common.errors import SettingsError
from common.models.families import ALL, FAMILIES
from common.setting_values import shares_of
from common.settings import ALL_RULES, CRITICAL_KEYWORDS, LABELLERS, RULES, LabelWith, Settings

if TYPE_CHECKING:  # a request is made without any heavy library
    from common.data.tables import Table
    from common.evaluation.routing import Promise
    from common.training.contest import RuleName


@dataclass(frozen=True)
class TrainRequest:
    """What to train on, how, and what it takes to be promoted; see `train.py --help`.

    Attributes:
        data: labelled messages: a file, a folder of files, or a table in memory; None: the
            synthetic sample.
        text_column, target_column, segment_column: where messages, their classes and groups are;
            `target_column` None: `topic` in synthetic messages, `inbound` (of twcs.csv) in others.
        label_with, critical_keywords: where the class comes from, if not from `target_column`.
        labels_path, id_column: of `label_with` "file": the file of labels, and the column that
            joins them to the messages.
        normalise_labels: make one class of those that differ only by case or blanks.
        delimiter, encoding, header, sheet, field_characters: the form of files, as in
            `reading.Reading`.
        holdout_percent: share of the messages kept for the holdout, 5 to 50.
        lexicon: words with values that the model may use: "vader", "auto" (VADER's, if it gains),
            "none", or a file.
        embeddings: vectors that the model uses beside the words: a file of word vectors,
            "module:function" (n texts -> (n, d) array), or "none".
        transformer: model that the family `transformer` fine-tunes: a folder of Hugging Face's
            transformers as a path (./NAME), a name on their hub, or "none".
        class_weight: "balanced": rare classes count as much as frequent ones.
        model_family: a name of `models.families.FAMILIES`, or "all": the best of them challenges.
        seed: of everything random.
        mask, examples: how much of the messages is stored, as in `masking.Disclosure`.
        champion_threshold, promote_significance, promote_rules, contest_rows: what it takes to
            replace the champion, as in `contest.Policy`.
        auto_accuracy, auto_accuracy_by_class: what is promised of answers that nobody looks at, as
            in `routing.Promise`; None: no answer is routed.
        costs: file of what mistakes cost, as `data.cost_file` reads it; None: nobody has said.
        promotion: "manual": a challenger that passed waits for a person.
        replace_unscorable: replace a champion that can't be tested any more.
        since, contest_since: only messages written on this day (UTC) or later are used; those that
            are decide the contest. `time_column` says when they were written.
        dry_run: fit and compare, but log and register nothing.
        mask_rule_words: fit a second time without the words that the rule of `label_with` looks
            for, to see what is learnt beyond it; log and register nothing.
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
    label_with: LabelWith = "column"
    critical_keywords: tuple[str, ...] = CRITICAL_KEYWORDS
    labels_path: Path | None = None
    id_column: str = "tweet_id"
    normalise_labels: bool = False
    delimiter: str | None = None
    encoding: str | None = None
    header: tuple[str, ...] | None = None
    sheet: str | None = None
    field_characters: int = 16_000_000
    holdout_percent: int = 20
    lexicon: str = "auto"
    embeddings: str = "none"
    transformer: str = "none"
    class_weight: Literal["none", "balanced"] = "none"
    model_family: str = "boosted"
    seed: int = 42
    mask: bool = False
    examples: int = 10
    champion_threshold: float = 0.005
    promote_significance: float = 0.05
    promote_rules: tuple[RuleName, ...] = RULES
    contest_rows: int = 30
    auto_accuracy: float | None = None
    auto_accuracy_by_class: Mapping[str, float] = field(default_factory=dict)
    costs: Path | None = None
    promotion: Literal["auto", "manual"] = "auto"
    replace_unscorable: bool = False
    time_column: str = "created_at"
    since: date | None = None
    contest_since: date | None = None
    dry_run: bool = False
    mask_rule_words: bool = False
    model_name: str = "triage"
    tracking_uri: str | None = field(default=None, repr=False)
    experiment: str = "triage"

    def __post_init__(self) -> None:
        if self.model_family not in (*FAMILIES, ALL):
            raise SettingsError(
                f"MODEL_FAMILY {self.model_family!r} is unknown: take {', '.join(FAMILIES)} or "
                f"{ALL}."
            )
        if not 5 <= self.holdout_percent <= 50:
            raise SettingsError(f"HOLDOUT_PERCENT must be 5 to 50, not {self.holdout_percent}.")
        for name, given, allowed in (
            ("LABEL_WITH", {self.label_with}, LABELLERS),
            ("CLASS_WEIGHT", {self.class_weight}, ("none", "balanced")),
            ("PROMOTION", {self.promotion}, ("auto", "manual")),
            ("PROMOTE_RULES", self.promote_rules, ALL_RULES),
        ):
            unknown = sorted(set(given) - set(allowed))
            if unknown:
                raise SettingsError(f"{name} {unknown[0]!r} is unknown: take {', '.join(allowed)}.")
        self._refuse_half_a_promise()
        if self.mask_rule_words and self.label_with in ("column", "file"):
            raise SettingsError(
                "--mask-rule-words is for labels made by a rule: set LABEL_WITH to sentiment, "
                "critical or keywords."
            )

    def _refuse_half_a_promise(self) -> None:
        if self.costs is None and "cost" in self.promote_rules:
            raise SettingsError("PROMOTE_RULES names cost, so mistakes must have one: set COSTS.")
        if self.auto_accuracy is not None:
            return
        if self.auto_accuracy_by_class:
            raise SettingsError(
                "AUTO_ACCURACY_BY_CLASS needs AUTO_ACCURACY, which holds for all other classes."
            )
        if "coverage" in self.promote_rules:
            raise SettingsError(
                "PROMOTE_RULES names coverage, which is the share of automatic answers: set "
                "AUTO_ACCURACY."
            )

    @property
    def promise(self) -> Promise | None:
        """What is promised of automatic answers, if anything."""
        from common.evaluation.routing import Promise

        if self.auto_accuracy is None:
            return None
        return Promise(self.auto_accuracy, dict(self.auto_accuracy_by_class))

    @property
    def is_dry(self) -> bool:
        """Whether nothing is logged or registered."""
        return self.dry_run or self.mask_rule_words


def of_settings(settings: Settings) -> TrainRequest:
    """What the settings ask for."""
    return TrainRequest(
        settings.data_path,
        text_column=settings.text_column,
        target_column=settings.told("target_column"),
        segment_column=settings.segment_column,
        time_column=settings.time_column,
        label_with=settings.label_with,
        critical_keywords=settings.critical_keywords,
        labels_path=settings.labels_path,
        id_column=settings.id_column,
        normalise_labels=settings.normalise_labels,
        delimiter=settings.delimiter,
        encoding=settings.encoding,
        header=settings.header,
        sheet=settings.sheet,
        field_characters=settings.field_characters,
        holdout_percent=settings.holdout_percent,
        lexicon=settings.lexicon,
        embeddings=settings.embeddings,
        transformer=settings.transformer,
        class_weight=settings.class_weight,
        model_family=settings.model_family,
        seed=settings.seed,
        mask=settings.mask,
        examples=settings.examples,
        champion_threshold=settings.champion_threshold,
        promote_significance=settings.promote_significance,
        promote_rules=settings.promote_rules,
        contest_rows=settings.contest_rows,
        auto_accuracy=settings.auto_accuracy,
        auto_accuracy_by_class=shares_of(settings.auto_accuracy_by_class),
        costs=settings.costs,
        promotion=settings.promotion,
        model_name=settings.model_name,
        tracking_uri=settings.mlflow_tracking_uri,
        experiment=settings.mlflow_experiment_name,
    )
