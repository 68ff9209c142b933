"""One process at a time decides who is champion, even if only a server connects them."""

from __future__ import annotations

import logging
import os
import socket
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from mlflow.exceptions import MlflowException

from common.errors import StoreError
from common.registry.store import MISSING, Registry, is_missing

WAIT_SECONDS = 600.0
# A holder needs a dozen calls of a few milliseconds.
STALE_SECONDS = 60.0
POLL_SECONDS = 0.5
OWNER, HOLDER = "owner", "holder"

logger = logging.getLogger(__name__)


@contextmanager
def hold(registry: Registry) -> Iterator[Callable[[], None]]:
    """Hold the lock of the registered model; yield a function that raises if it was lost meanwhile.

    The embedded store has a file lock. A server has none, and MLflow can't compare and swap; but a
    registered model's name can be taken only once, so the lock is a registered model `<model>.lock`
    while somebody holds it. A lock that one owner is seen to hold for STALE_SECONDS is taken over
    by renaming it to a name that is unique to that owner, which too can be done only once.

    Raises:
        StoreError: not got within WAIT_SECONDS, or lost.
    """
    if registry.is_embedded:
        with registry.lock():
            yield lambda: None
        return
    name, owner = f"{registry.model_name}.lock", uuid.uuid4().hex
    _acquire(registry, name, owner)

    def confirm() -> None:
        if _owner(registry, name)[0] != owner:
            raise StoreError(
                f"the lock {name} was lost: this process stood still for too long, and another "
                "took over. Nothing was promoted; try again."
            )

    try:
        yield confirm
    except BaseException:
        with registry.tidying():
            _leave(registry, name, owner)
        raise
    _leave(registry, name, owner)


def _leave(registry: Registry, name: str, owner: str) -> None:
    if _owner(registry, name)[0] == owner:
        _delete(registry, name)


def _acquire(registry: Registry, name: str, owner: str) -> None:
    started = time.monotonic()
    seen, since = "", started
    holder = f"{socket.gethostname()}, process {os.getpid()}"
    while not _create(registry, name, {OWNER: owner, HOLDER: holder}):
        other, who = _owner(registry, name)
        now = time.monotonic()
        if other != seen:
            seen, since = other, now
        elif other and now - since > STALE_SECONDS:
            _take_over(registry, name, other, who)
            continue
        if now - started > WAIT_SECONDS:
            raise StoreError(f"{who} holds the lock {name} for more than {WAIT_SECONDS:.0f} s.")
        time.sleep(POLL_SECONDS)


def _create(registry: Registry, name: str, tags: dict[str, str]) -> bool:
    """Create the lock; False if somebody holds it."""
    with registry.store_errors():
        try:
            registry.client.create_registered_model(
                name, tags, "Held while a champion is chosen; removed right after."
            )
            return True
        except MlflowException as error:
            # A server that finds the name taken looks it up, and it may be gone by then.
            if error.error_code == "RESOURCE_ALREADY_EXISTS" or is_missing(error):
                return False
            raise


def _take_over(registry: Registry, name: str, stale: str, who: str) -> None:
    """Put the stale lock aside; of two that try, the second finds the name taken or gone."""
    aside = f"{name}.{stale}"
    with registry.store_errors():
        try:
            registry.client.rename_registered_model(name, aside)
        except MlflowException as error:
            if error.error_code in ("RESOURCE_ALREADY_EXISTS", *MISSING):
                return
            raise
    logger.warning("The lock %s was left behind by %s: taken over.", name, who)
    _delete(registry, aside)


def _owner(registry: Registry, name: str) -> tuple[str, str]:
    """The owner of a lock and who that is; empty if nobody holds it."""
    with registry.store_errors():
        try:
            tags = registry.client.get_registered_model(name).tags
        except MlflowException as error:
            if is_missing(error):
                return "", ""
            raise
    return tags.get(OWNER, ""), tags.get(HOLDER, "somebody")


def _delete(registry: Registry, name: str) -> None:
    with registry.store_errors():
        try:
            registry.client.delete_registered_model(name)
        except MlflowException as error:
            if not is_missing(error):
                raise
