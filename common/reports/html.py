"""HTML from templates: one self-contained file, inert whatever the messages hold."""

from __future__ import annotations

import math
import unicodedata
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from common.text import signed

TEMPLATES = Path(__file__).parent / "templates"
# Invisible, but they join emoji and letters: ZWNJ, ZWJ and the tags of regional flags.
JOINERS = frozenset({"\u200c", "\u200d", *map(chr, range(0xE0020, 0xE0080))})
DASH = "–"


def render(template: str, **values: Any) -> str:
    """Fill in a file of `templates/`; every value is escaped and made legible on its way."""
    return _environment().get_template(template).render(values)


@cache
def _environment() -> Environment:
    """Kept, because compiling the templates takes longer than filling them in."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        finalize=_finalize,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "figure": figure,
        "excerpt": excerpt,
        "signed": signed,
        "percentage": percentage,
    }
    return environment


def legible(text: str) -> str:
    """One line without characters that steer the layout, such as controls of the direction.

    >>> legible("two\\nlines,\\x07 \\u202eturned")
    'two lines,� �turned'
    """
    return "".join(
        "\ufffd"
        if unicodedata.category(character) in ("Cc", "Cf", "Cs") and character not in JOINERS
        else character
        for character in " ".join(text.split())
    )


def excerpt(text: str, longest: int = 280) -> str:
    """One line of at most `longest` characters."""
    line = " ".join(text.split())
    return line if len(line) <= longest else line[: longest - 1] + "…"


def figure(value: float | None, sign: str = "") -> str:
    """Four decimals, fewer above ten; a dash if there is no number.

    >>> figure(0.91973), figure(12345.6), figure(0.5, "+"), figure(2e-9), figure(math.nan)
    ('0.9197', '12,346', '+0.5000', '< 0.0001', '–')
    >>> figure(-2e-9), figure(-2e-9, "+")
    ('0.0000', '0.0000')
    """
    if value is None or math.isnan(value):
        return DASH
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    if 0 < value < 0.0001 and not sign:
        return "< 0.0001"
    decimals = 4 if abs(value) < 10 else 1 if abs(value) < 1000 else 0
    rounded = round(value, decimals)
    return f"{rounded:{sign},.{decimals}f}" if rounded else f"{0:.{decimals}f}"


def percentage(share: float | None) -> str:
    """A share in per cent, with a decimal only if it has one; a dash if there is none.

    >>> percentage(0.8), percentage(0.8233), percentage(None)
    ('80 %', '82.3 %', '–')
    """
    if share is None or math.isnan(share):
        return DASH
    return f"{100 * share:.1f}".removesuffix(".0") + " %"


def _finalize(value: Any) -> Any:
    """Called with each value that a template shows; markup is the output of its own macros."""
    return legible(value) if isinstance(value, str) and not isinstance(value, Markup) else value
