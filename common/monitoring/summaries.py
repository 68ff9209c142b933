"""What files of a folder added to windows, kept so that unchanged days are not read again.

No text is kept. So files of recent windows are read all the same: what is judged now, and shown,
needs their messages.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from common import __version__
from common.data import files
from common.evaluation.profile import Profile
from common.monitoring.incidents.lifecycle import place
from common.monitoring.observe import Windows
from common.monitoring.windows import UNDATED, Length
from common.types import Json

# The course of accuracy and the wrong answers of a trouble are shown of so many windows; checks
# look back at 20.
RECENT_WINDOWS = 30


@dataclass(frozen=True)
class Summary:
    """What is kept of a file.

    Attributes:
        windows: what it adds to windows, without any text.
        fitted: names of those whose messages the model was fitted on.
    """

    windows: Windows
    fitted: frozenset[str] = frozenset()

    def to_json(self) -> dict[str, Json]:
        return {
            "windows": {
                name: {
                    **window.counts_json(),
                    "versus": list(window.versus),
                    "newest_label": str(window.newest_label),
                }
                for name, window in self.windows.items()
            },
            "fitted": sorted(self.fitted),
        }

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> Summary:
        """What `to_json` gave.

        Raises:
            KeyError, TypeError, ValueError: it is something else.
        """
        return cls(
            {name: _window(counts) for name, counts in kept["windows"].items()},
            frozenset(kept["fitted"]),
        )


def can_be_kept(path: Path, length: Length) -> bool:
    """Whether each file of a source is summed up alone: a folder's, by days."""
    return length.days is not None and path.is_dir()


def keys(path: Path, circumstances: Sequence[object]) -> dict[Path, str]:
    """By file of a folder, what its summary is found by: it changes with its content.

    Args:
        circumstances: all else that its summary depends on, such as the model.
    """
    asked = "\n".join(map(repr, [__version__, *circumstances]))
    return {
        part: hashlib.sha256(
            f"{files.sha256(part)}\n{asked}".encode("utf-8", "surrogateescape")
        ).hexdigest()
        for part in files.parts(path)
    }


def to_read(
    paths: Sequence[Path], known: Mapping[Path, Windows], read: Mapping[Path, Windows]
) -> list[Path]:
    """The files that must be read next; none when all is known that must be.

    Args:
        known: what files that did not change add to windows.
        read: what files that were read now add.
    """
    new = [path for path in paths if path not in known and path not in read]
    if new or not known:
        return new
    changed = {name for found in read.values() for name in found}
    every = changed.union(*known.values()) - {UNDATED}
    wanted = changed.union(sorted(every, key=place)[-RECENT_WINDOWS:], {UNDATED})
    return [path for path in paths if path not in read and wanted & known[path].keys()]


def _window(counts: Mapping[str, Any]) -> Profile:
    only_own, only_other = counts["versus"]
    return replace(
        Profile.from_counts_json(counts),
        versus=(only_own, only_other),
        newest_label=np.datetime64(counts["newest_label"], "s"),
        summed_up=True,
    )
