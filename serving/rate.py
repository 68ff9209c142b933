"""How often one client may ask."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from http import HTTPStatus

from serving.problems import Problem

# So many seconds' worth may come at once.
BURST_SECONDS = 2.0
MOST_CLIENTS = 10_000


class RateLimit:
    """Requests a second of each client, by the generic cell rate algorithm.

    Source: ITU-T I.371 (virtual scheduling). Used in one thread.

    Args:
        rate: requests a second; None: any number.
    """

    def __init__(self, rate: float | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate, self._clock = rate, clock
        # When each client's next request is due, if they came evenly.
        self._due: dict[str, float] = {}

    def take(self, client: str) -> None:
        """Count a request.

        Raises:
            Problem: 429, the client asks too often.
        """
        if self._rate is None:
            return
        now = self._clock()
        due = max(self._due.get(client, now), now)
        wait = due - now - max(BURST_SECONDS - 1 / self._rate, 0)
        if wait > 1e-9:
            raise Problem(
                HTTPStatus.TOO_MANY_REQUESTS,
                "Too many requests of this client: try again later.",
                {"Retry-After": str(math.ceil(wait))},
            )
        if len(self._due) >= MOST_CLIENTS:
            self._due = {name: at for name, at in self._due.items() if at > now}
        self._due[client] = due + 1 / self._rate
