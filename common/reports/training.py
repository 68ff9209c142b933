"""What a verdict rests on, as pages that people read: the contest and the model card."""

from __future__ import annotations

from collections.abc import Mapping

from common.evaluation import metrics
from common.registry.versions import Version
from common.reports import contest as contest_page
from common.reports import model_card
from common.training.fit import Fitted
from common.training.promotion import Contested

Provenance = Mapping[str, Mapping[str, str]]


def pages(
    version: Version,
    fitted: Fitted,
    contested: Contested,
    provenance: Provenance,
) -> dict[str, str]:
    """`contest.html` and `model_card.md` of a version.

    Args:
        provenance: as `registration.provenance` makes it.
    """
    shared, holdout = contested.shared, fitted.holdout
    page = contest_page.Contest(
        model=version.name,
        version=version.number,
        run_id=version.run_id,
        champion_version=contested.champion_number,
        verdict=contested.verdict,
        classes=contested.classes,
        texts=holdout.texts[shared].tolist(),
        true=holdout.labels[shared],
        challenger=contested.challenger,
        champion=contested.champion,
        left_out=int((~shared).sum()),
        segments=None if holdout.segments is None else holdout.segments[shared],
        provenance=provenance,
    )
    confusion = metrics.confusion_counts(holdout.labels, fitted.predicted, fitted.classes)
    card = model_card.Card(
        model=version.name,
        version=version.number,
        text_column=fitted.classifier.text_column,
        label_source=_label_source(provenance["Settings"]),
        data_name=provenance["Data"]["file"],
        data_sha256=version.data_sha256 or "",
        synthetic=version.tags.get("synthetic_data") == "True",
        train_rows=fitted.train_rows,
        holdout_rows=len(holdout),
        metrics=fitted.metrics,
        per_class=metrics.class_metrics(confusion, fitted.classes),
        verdict=contested.verdict,
    )
    return {"contest.html": contest_page.render(page), "model_card.md": model_card.render(card)}


def _label_source(settings: Mapping[str, str]) -> str:
    if settings["label_with"] == "vader":
        return "VADER's sentiment of the text, not a person's judgement"
    if settings["label_with"] == "keywords":
        return f"whether the text holds one of {settings['critical_keywords']}"
    return f"column {settings['target_column']}"
