"""What a step came to, as Markdown for Prefect's pages: the verdict, the figures, the pages."""

from __future__ import annotations

import html
from collections.abc import Sequence

from flows.results import Judged, Model, Pages, Scored, Trained

SHOWN_METRICS = ("accuracy", "balanced_accuracy", "f1_macro", "log_loss")
SHOWN_OUTPUTS = 20


def of_training(trained: Trained, pages: Pages | None) -> str:
    """The verdict of the contest, figures of the holdout, the contest page."""
    rows = [
        ("version", _named(trained.model) if trained.model else "none (dry run)"),
        ("rows", f"{trained.rows:,}"),
        ("holdout", f"{trained.holdout_rows:,} rows"),
    ]
    shown = [name for name in SHOWN_METRICS if name in trained.metrics]
    rows += [(name, f"{trained.metrics[name]:.4f}") for name in shown]
    parts = [f"# {trained.verdict}", f"{_safe(trained.reason)}.", _table(rows)]
    if trained.synthetic:
        parts.append("The data is **synthetic**: these figures say nothing about real messages.")
    if trained.ways_out:
        parts.append("Ways out:\n\n" + "\n".join(f"- {_safe(way)}" for way in trained.ways_out))
    return "\n\n".join([*parts, _pages(pages, "Contest page", pages.contest if pages else None)])


def of_scoring(scored: Scored) -> str:
    """Which files, how many rows, which classes."""
    rows = [
        ("version", _named(scored.model)),
        ("files", f"{scored.files:,} ({scored.done_already:,} done before)"),
        ("rows", f"{scored.rows:,}"),
        ("rows that can't be read", f"{scored.rejected:,}"),
        *((f"class {name}", f"{count:,}") for name, count in scored.classes.items()),
    ]
    outputs = [f"- `{path}`" for path in scored.outputs[:SHOWN_OUTPUTS]]
    more = len(scored.outputs) - SHOWN_OUTPUTS
    outputs += [f"- and {more:,} more"] if more > 0 else []
    title = f"# {scored.rows:,} rows scored"
    return "\n\n".join([title, _table(rows), "Written:\n\n" + "\n".join(outputs)])


def of_look(judged: Judged, pages: Pages | None) -> str:
    """The verdict of the monitor, what is open, the report."""
    rows = [("version", _named(judged.model)), ("data", judged.file)]
    if judged.accuracy is not None:
        rows.append(("accuracy", f"{judged.accuracy:.4f} of {judged.rows:,} rows"))
    rows.append(("floor", f"{judged.floor:g}"))
    parts = [f"# {judged.status}", _safe(judged.text), _table(rows)]
    if judged.incidents:
        lines = [
            f"- **{each.status}** {each.about}, since {each.since}: {_safe(each.reason)}"
            for each in judged.incidents
        ]
        parts.append("Open incidents:\n\n" + "\n".join(lines))
    return "\n\n".join([*parts, _pages(pages, "Report", pages.report if pages else None)])


def _pages(pages: Pages | None, title: str, place: str | None) -> str:
    """Links, or where the file lies: a browser opens no file from a page of the web."""
    if pages is None:
        return "MLflow could not be asked where the pages are."
    if not pages.runs:
        file = f"{title}: `{place}` on the machine that ran this.\n\n" if place else ""
        return f"{file}MLflow's pages: `make ui` opens them there."
    links = [(title, place), ("MLflow's runs", pages.runs), ("the model", pages.model)]
    return " · ".join(f"[{name}]({address})" for name, address in links if address)


def _named(model: Model) -> str:
    return f"{model.name} {model.version}"


def _table(rows: Sequence[tuple[str, str]]) -> str:
    lines = [f"| {_safe(name)} | {_safe(value)} |" for name, value in rows]
    return "\n".join(["| | |", "|---|---|", *lines])


def _safe(text: str) -> str:
    """Names of classes and files as they are, whatever Markdown or HTML would make of them."""
    plain = html.escape(" ".join(text.split()), quote=False)
    for mark in "\\`*_[]|#~":
        plain = plain.replace(mark, f"\\{mark}")
    return plain
