"""What a script prints at its end: a text for people, and the same facts for scripts."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from tabulate import tabulate

if TYPE_CHECKING:  # a script pays for the start of what it uses alone
    from common.data.labelled import RowCounts
    from common.monitoring.result import MonitoringResult
    from common.registry.versions import Version
    from common.scoring.manifest import Manifest, Total
    from common.scoring.shadow import Comparison
    from common.training.fit import Fitted
    from common.training.promotion import Contested

Identity = Mapping[str, Any]
Summary = tuple[str, dict[str, Any]]

SHOWN_METRICS = ("accuracy", "balanced_accuracy", "f1_macro", "roc_auc", "log_loss", "ece")
SHOWN_FILES = 20
SHOWN_CLASSES = 12


def training(
    fitted: Fitted,
    contested: Contested,
    counts: RowCounts,
    synthetic: bool,
    version: Version | None,
) -> Summary:
    """Holdout metrics, the contest as a table, and the verdict in one sentence."""
    from common.training import promotion

    verdict, model = contested.verdict, version.identity() if version else None
    shown = "  ".join(
        f"{name} {fitted.metrics[name]:.4f}" for name in SHOWN_METRICS if name in fitted.metrics
    )
    registered = (
        f"Registered as {model['name']} version {model['version']} (alias challenger)."
        if model
        else "Dry run: nothing was logged or registered."
    )
    parts = [f"\nHoldout, {len(fitted.holdout):,} rows: {shown}"]
    if verdict.rules:
        parts.append("\n" + promotion.table(verdict))
    parts.append(f"\n{registered}")
    if synthetic:
        parts.append("The data is SYNTHETIC: these figures say nothing about real messages.")
    parts.append(f"Verdict: {verdict.reason}.")
    if version and verdict.outcome == "waiting":
        parts.append(
            f'To promote it: python -m common.registry promote {version.number} --reason "..."'
        )
    data = {
        "verdict": verdict.outcome,
        "promoted": verdict.promote and model is not None,
        "reason": verdict.reason,
        "rules": [asdict(rule) | {"difference": rule.difference} for rule in verdict.rules],
        "champion": contested.champion_number,
        "contest_rows": int(contested.shared.sum()),
        "metrics": fitted.metrics,
        "holdout_rows": len(fitted.holdout),
        "rows": _rows(counts),
        "synthetic_data": synthetic,
        "model": model,
    }
    return "\n".join(parts), data


def reproduction(facts: Mapping[str, Any]) -> str:
    """Whether a version that was fitted again answers its holdout as it did."""
    changed = [
        what
        for fact, what in (("same_lock_file", "the lock file"), ("same_commit", "the code"))
        if not facts[fact]
    ]
    also = f" (what differs from then: {', '.join(changed)})" if changed else ""
    outcome = "identical" if facts["identical"] else "NOT identical"
    return (
        f"Version {facts['model']['version']} of {facts['model']['name']}, fitted again: "
        f"predictions on the {facts['holdout_rows']:,} holdout rows are {outcome}{also}."
    )


def scoring(manifests: Sequence[Manifest], total: Total) -> Summary:
    """One block for each of the first files scored, and the sum; as data, manifests and total."""
    blocks = [_file_scored(manifest) for manifest in manifests[:SHOWN_FILES]]
    if len(manifests) > 1:
        rows = total.rows
        blocks.append(
            f"{len(manifests):,} files: {rows.scored:,} scored, {rows.blank:,} without text, "
            f"{rows.rejected:,} unreadable; {total.done_already:,} were scored before"
        )
    data = {"files": [manifest.to_json() for manifest in manifests], "total": total.to_json()}
    return "\n".join(blocks), data


def _file_scored(manifest: Manifest) -> str:
    rows = manifest.rows
    classes = sorted(manifest.classes.items(), key=lambda pair: -pair[1])[:SHOWN_CLASSES]
    shares = ", ".join(f"{name} {count / max(rows.scored, 1):.1%}" for name, count in classes)
    done = "scored before" if manifest.done_already else "scored"
    lines = [
        f"{manifest.output.path}: {rows.scored:,} {done} with version {manifest.model.version}, "
        f"{rows.blank:,} without text, {rows.rejected:,} unreadable; "
        f"{manifest.rows_per_second:,.0f} rows/s",
        f"  classes: {shares}",
    ]
    if rows.rejected:
        lines.append(f"  unreadable rows are in {manifest.output.rejects}")
    if manifest.replaced_cells:
        lines.append(f"  {manifest.replaced_cells:,} cells held bytes that are not text (replaced)")
    if manifest.done_already:
        lines.append("  nothing to do: the output is complete (--force scores it again)")
    if manifest.comparison:
        lines.append(_shadow(manifest.comparison))
    return "\n".join(lines)


def monitoring(result: MonitoringResult) -> str:
    """Each class's figures, what else is not OK, what to do; last the verdict."""
    lines = []
    if result.classes:
        by_class = {name: row.metrics for name, row in result.classes.by_class.items()}
        rows = [
            (name, f"{row.support:,}", *map(_figure, (row.precision, row.recall, row.f1)))
            for name, row in sorted(by_class.items(), key=lambda pair: -pair[1].support)
        ]
        headers = ("class", "rows", "precision", "recall", "F1")
        table = tabulate(rows[:SHOWN_CLASSES], headers, disable_numparse=True, colalign=("left",))
        lines += [table, ""]
    lines += [
        f"{finding.status.name} {finding.name}: {finding.reason}"
        for finding in result.findings
        if finding.status.name in ("WARNING", "CRITICAL") and finding.reason != result.reason
    ]
    if result.next_steps:
        lines += ["Next:", *(f"  {step}" for step in result.next_steps)]
    return "\n".join([*lines, result.text])


def _shadow(comparison: Comparison) -> str:
    number, total = comparison.challenger.version, comparison.total
    if total.share is None:
        return f"  shadow version {number}: no rows to compare"
    changes = ", ".join(
        f"{change.own} -> {change.other} {change.rows:,}"
        for change in comparison.changes[:SHOWN_CLASSES]
    )
    also = f"; it changes {changes}" if changes else ""
    return f"  shadow version {number} agrees on {total.share:.2%} of {total.rows:,} rows{also}"


def _figure(value: float | None) -> str:
    return "–" if value is None or math.isnan(value) else f"{value:.4f}"


def _rows(counts: RowCounts) -> dict[str, int]:
    return {
        "read": counts.read,
        "used": counts.used,
        "rejected": counts.rejected,
        "without_text": counts.blank,
        "without_class": counts.unlabelled,
    }
