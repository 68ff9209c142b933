"""What a script prints at its end: a text for people, and the same facts for scripts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tabulate import tabulate

if TYPE_CHECKING:  # a script pays only for the start of what it uses
    from common.monitoring.result import MonitoringResult
    from common.scoring.manifest import Manifest
    from common.scoring.shadow import Comparison
    from common.scoring.total import Total
    from common.training.contest import Rule, Verdict
    from common.training.outcome import TrainResult
    from common.training.provenance import Reproduction

Summary = tuple[str, dict[str, object]]

SHOWN_METRICS = ("accuracy", "balanced_accuracy", "f1_macro", "roc_auc", "log_loss", "ece")
SHOWN_FILES = 20
SHOWN_CLASSES = 12


def training(result: TrainResult) -> Summary:
    """Holdout metrics, the contest as a table, and the verdict in one sentence."""
    verdict, version = result.contest.verdict, result.version
    shown = "  ".join(
        f"{name} {result.metrics[name]:.4f}" for name in SHOWN_METRICS if name in result.metrics
    )
    parts = [f"\nHoldout, {result.holdout_rows:,} rows: {shown}"]
    if verdict.rules:
        parts.append("\n" + rules_table(verdict))
    parts.append(
        f"\nRegistered as {version.name} version {version.number} (alias challenger)."
        if version
        else "\nDry run: nothing was logged or registered."
    )
    if result.synthetic:
        parts.append("The data is SYNTHETIC: these figures say nothing about real messages.")
    parts.append(f"Verdict: {verdict.reason}.")
    if version and verdict.outcome == "waiting":
        parts.append(
            f'To promote it: python -m common.registry promote {version.number} --reason "..."'
        )
    if result.links:
        parts.append(result.links.text())
    return "\n".join(parts), _training_facts(result)


def rules_table(verdict: Verdict, style: str = "simple") -> str:
    """The rules as a table: metric, champion, challenger, difference, rule, finding, passed.

    Args:
        style: of `tabulate`, such as "github" for Markdown.
    """
    from common.reports.html import figure

    rows = [
        (
            rule.metric,
            figure(rule.champion),
            figure(rule.challenger),
            figure(rule.difference, "+"),
            rule.required,
            rule.found,
            _passed(rule),
        )
        for rule in verdict.rules
    ]
    headers = ("metric", "champion", "challenger", "difference", "rule", "found", "passed")
    return tabulate(rows, headers, tablefmt=style, disable_numparse=True)


def reproduction(found: Reproduction) -> Summary:
    """Whether a version that was fitted again answers its holdout as it did."""
    changed = [
        what
        for same, what in ((found.same_lock_file, "the lock file"), (found.same_commit, "the code"))
        if not same
    ]
    also = f" (what differs from then: {', '.join(changed)})" if changed else ""
    outcome = "identical" if found.identical else "NOT identical"
    text = (
        f"Version {found.version.number} of {found.version.name}, fitted again: "
        f"predictions on the {found.holdout_rows:,} holdout rows are {outcome}{also}."
    )
    return text, {
        "identical": found.identical,
        "same_lock_file": found.same_lock_file,
        "same_commit": found.same_commit,
        "holdout_rows": found.holdout_rows,
        "metrics": dict(found.metrics),
        "model": found.version.identity(),
    }


def scoring(manifests: Sequence[Manifest], total: Total) -> Summary:
    """One block for each of the first files scored, and the sum; as data, manifests and total."""
    blocks = [_file_scored(manifest) for manifest in manifests[:SHOWN_FILES]]
    if len(manifests) > 1:
        rows = total.rows
        blocks.append(
            f"{len(manifests):,} files: {rows.scored:,} scored, {rows.blank:,} without text, "
            f"{rows.rejected:,} unreadable; {total.done_already:,} were scored before"
        )
    files = [manifest.to_json() for manifest in manifests]
    return "\n".join(blocks), {"files": files, "total": total.to_json()}


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
    from common.reports.html import figure

    lines = []
    if result.classes:
        by_class = {name: row.metrics for name, row in result.classes.by_class.items()}
        rows = [
            (name, f"{row.support:,}", *map(figure, (row.precision, row.recall, row.f1)))
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


def _passed(rule: Rule) -> str:
    if rule.passed is None:
        return ""
    word = "yes" if rule.passed else "no"
    return word if rule.blocks else f"{word} (reported)"


def _training_facts(result: TrainResult) -> dict[str, object]:
    """What `train.py --json` prints; described in docs/schemas/train.schema.json."""
    verdict, version, counts = result.contest.verdict, result.version, result.counts
    return {
        "verdict": verdict.outcome,
        "promoted": verdict.promote and version is not None,
        "reason": verdict.reason,
        "rules": [_rule_facts(rule) for rule in verdict.rules],
        "champion": result.contest.champion_number,
        "contest_rows": int(result.contest.shared.sum()),
        "metrics": dict(result.metrics),
        "holdout_rows": result.holdout_rows,
        "rows": {
            "read": counts.read,
            "used": counts.used,
            "rejected": counts.rejected,
            "without_text": counts.blank,
            "without_class": counts.unlabelled,
        },
        "synthetic_data": result.synthetic,
        "model": version.identity() if version else None,
        "links": result.links.to_json() if result.links else None,
    }


def _rule_facts(rule: Rule) -> dict[str, object]:
    return {
        "metric": rule.metric,
        "champion": rule.champion,
        "challenger": rule.challenger,
        "required": rule.required,
        "found": rule.found,
        "passed": rule.passed,
        "blocks": rule.blocks,
        "difference": rule.difference,
    }
