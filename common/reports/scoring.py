"""What predict.py prints at its end: a text for people, and the same facts for scripts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # a script pays only for the start of what it uses
    from common.reports.console import Summary
    from common.scoring.manifest import Manifest
    from common.scoring.shadow import Comparison
    from common.scoring.total import Total

SHOWN_FILES = 20
SHOWN_CLASSES = 12


def summary(manifests: Sequence[Manifest], total: Total) -> Summary:
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
    done = "scored before" if manifest.done_already else "scored"
    versions = [str(manifest.model.version)]
    lines = [f"  classes: {_shares(manifest.classes, rows.scored)}"]
    if manifest.targets:
        versions = [f"{each.model.version} ({each.target})" for each in manifest.targets]
        lines = [f"  {t.target}: {_shares(t.classes, rows.scored)}" for t in manifest.targets]
    if manifest.routes is not None and not manifest.targets:
        lines.append(f"  routes: {_shares(manifest.routes, rows.scored)}")
    if only := manifest.identity.settings.get("only"):
        which = "automatic" if only == "auto" else "not automatic"
        lines.append(f"  only the rows that are {which} are written (--only {only})")
    lines.insert(
        0,
        f"{manifest.output.path}: {rows.scored:,} {done} with version {', '.join(versions)}, "
        f"{rows.blank:,} without text, {rows.rejected:,} unreadable; "
        f"{manifest.rows_per_second:,.0f} rows/s",
    )
    if rows.rejected:
        lines.append(f"  unreadable rows are in {manifest.output.rejects}")
    if manifest.replaced_cells:
        lines.append(f"  {manifest.replaced_cells:,} cells held bytes that are not text (replaced)")
    if manifest.done_already:
        lines.append("  nothing to do: the output is complete (--force scores it again)")
    if manifest.comparison:
        lines.append(_shadow(manifest.comparison))
    return "\n".join(lines)


def _shares(classes: Mapping[str, int], rows: int) -> str:
    frequent = sorted(classes.items(), key=lambda pair: -pair[1])[:SHOWN_CLASSES]
    return ", ".join(f"{name} {count / max(rows, 1):.1%}" for name, count in frequent)


def _shadow(comparison: Comparison) -> str:
    number, total = comparison.challenger.version, comparison.total
    if total.share is None:
        return f"  shadow version {number}: no rows to compare"
    changes = ", ".join(
        f"{change.own} -> {change.other} {change.rows:,}"
        for change in comparison.changes[:SHOWN_CLASSES]
    )
    also = f"; it changes {changes}" if changes else ""
    moves = comparison.routes
    routes = f"\n  routes with version {number}: {moves.in_words}" if moves else ""
    agrees = f"  shadow version {number} agrees on {total.share:.2%} of {total.rows:,} rows"
    file = f"\n  messages that change class are in {comparison.flips}" if comparison.flips else ""
    return f"{agrees}{also}{routes}{file}"
