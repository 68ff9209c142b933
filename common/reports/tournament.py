"""The families that competed, for people and for scripts."""

from __future__ import annotations

from dataclasses import asdict

from tabulate import tabulate

from common.training.tournament import LEVEL, Tournament

HEADERS = (*("family", "accuracy", "macro-F1", "log loss", "behind", "fit s", "rows/s", "MB", ""),)


def in_words(found: Tournament, style: str = "simple") -> str:
    """A table of the families, what was left out and why, and how the winner was found.

    Args:
        style: of `tabulate`, such as "github" for Markdown.
    """
    rows = [
        (
            one.family,
            f"{one.accuracy:.4f}",
            f"{one.f1_macro:.4f}",
            f"{one.log_loss:.4f}",
            f"{one.behind:.4f} +/- {2 * one.error:.4f}",
            f"{one.fit_seconds:.1f}",
            f"{one.rows_per_second:,.0f}",
            f"{one.megabytes:.2f}",
            "challenges" if one.family == found.winner else "",
        )
        for one in found.entrants
    ]
    numbers = ["right"] * 7
    table = tabulate(
        rows, HEADERS, tablefmt=style, disable_numparse=True, colalign=("left", *numbers, "left")
    )
    how = (
        f"Measured on {found.rows:,} rows of the training side that the models compared were not "
        f"fitted on. The least log loss challenges; less than {LEVEL:g} is a tie, which the first "
        "in the table wins."
    )
    return "\n\n".join([table, *(f"Left out: {lack}" for lack in found.absent.values()), how])


def facts(found: Tournament) -> dict[str, object]:
    """The same for scripts; described in docs/schemas/train.schema.json."""
    return {
        "winner": found.winner,
        "rows": found.rows,
        "families": [asdict(one) for one in found.entrants],
        "left_out": dict(found.absent),
    }
