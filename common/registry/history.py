"""Who was champion from when to when, by which decision; entries are only ever added.

An entry is a tag of the registered model, `history.000001` and so on; the model's description
shows them as a table. A change of champion is a transaction: its entry is noted as pending, the
alias is moved (this is when it happens), versions are tagged, the entry is added, the note is
removed. `repair` finishes or drops what a killed process left, and adds an entry if somebody has
moved the alias by hand.
"""

from __future__ import annotations

import getpass
import json
import os
import socket
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

from mlflow.exceptions import MlflowException

from common.errors import ModelUnavailable
from common.registry import descriptions
from common.registry.store import Registry, is_missing
from common.registry.versions import CHAMPION, Version, now

PREFIX, PENDING = "history.", "pending"
REPLACED = ("replaced_at", "replaced_by")
CONTEST, MANUAL, ROLLBACK, OUTSIDE = "contest", "manual", "rollback", "outside"


@dataclass(frozen=True)
class Entry:
    """A change of champion.

    Attributes:
        version: the new champion's number; None if there was none any more.
        replaced: the number of the champion before, None if there was none.
        kind: contest (won by training), manual (a person's decision), rollback, or outside (the
            alias was moved by another program).
        at: when, UTC in ISO 8601.
        by: which program or person.
    """

    number: int
    version: int | None
    replaced: int | None
    kind: str
    at: str
    by: str
    reason: str
    run_id: str = ""


@dataclass(frozen=True)
class Reign:
    """A champion's time, from its entry to the next; `until` is empty for the present one."""

    entry: Entry
    until: str


@dataclass(frozen=True)
class Register:
    """The registered model as it stands: its champion, its history, and what is pending."""

    champion: int | None
    entries: tuple[Entry, ...]
    pending: Entry | None

    def reigns(self) -> list[Reign]:
        """All champions with their times, oldest first."""
        ends = [*(entry.at for entry in self.entries[1:]), ""]
        return [Reign(entry, end) for entry, end in zip(self.entries, ends, strict=False)]

    def previous(self) -> int | None:
        """The champion that the present one replaced when it was last promoted.

        Rolling back twice goes back two champions, not to and fro.
        """
        for entry in reversed(self.entries):
            if entry.version == self.champion and entry.kind != ROLLBACK:
                return entry.replaced
        return None

    def last_champions(self, number: int) -> set[int]:
        """The last `number` different champions."""
        found = [entry.version for entry in reversed(self.entries) if entry.version is not None]
        return set(list(dict.fromkeys(found))[:number])


def read(registry: Registry) -> Register:
    """The registered model as it stands.

    Raises:
        ModelUnavailable: there is none.
    """
    with registry.store_errors():
        try:
            found = registry.client.get_registered_model(registry.model_name)
        except MlflowException as error:
            if is_missing(error):
                raise ModelUnavailable(
                    f"there is no model {registry.model_name!r} yet: run train.py."
                ) from error
            raise
    tags = found.tags
    entries = (_entry(text) for key, text in sorted(tags.items()) if key.startswith(PREFIX))
    champion = found.aliases.get(CHAMPION)
    pending = _entry(tags[PENDING]) if tags.get(PENDING) else None
    return Register(None if champion is None else int(champion), tuple(entries), pending)


def move(
    registry: Registry,
    version: Version,
    kind: str,
    by: str,
    reason: str,
    confirm: Callable[[], None],
) -> Entry:
    """Make `version` the champion. To be called under the model's lock.

    Args:
        kind, by, reason: as in `Entry`.
        confirm: raises if the lock was lost.
    """
    register = read(registry)
    entry = Entry(
        number=len(register.entries) + 1,
        version=version.number,
        replaced=register.champion,
        kind=kind,
        at=now(),
        by=by,
        reason=reason,
        run_id=version.run_id,
    )
    with registry.store_errors():
        _write(registry, PENDING, entry)
        confirm()
        registry.client.set_registered_model_alias(
            registry.model_name, CHAMPION, str(version.number)
        )
    _conclude(registry, entry)
    return entry


def repair(registry: Registry) -> list[str]:
    """Reconcile alias and history; return a sentence for each repair.

    To be called under the model's lock.
    """
    register = read(registry)
    sentences = []
    pending = register.pending
    if pending and pending.number <= len(register.entries):
        _describe_model(registry)
        _forget_pending(registry)
    elif pending and pending.version == register.champion:
        _conclude(registry, pending)
        sentences.append(
            f"version {pending.version} became champion, but its process ended before it was "
            "written down: it is now."
        )
    elif pending:
        _forget_pending(registry)
        sentences.append(
            f"the promotion of version {pending.version} was interrupted before it happened: "
            "it is dropped."
        )
    register = read(registry)
    known = register.entries[-1].version if register.entries else None
    if known != register.champion:
        entry = Entry(
            number=len(register.entries) + 1,
            version=register.champion,
            replaced=known,
            kind=OUTSIDE,
            at=now(),
            by="unknown",
            reason="the alias champion was moved by another program; found at this time",
        )
        _describe_versions(registry, entry)
        _append(registry, entry)
        _describe_model(registry)
        sentences.append(
            f"the alias champion was moved outside of this program (version {known or 'none'} -> "
            f"{register.champion or 'none'}): the history says so now."
        )
    return sentences


def who() -> str:
    """The person at the keyboard, as far as the machine knows."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container without this user's name
        user = f"user {os.getuid()}"
    return f"{user}@{socket.gethostname()}"


def _conclude(registry: Registry, entry: Entry) -> None:
    """What follows from a moved alias; may be done twice."""
    _describe_versions(registry, entry)
    _append(registry, entry)
    _describe_model(registry)
    _forget_pending(registry)


def _describe_versions(registry: Registry, entry: Entry) -> None:
    """Tags and descriptions of the new champion and of the one before tell what they are now."""
    promoted = {"promoted_at": entry.at, "promoted_by": entry.by}
    if entry.kind != CONTEST:  # whose verdict is recorded with its figures
        how = descriptions.KINDS[entry.kind]
        promoted |= {"verdict": "promoted", "reason": f"{how} ({entry.by}): {entry.reason}"}
    # A champion that came back is no longer replaced.
    _tell(registry, entry.version, descriptions.of_champion(entry), promoted, REPLACED)
    if entry.replaced != entry.version:
        replaced = {"replaced_at": entry.at, "replaced_by": f"version {entry.version or 'none'}"}
        if entry.kind == ROLLBACK:
            replaced |= {"verdict": "rolled back", "reason": f"by {entry.by}: {entry.reason}"}
        _tell(registry, entry.replaced, descriptions.of_replaced(entry), replaced)


def _describe_model(registry: Registry) -> None:
    client, name = registry.client, registry.model_name
    with registry.store_errors():
        text = client.get_registered_model(name).description
        client.update_registered_model(name, descriptions.of_model(text, read(registry).reigns()))


def _append(registry: Registry, entry: Entry) -> None:
    with registry.store_errors():
        _write(registry, f"{PREFIX}{entry.number:06d}", entry)


def _write(registry: Registry, key: str, entry: Entry) -> None:
    registry.client.set_registered_model_tag(registry.model_name, key, json.dumps(asdict(entry)))


def _forget_pending(registry: Registry) -> None:
    with registry.store_errors():
        registry.client.delete_registered_model_tag(registry.model_name, PENDING)


def _tell(
    registry: Registry,
    number: int | None,
    status: str,
    tags: dict[str, str],
    outdated: Sequence[str] = (),
) -> None:
    """Bring what a version says of itself up to date.

    What its contest came to stays in `contest_verdict` and `contest_reason`.
    """
    if number is None:
        return
    client, name, version = registry.client, registry.model_name, str(number)
    with registry.store_errors():
        try:
            found = client.get_model_version(name, version)
        except MlflowException as error:
            if is_missing(error):  # a replaced version may be deleted
                return
            raise
        for key in ("verdict", "reason"):
            if key in tags and key in found.tags and f"contest_{key}" not in found.tags:
                tags = {f"contest_{key}": found.tags[key], **tags}
        for key, value in tags.items():
            client.set_model_version_tag(name, version, key, value)
        for key in set(outdated) & set(found.tags):
            client.delete_model_version_tag(name, version, key)
        text = descriptions.with_status(found.description, status)
        client.update_model_version(name, version, text)


def _entry(text: str) -> Entry:
    return Entry(**json.loads(text))
