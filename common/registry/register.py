"""Who was champion from when to when, by which decision, and what a rollback goes back to.

Plain values: `history` reads them from the registry and adds to them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import takewhile

CHAMPIONS_KEPT = 5  # at least, by pruning
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
