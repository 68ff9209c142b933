"""All connectors, by the kind of file that is a source or describes one."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from common.data.connectors import api, archive, description, query, website
from common.data.connectors.base import Asked, Connector
from common.errors import SettingsError


@dataclass(frozen=True)
class Kind:
    """A kind of source.

    Attributes:
        patterns: of the names of its files, in small letters.
        summary: what such a file is.
        opened: opens the connector.
        holds: of kinds with the same pattern, a name that a TOML file of this one holds.
    """

    patterns: tuple[str, ...]
    summary: str
    opened: Callable[[Asked], AbstractContextManager[Connector]]
    holds: str = ""


KINDS = (
    Kind(
        ("*.zip", "*.z[0-9][0-9]", "*.z[0-9][0-9][0-9]"), "an archive of messages", archive.opened
    ),
    Kind(("*.sql",), "a database query", query.opened),
    Kind(("*.toml",), "the description of an HTTP API", api.opened, "url"),
    Kind(("*.toml",), "the description of a website", website.opened, "start"),
)


def kind_of(source: Path) -> Kind:
    """The kind of a source, by its name, and if need be by its content.

    Raises:
        SettingsError: none has such a name.
        InputError: the file can't be read.
    """
    name = Path(source.name.lower())
    found = [kind for kind in KINDS if any(map(name.match, kind.patterns))]
    if not found:
        known = "; ".join(f"{kind.patterns[0]}: {kind.summary}" for kind in KINDS)
        raise SettingsError(f"{source} is not a source that is known ({known}).")
    if len(found) > 1:
        content = description.parsed(source)
        found = [kind for kind in found if kind.holds in content] or found
    return found[0]
