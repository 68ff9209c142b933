"""What prepare prints at its end: what became of the rows, where they are, what to type next."""

from __future__ import annotations

import shlex

from tabulate import tabulate

from common.commands import as_typed
from common.preparation.manifest import Total
from common.reports.console import SHOWN_CLASSES, Summary
from common.text import brief


def summary(total: Total) -> Summary:
    """What became of the rows, where they are, and what to type next."""
    rows = total.rows
    table = [
        ("written", f"{rows.written:,}"),
        ("without text", f"{rows.blank:,}"),
        ("duplicates", f"{rows.duplicates:,}"),
        ("unreadable", f"{rows.rejected:,}"),
        ("read", f"{rows.read:,}"),
    ]
    parts = [tabulate(table, ("rows", ""), disable_numparse=True, colalign=("left", "right")), ""]
    if rows.of_other_inputs:
        parts.append(f"{rows.of_other_inputs:,} duplicates are of a row in an earlier file.")
    if rows.contradicting:
        parts.append(
            f"{rows.contradicting:,} duplicates have another {total.class_column} than the row "
            "that stays."
        )
    if total.classes:
        shown = list(total.classes.items())[:SHOWN_CLASSES]
        shares = ", ".join(f"{brief(name)} {count / rows.written:.1%}" for name, count in shown)
        parts.append(f"{total.class_column}: {shares}")
    elif total.recipe.target_column and not total.class_column:
        named = brief(total.recipe.target_column)
        parts.append(f"There is no column {named!r} whose classes could be counted.")
    if total.replaced_cells:
        parts.append(f"{total.replaced_cells:,} cells held bytes that are not text (replaced).")
    if rows.blank or rows.duplicates:
        parts.append(f"Rows that were left out are listed in {total.folder}/*.left-out.csv")
    if rows.rejected:
        parts.append(f"Rows that can't be read are in {total.folder}/*.rejects.csv")
    if total.done_already == total.inputs:
        parts.append(f"Nothing to do: {total.folder} was complete before.")
    else:
        speed = rows.read / max(total.seconds, 1e-9)
        before = f", {total.done_already:,} of them before" if total.done_already else ""
        noun = "part" if total.inputs == 1 else "parts"
        parts.append(f"{total.inputs:,} {noun}{before}; {speed:,.0f} rows/s")
    parts.append(f"Next: {as_typed('python train.py')} --data {_read_by(total)}")
    return "\n".join(parts), dict(total.to_json())


def _read_by(total: Total) -> str:
    """What a command is told to read these rows."""
    named = total.recipe.added_column or total.recipe.target_column
    column = f" --target-column {shlex.quote(named)}" if named else ""
    return shlex.quote(total.folder) + column
