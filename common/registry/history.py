"""Who was champion from when to when, by which decision; entries are only ever added.

An entry is a tag of the registered model, `history.000001` and so on. A change of champion is a
transaction: its entry is noted as pending, the alias is moved (this is when it happens), versions
are tagged, the entry is added, the note is removed. `tidied` finishes or drops what a killed
process left, and adds an entry where somebody has moved the alias by hand.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

import mlflow
from mlflow.exceptions import MlflowException

from common.errors import ModelUnavailable
from common.registry import store
from common.registry.versions import CHAMPION, Version

PREFIX, PENDING = "history.", "pending"
CONTEST, MANUAL, ROLLBACK, OUTSIDE = "contest", "manual", "rollback", "outside"


@dataclass(frozen=True)
class Entry:
    """A change of champion.

    Attributes:
        version: the new champion's number; None where there was none any more.
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


def read(name: str) -> Register:
    """The registered model `name` as it stands.

    Raises:
        ModelUnavailable: there is none.
    """
    with store.answering():
        try:
            found = mlflow.MlflowClient().get_registered_model(name)
        except MlflowException as error:
            if store.is_missing(error):
                raise ModelUnavailable(f"there is no model {name!r} yet: run train.py.") from error
            raise
    tags = found.tags
    entries = (_entry(text) for key, text in sorted(tags.items()) if key.startswith(PREFIX))
    champion = found.aliases.get(CHAMPION)
    pending = _entry(tags[PENDING]) if tags.get(PENDING) else None
    return Register(None if champion is None else int(champion), tuple(entries), pending)


def move(version: Version, kind: str, by: str, reason: str, confirm: Callable[[], None]) -> Entry:
    """Make `version` the champion. To be called under the model's lock.

    Args:
        confirm: raises if the lock was lost.
    """
    register = read(version.name)
    entry = Entry(
        number=len(register.entries) + 1,
        version=version.number,
        replaced=register.champion,
        kind=kind,
        at=_now(),
        by=by,
        reason=reason,
        run_id=version.run_id,
    )
    client = mlflow.MlflowClient()
    with store.answering():
        client.set_registered_model_tag(version.name, PENDING, json.dumps(asdict(entry)))
        confirm()
        client.set_registered_model_alias(version.name, CHAMPION, str(version.number))
    _conclude(version.name, entry)
    return entry


def tidied(name: str) -> list[str]:
    """Bring alias and history together; say what was done. To be called under the model's lock."""
    register = read(name)
    done = []
    pending = register.pending
    if pending and pending.number <= len(register.entries):
        _forget_pending(name)
    elif pending and pending.version == register.champion:
        _conclude(name, pending)
        done.append(f"version {pending.version} became champion, but its process ended before it")
        done[-1] += " was written down: it is now."
    elif pending:
        _forget_pending(name)
        done.append(
            f"the promotion of version {pending.version} was interrupted before it happened: "
            "it is dropped."
        )
    register = read(name)
    known = register.entries[-1].version if register.entries else None
    if known != register.champion:
        _append(
            name,
            Entry(
                number=len(register.entries) + 1,
                version=register.champion,
                replaced=known,
                kind=OUTSIDE,
                at=_now(),
                by="unknown",
                reason="the alias champion was moved by another program; found at this time",
            ),
        )
        done.append(
            f"the alias champion was moved outside of this program (version {known or 'none'} -> "
            f"{register.champion or 'none'}): the history says so now."
        )
    return done


def _conclude(name: str, entry: Entry) -> None:
    """What follows from a moved alias; may be done twice."""
    client = mlflow.MlflowClient()
    with store.answering():
        tags = {"promoted_at": entry.at, "promoted_by": entry.by}
        _tag(client, name, entry.version, tags)
        if entry.replaced != entry.version:
            replaced = {"replaced_at": entry.at, "replaced_by": f"version {entry.version}"}
            _tag(client, name, entry.replaced, replaced)
    _append(name, entry)
    _forget_pending(name)


def _append(name: str, entry: Entry) -> None:
    with store.answering():
        mlflow.MlflowClient().set_registered_model_tag(
            name, f"{PREFIX}{entry.number:06d}", json.dumps(asdict(entry))
        )


def _forget_pending(name: str) -> None:
    with store.answering():
        mlflow.MlflowClient().delete_registered_model_tag(name, PENDING)


def _tag(client: mlflow.MlflowClient, name: str, number: int | None, tags: dict[str, str]) -> None:
    if number is None:
        return
    try:
        for key, value in tags.items():
            client.set_model_version_tag(name, str(number), key, value)
    except MlflowException as error:
        if not store.is_missing(error):  # a replaced version may be deleted
            raise


def _entry(text: str) -> Entry:
    return Entry(**json.loads(text))


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
