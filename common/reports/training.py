"""What a training leaves for people: figures and tables in its run, the contest, the model card."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa

from common.data import csv_rows, rules
from common.evaluation.routing import Routing
from common.masking import OPEN, Disclosure
from common.models.base import Explains, TellsTerms, Weighted
from common.models.families import KNOWN
from common.registry.descriptions import moment
from common.registry.runs import TrainingRecord
from common.registry.versions import FITTED_ON, Version
from common.reports import charts, console, figures, model_card, tournament
from common.reports import contest as contest_page
from common.scoring.formats import harmless
from common.training import cost
from common.training.contest import Verdict
from common.training.contest_result import ContestResult
from common.training.doubts import DoubtfulLabel, listed
from common.training.fit import TrainingResult
from common.training.provenance import Provenance


def record(
    result: TrainingResult,
    provenance: Provenance,
    shown: Disclosure = OPEN,
    routed: Routing | None = None,
) -> TrainingRecord:
    """What MLflow is to show of a training; what a model can't tell of itself is left out."""
    terms = None
    if isinstance(result.classifier, TellsTerms):
        terms = _shown_terms(result.classifier.telling_terms(), shown)
    drawn = figures.figures(result.holdout.labels, result.proba, result.classes)
    if terms is not None:
        drawn["telling_terms"] = figures.telling_terms_figure(terms)
    measured = result.metrics | result.counts.metrics()
    if routed is not None:
        drawn["risk_coverage"] = figures.risk_coverage_figure(
            result.holdout_answers.risk_coverage(), routed
        )
        measured["auto_share"] = routed.coverage
        if routed.accuracy is not None:
            measured["auto_accuracy"] = routed.accuracy
    return TrainingRecord(
        params=provenance.settings,
        metrics=measured,
        figures=drawn,
        documents=_documents(result, terms),
        tables={"worst_errors.json": worst_errors(result, shown)},
        texts={console.LABELS_TO_CHECK: labels_to_check(result.doubts, shown)}
        if result.doubts and shown.examples
        else {},
    )


def labels_to_check(doubts: Sequence[DoubtfulLabel], shown: Disclosure = OPEN) -> str:
    """CSV of training rows whose label looks wrong, for people: the most doubtful first.

    Cells that a spreadsheet would take for formulas have a quote before them.
    """
    rows = listed(doubts, shown.examples)
    columns = {
        "text": _harmless(shown.shown(row.text for row in rows)),
        "label": _harmless([row.label for row in rows]),
        "label_probability": [f"{row.probability:.4f}" for row in rows],
        "likeliest": _harmless([row.likeliest for row in rows]),
    }
    lines = io.StringIO()
    csv_rows.write(lines, [tuple(columns), *zip(*columns.values(), strict=True)])
    return lines.getvalue()


def _harmless(texts: list[str]) -> list[str]:
    return harmless(pa.chunked_array([texts], pa.large_string())).to_pylist()


def worst_errors(
    result: TrainingResult, shown: Disclosure = OPEN
) -> dict[str, list[str] | list[float]]:
    """Columns of a table: the errors on the holdout that the classifier is surest of.

    The words that speak for an answer are among them if the classifier explains itself.
    """
    confidence = result.proba.max(axis=1)
    wrong = np.flatnonzero(result.predicted != result.holdout.labels)
    worst = wrong[np.argsort(-confidence[wrong], kind="stable")][: shown.examples]
    texts = [str(text) for text in result.holdout.texts[worst]]
    table: dict[str, list[str] | list[float]] = {
        "text": shown.shown(texts),
        "true": result.holdout.labels[worst].tolist(),
        "predicted": result.predicted[worst].tolist(),
        "confidence": confidence[worst].round(4).tolist(),
    }
    if isinstance(result.classifier, Explains):
        known = result.proba[worst][:, : len(result.classifier.classes_)]
        reasons = result.classifier.explain(texts, known)
        table["because"] = [
            ", ".join(shown.words([word for word, _ in words], text))
            for words, text in zip(reasons, texts, strict=True)
        ]
    return table


def _shown_terms(terms: dict[str, Weighted], shown: Disclosure) -> dict[str, Weighted]:
    """Terms without those that name somebody."""
    return {
        name: [(term, weight) for term, weight in weighted if shown.words([term], term)]
        for name, weighted in terms.items()
    }


def description(verdict: Verdict, label_with: str = "column") -> str:
    """The verdict in Markdown, as MLflow shows it with the version, and what a rule made."""
    parts = [f"{verdict.reason[:1].upper()}{verdict.reason[1:]}.", rules.agreement(label_with)]
    parts += [console.rules_table(verdict, "github")] if verdict.rules else []
    return "\n\n".join(filter(None, parts))


def pages(
    version: Version,
    result: TrainingResult,
    contest: ContestResult,
    provenance: Provenance,
    shown: Disclosure = OPEN,
    routed: Routing | None = None,
) -> dict[str, str]:
    """`contest.html` and `model_card.md` of a version."""
    shared, holdout = contest.shared, result.holdout
    made_by_rule = rules.agreement(provenance.settings["label_with"])
    page = contest_page.Contest(
        model=version.name,
        version=version.number,
        run_id=version.run_id,
        champion_version=contest.champion_number,
        verdict=contest.verdict,
        classes=contest.classes,
        texts=holdout.texts[shared].tolist(),
        true=holdout.labels[shared],
        challenger=contest.challenger,
        champion=contest.champion,
        left_out=int((~shared).sum()),
        segments=None if holdout.segments is None else holdout.segments[shared],
        made={
            "Trained": f"{moment(provenance.at)} by {provenance.by}",
            "Data": f"{provenance.file}: {provenance.rows}",
            "Git commit": provenance.git_commit,
            **({"Labels": made_by_rule} if made_by_rule else {}),
        },
        provenance=provenance.sections(),
        doubts=result.doubts[: shown.examples],
        changes=contest.changes,
        shown=shown,
    )
    card = model_card.Card(
        model=version.name,
        version=version.number,
        run_id=version.run_id,
        trained=f"{moment(provenance.at)} by {provenance.by}",
        git_commit=provenance.git_commit,
        columns=_column_flags(provenance),
        text_column=result.recipe.text_column,
        label_source=_label_source(provenance),
        made_by_rule=made_by_rule,
        data_name=provenance.file,
        data_sha256=provenance.data_sha256,
        synthetic=provenance.synthetic,
        rows_in_words=provenance.rows,
        train_rows=result.train_rows,
        train_classes=result.train_classes,
        holdout_rows=len(holdout),
        metrics=result.metrics,
        per_class=result.per_class,
        segments=()
        if holdout.segments is None
        else charts.groups(holdout.segments, [result.predicted == holdout.labels]),
        verdict=contest.verdict,
        family_limits=KNOWN[provenance.family].limits,
        fitted_elsewhere=provenance.settings.get(FITTED_ON, ""),
        tournament=tournament.in_words(result.tournament, "github") if result.tournament else "",
        routing=routed,
        costs=cost.figures(result, contest),
        uses=[use.sentence() for use in (result.lexicon_use, result.embeddings_use) if use],
    )
    return {"contest.html": contest_page.render(page), "model_card.md": model_card.render(card)}


def _documents(
    result: TrainingResult, terms: dict[str, Weighted] | None
) -> dict[str, Mapping[str, object]]:
    """What people and scripts read beside the figures, by file name."""
    documents: dict[str, Mapping[str, object]] = {
        "per_class.json": {name: values.facts() for name, values in result.per_class.items()},
        "confusion_matrix.json": {"classes": result.classes, "rows": result.confusion.tolist()},
    }
    if terms is not None:
        documents["telling_terms.json"] = terms
    if result.tournament:
        documents["tournament.json"] = tournament.facts(result.tournament)
    return documents


def _column_flags(provenance: Provenance) -> dict[str, str]:
    """Flags that say which columns the model was trained with."""
    given = provenance.settings
    flags = {"--text-column": given["text_column"]}
    if given["label_with"] in ("column", "file"):
        flags["--target-column"] = given["target_column"]
    else:
        flags["--label-with"] = given["label_with"]
    if "segment_column" in given:
        flags["--segment-column"] = given["segment_column"]
    return flags


def _label_source(provenance: Provenance) -> str:
    settings = provenance.settings
    match settings["label_with"]:
        case "sentiment" | "vader":
            return "VADER's sentiment of the text, not a person's judgement"
        case "critical":
            return "whether the text holds a critical word that isn't negated"
        case "keywords":
            return f"whether the text holds one of {settings['critical_keywords']}"
        case "file":
            return f"column {settings['target_column']} of the file {settings['labels_path']}"
    return f"column {settings['target_column']}"
