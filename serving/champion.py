"""Which versions answer: those that aliases name, loaded, checked, and swapped while others ask."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from http import HTTPStatus

from common.errors import ModelUnavailable, TriageError
from common.pipelines.classify import load_model, routed
from common.registry import known_answers, versions
from common.registry.store import Registry
from common.registry.versions import CHALLENGER, CHAMPION, Version
from common.scoring.model import LoadedModel
from common.text import first_line
from serving.problems import Problem

# Versions that are loaded at most: what was champion before answers at once after a rollback.
MOST_LOADED = 4
# A version that was refused may have been mended.
SECONDS_UNTIL_RETRY = 60.0
# Looks, and seconds besides, after which one that does not end is late.
LATE = 3

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Served:
    """A version that is ready to answer."""

    version: Version
    model: LoadedModel

    @property
    def number(self) -> int:
        return self.version.number

    @cached_property
    def classes(self) -> list[str]:
        """Names of the classes, in the order of the probabilities; asked for each message."""
        return [str(name) for name in self.model.classifier.classes_]


@dataclass(frozen=True)
class Lineup:
    """What answers at one moment; replaced as a whole.

    Attributes:
        loaded: by number.
        aliases: the version that each alias names, among those that are loaded.
    """

    loaded: Mapping[int, Served] = field(default_factory=dict)
    aliases: Mapping[str, int] = field(default_factory=dict)

    def find(self, which: str) -> Served:
        """The version that an alias or a number names.

        Raises:
            Problem: 404, it is not loaded.
        """
        number = self.aliases.get(which)
        if number is None and which.isascii() and which.isdecimal() and len(which) < 10:
            number = int(which)
        if number is None or number not in self.loaded:
            raise Problem(
                HTTPStatus.NOT_FOUND,
                "No such version is loaded; /api/info lists those that are.",
            )
        return self.loaded[number]

    def aliases_of(self, number: int) -> list[str]:
        """Aliases that lead to a version, the champion's first."""
        found = (alias for alias, of in self.aliases.items() if of == number)
        return sorted(found, key=lambda alias: (alias != CHAMPION, alias))


@dataclass(frozen=True)
class Refusal:
    """Why a version does not answer.

    Attributes:
        reason: for who runs the server; it may name files.
        at: when (monotonic) that was found out.
    """

    reason: str
    at: float


class Follower:
    """Follows the aliases of a registered model; the champion is loaded when it is made.

    One thread looks (`follow`) and tells `swapped` of each new champion; others read `lineup`,
    which is always whole: a version is loaded, checked and warm before an alias leads to it.

    Attributes:
        registry: where the versions are.
        lineup: what answers now.
        problem: why the last look at the registry failed; None if it did not.
        looked_at: when (monotonic) the last look ended.
        refused: versions that an alias names and that do not answer, by number.

    Raises:
        ModelUnavailable: there is no champion, or it can't be loaded.
        StoreError: the registry is out of reach.
    """

    def __init__(
        self, registry: Registry, swapped: Callable[[Served], None] = lambda served: None
    ) -> None:
        self.registry = registry
        self._swapped = swapped
        self.lineup = Lineup()
        self.problem: str | None = None
        self.refused: Mapping[int, Refusal] = {}
        self._look()
        self.looked_at = time.monotonic()
        if CHAMPION not in self.lineup.aliases:
            reasons = [refusal.reason for refusal in self.refused.values()]
            raise ModelUnavailable(
                reasons[0]
                if reasons
                else f"{registry.model_name} has no champion yet: run train.py."
            )

    def follow(self, seconds: float, stop: threading.Event) -> None:
        """Look every so often, until told to stop."""
        while not stop.wait(seconds):
            self.look()

    def reaches_registry(self, seconds: float) -> bool:
        """Whether the last look succeeded, and ended not much longer ago than `seconds`.

        A registry that hangs keeps a look for minutes.
        """
        late = time.monotonic() - self.looked_at > LATE * seconds + LATE
        return self.problem is None and not late

    def look(self) -> None:
        """Bring the lineup up to date; if the registry fails, what is loaded goes on."""
        try:
            self._look()
        except TriageError as error:
            self._note(str(error))
        except Exception as error:  # noqa: BLE001  nobody else would look again
            self._note(f"unforeseen {type(error).__name__}: {first_line(error)}")
        else:
            if self.problem is not None:
                logger.info("The registry can be read again.")
            self.problem = None
        self.looked_at = time.monotonic()

    def _note(self, problem: str) -> None:
        if self.problem is None:
            logger.warning("The registry can't be read, what is loaded goes on: %s", problem)
        self.problem = problem

    def _look(self) -> None:
        named = {
            alias: number
            for number, aliases in versions.aliases(self.registry).items()
            for alias in aliases
            if alias in (CHAMPION, CHALLENGER)
        }
        self.refused = {n: why for n, why in self.refused.items() if n in named.values()}
        # The champion first: nobody waits for a challenger.
        for alias in sorted(named, key=lambda alias: alias != CHAMPION):
            self._serve(alias, named[alias])
        gone = set(self.lineup.aliases) - set(named) - {CHAMPION}
        if gone:
            left = {a: n for a, n in self.lineup.aliases.items() if a not in gone}
            self.lineup = replace(self.lineup, aliases=left)

    def _serve(self, alias: str, number: int) -> None:
        """Let an alias lead to a version, if it can be loaded and answers as it should."""
        if self.lineup.aliases.get(alias) == number:
            self._follow_routes(number)
            return
        if number in self.lineup.loaded:  # it was loaded when other thresholds may have held
            self._follow_routes(number)
        before = self.lineup
        served = before.loaded.get(number) or self._loaded(number)
        if served is None:
            return
        aliases = {**before.aliases, alias: number}
        loaded = {**before.loaded, number: served}
        for old in list(loaded):
            if len(loaded) > MOST_LOADED and old not in aliases.values():
                del loaded[old]
        self.lineup = Lineup(loaded, aliases)
        logger.info("Version %d answers as %s now.", number, alias)
        if alias == CHAMPION:
            self._swapped(served)

    def _follow_routes(self, number: int) -> None:
        """Let answers of a version go the way that was decided meanwhile."""
        before = self.lineup.loaded[number]
        version = versions.find(self.registry, str(number))
        model = routed(before.model.classifier, version)
        if model.identity != before.model.identity:
            loaded = {**self.lineup.loaded, number: Served(version, model)}
            self.lineup = replace(self.lineup, loaded=loaded)
            logger.info("Version %d routes anew: %s.", number, model.identity.routing)

    def _loaded(self, number: int) -> Served | None:
        refusal = self.refused.get(number)
        if refusal and time.monotonic() - refusal.at < SECONDS_UNTIL_RETRY:
            return None
        try:
            version = versions.find(self.registry, str(number))
            model = load_model(self.registry, version)
            known_answers.refuse_others(version, model.classifier)
        except ModelUnavailable as error:
            self._refuse(number, str(error))
            return None
        except TriageError:
            raise
        except Exception as error:  # noqa: BLE001  the version's own code, or its tags
            self._refuse(number, f"unforeseen {type(error).__name__}: {first_line(error)}")
            return None
        self.refused = {n: why for n, why in self.refused.items() if n != number}
        return Served(version, model)

    def _refuse(self, number: int, reason: str) -> None:
        if number not in self.refused:
            logger.error("Version %d is refused: %s", number, reason)
        self.refused = {**self.refused, number: Refusal(reason, time.monotonic())}
