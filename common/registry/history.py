"""The history of champions in the registry: `register` read, added to and repaired.

An entry is a tag of the registered model, `history.000001` and so on. A change of champion is a
transaction: its entry is noted as pending, the alias is moved (this is when it happens), versions
are tagged, the entry is added, the note is removed. `repair` finishes or drops what a killed
process left, and adds an entry if somebody has moved the alias by hand.
"""

from __future__ import annotations

import getpass
import json
import os
import socket
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial

from mlflow.exceptions import MlflowException

from common.errors import ModelUnavailable
from common.registry import descriptions
from common.registry.register import CONTEST, OUTSIDE, Entry, Register
from common.registry.store import Registry, is_missing
from common.registry.versions import CHAMPION, Version

PREFIX, PENDING = "history.", "pending"


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
        _append(registry, entry)
        sentences.append(
            f"the alias champion was moved outside of this program (version {known or 'none'} -> "
            f"{register.champion or 'none'}): the history says so now."
        )
    return sentences


def _conclude(registry: Registry, entry: Entry) -> None:
    """What follows from a moved alias; may be done twice."""
    with registry.store_errors():
        promoted = {"promoted_at": entry.at, "promoted_by": entry.by}
        _tag(registry, entry.version, promoted | {"promoted_reason": entry.reason})
        if entry.replaced != entry.version:
            replaced = {"replaced_at": entry.at, "replaced_by": f"version {entry.version}"}
            _tag(registry, entry.replaced, replaced)
        if entry.kind != CONTEST:
            reason = f"{descriptions.HOW[entry.kind]}: {entry.reason}"
            _tag(registry, entry.version, {"verdict": "promoted", "reason": reason})
    _append(registry, entry)
    _forget_pending(registry)


def _append(registry: Registry, entry: Entry) -> None:
    with registry.store_errors():
        _write(registry, f"{PREFIX}{entry.number:06d}", entry)
        _describe(registry, entry)


def _describe(registry: Registry, entry: Entry) -> None:
    """Have MLflow's pages say what is true now; the entry is the newest of the history."""
    client, name = registry.client, registry.model_name
    client.update_registered_model(name, descriptions.of_model(read(registry).entries))
    if entry.kind != CONTEST:  # a contest describes its winner itself
        _redescribe(registry, entry.version, partial(descriptions.of_champion, entry))
    if entry.replaced != entry.version:
        _redescribe(registry, entry.replaced, partial(descriptions.of_replaced, entry))


def _redescribe(registry: Registry, number: int | None, describe: Callable[[str], str]) -> None:
    if number is None:
        return
    client, name = registry.client, registry.model_name
    try:
        before = client.get_model_version(name, str(number)).description or ""
        client.update_model_version(name, str(number), describe(before))
    except MlflowException as error:
        if not is_missing(error):  # a replaced version may be deleted
            raise


def _write(registry: Registry, key: str, entry: Entry) -> None:
    registry.client.set_registered_model_tag(registry.model_name, key, json.dumps(asdict(entry)))


def _forget_pending(registry: Registry) -> None:
    with registry.store_errors():
        registry.client.delete_registered_model_tag(registry.model_name, PENDING)


def _tag(registry: Registry, number: int | None, tags: dict[str, str]) -> None:
    if number is None:
        return
    try:
        for key, value in tags.items():
            registry.client.set_model_version_tag(registry.model_name, str(number), key, value)
    except MlflowException as error:
        if not is_missing(error):  # a replaced version may be deleted
            raise


def _entry(text: str) -> Entry:
    return Entry(**json.loads(text))


def now() -> str:
    """This moment, UTC in ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def who() -> str:
    """The person at the keyboard, as far as the machine knows."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container without this user's name
        user = f"user {os.getuid()}"
    return f"{user}@{socket.gethostname()}"
