"""Who was champion from when to when, by which decision; entries are only ever added.

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
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from functools import partial
from itertools import takewhile

from mlflow.exceptions import MlflowException

from common.errors import ModelUnavailable
from common.registry import descriptions
from common.registry.store import Registry, is_missing
from common.registry.versions import CHAMPION, Version

CHAMPIONS_KEPT = 5  # at least, by pruning
PREFIX, PENDING = "history.", "pending"
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
class Withdrawal:
    """A champion that was rolled back from.

    Attributes:
        run_id: of its training.
        at, reason: of the rollback.
        latest: nobody was promoted since.
    """

    version: int
    run_id: str
    at: str
    reason: str
    latest: bool = True


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
        """The champion that a rollback goes to, None if there is none."""
        stack = self._stack()
        return stack[-2] if len(stack) > 1 else None

    def rollbacks(self) -> list[int]:
        """The champions that one rollback after another goes to, nearest first."""
        before = takewhile(lambda version: version is not None, reversed(self._stack()[:-1]))
        return list(dict.fromkeys(version for version in before if version is not None))

    def withdrawals(self) -> list[Withdrawal]:
        """The versions that were rolled back from and not promoted again since, oldest first."""
        found: dict[int, Withdrawal] = {}
        runs: dict[int, str] = {}
        for entry in self.entries:
            if entry.version is not None and entry.run_id:
                runs[entry.version] = entry.run_id
            if entry.kind != ROLLBACK:
                found = {
                    number: replace(withdrawal, latest=False)
                    for number, withdrawal in found.items()
                    if number != entry.version
                }
            elif entry.replaced is not None:
                run_id = runs.get(entry.replaced, "")
                found[entry.replaced] = Withdrawal(entry.replaced, run_id, entry.at, entry.reason)
        return list(found.values())

    def kept(self, champions: int | None) -> set[int]:
        """The versions that pruning must keep.

        Args:
            champions: how many, the present one among them; None: all that rollback may go to, and
                the last few.
        """
        number = CHAMPIONS_KEPT if champions is None else champions
        rollbacks = self.rollbacks()
        kept = {self.champion, *rollbacks[: None if champions is None else champions - 1]}
        return self.last_champions(number) | {version for version in kept if version is not None}

    def _stack(self) -> list[int | None]:
        """Champions, each on the one it replaced, with the present one on top.

        A rollback takes the top away, so rolling back twice goes back two champions, not to and
        fro.
        """
        stack: list[int | None] = []
        for entry in self.entries:
            if entry.kind == ROLLBACK:
                while stack and stack[-1] != entry.version:
                    stack.pop()
            if not stack or stack[-1] != entry.version:
                stack.append(entry.version)
        if self.champion is not None and stack[-1:] != [self.champion]:
            stack.append(self.champion)  # moved by another program, and not yet written down
        return stack

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
