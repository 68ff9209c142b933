"""What an import knows: which ids of the store stand for which of the export.

Stores choose ids themselves. So each object notes what it was before: that is how an import that
was killed finds what it has done already, and how people find a run that a page names.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from common.registry.store import Registry
from common.registry.transfer.records import EXPORT, MOVED_FROM, ExportRecord

_TOKEN = re.compile(r"[\w-]+")


@dataclass(frozen=True)
class Import:
    """An import at work.

    Attributes:
        folder: of the export.
        experiments: their ids in the store, by name.
        ids: of runs and logged models in the store, by those of the export.
    """

    registry: Registry
    folder: Path
    export: ExportRecord
    experiments: Mapping[str, str]
    ids: dict[str, str] = field(default_factory=dict)

    def new_id(self, old: str | None) -> str | None:
        """The id in the store; what was not exported, as it was deleted for good, keeps its own."""
        return self.ids.get(old, old) if old else None

    def renamed(self, text: str) -> str:
        """A text with the ids of the export replaced by those in the store."""
        return _TOKEN.sub(lambda match: self.ids.get(match[0], match[0]), text)

    def tags(self, tags: Mapping[str, str]) -> dict[str, str]:
        """The tags of an object as they are in the store, but those of `origin`."""
        return {key: self.renamed(value) for key, value in tags.items() if key != MOVED_FROM}

    def origin(self, old: str, tags: Mapping[str, str]) -> dict[str, str]:
        """The tags that say where a run or logged model comes from, the last id first."""
        return {EXPORT: self.export.id, MOVED_FROM: f"{old} {tags.get(MOVED_FROM, '')}".strip()}

    def old_id(self, tags: Mapping[str, str]) -> str | None:
        """The id in the export of what this import has made; None for anything else."""
        return tags[MOVED_FROM].split()[0] if tags.get(EXPORT) == self.export.id else None
