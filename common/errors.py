"""The few exceptions a user can meet. Each message says what is wrong, where, and what to do.

The library raises; only `common.cli` turns an exception into a line on stderr and an exit code.
"""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path


class TriageError(Exception):
    """An expected failure: its message is the whole story, no traceback is needed."""


class SettingsError(TriageError):
    """A setting, flag or combination of them is not usable."""


class InputError(TriageError):
    """A file or its content is not usable."""


class StoreError(TriageError):
    """The tracking store is out of reach or refuses what was asked."""


class StoreFull(InputError, StoreError):
    """The store has no room left: a failure of the store, with the exit code of a full disk."""


class ModelUnavailable(StoreError):
    """The store answers, but the model that was asked for isn't there or can't be loaded."""


class MissingColumn(InputError):
    """A column that is needed is not in the file.

    >>> str(MissingColumn(Path("a.csv"), "text", ["id", "txt"], setting="TEXT_COLUMN"))
    "a.csv has no column 'text' (did you mean 'txt'?); its columns are: id, txt. Set TEXT_COLUMN."
    """

    def __init__(self, path: Path, column: str, columns: Sequence[str], setting: str) -> None:
        spelt = {name.strip().casefold(): name for name in columns}
        close = get_close_matches(column.casefold(), spelt, n=1)
        hint = f" (did you mean {spelt[close[0]]!r}?)" if close else ""
        super().__init__(
            f"{path} has no column {column!r}{hint}; its columns are: "
            f"{_shortened(columns)}. Set {setting}."
        )


def _shortened(names: Sequence[str], limit: int = 30) -> str:
    shown = ", ".join(" ".join(name.split()) for name in names[:limit])
    return shown if len(names) <= limit else f"{shown} and {len(names) - limit} more"
