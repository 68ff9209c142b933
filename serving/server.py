"""Listening: uvicorn with a deadline for heads, and an end that is announced before it comes."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from common.errors import SettingsError
from serving.service import Service

# uvicorn's 5 s closed connections that pooled clients were about to use: 1 to 3 of 1,013 requests.
KEEP_ALIVE_SECONDS = 75
# After it has stopped listening, requests have so long to end.
GRACE_SECONDS = 30
HEAD_SECONDS = "head_seconds"

logger = logging.getLogger(__name__)


class Protocol(HttpToolsProtocol):
    """HTTP whose heads must come in time, so that nobody holds connections by sending drips.

    Attributes:
        head_seconds: from the first byte, or from the connection, to the end of the head.
    """

    head_seconds = 30.0
    _late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._expect_head()

    def on_message_begin(self) -> None:
        self._expect_head()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._forget_head()
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget_head()
        super().connection_lost(exc)

    def _expect_head(self) -> None:
        if self._late is None:
            self._late = self.loop.call_later(self.head_seconds, self.transport.close)

    def _forget_head(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None


class Server(uvicorn.Server):
    """On SIGTERM readiness fails first; after some seconds, when nobody sends any more, it ends.

    Args:
        announce: called when it answers.
    """

    def __init__(
        self, config: uvicorn.Config, service: Service, announce: Callable[[], None]
    ) -> None:
        super().__init__(config)
        self._service, self._announce = service, announce

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._announce()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Ctrl-C ends it at once, and a second signal of any kind without waiting for anybody."""
        if sig == signal.SIGINT or self._service.draining:
            self.force_exit = self.should_exit
            self.should_exit = True
            return
        self._service.draining = True
        seconds = self._service.settings.serve_drain
        logger.info("SIGTERM: no longer ready; the server ends in %g s.", seconds)
        threading.Timer(seconds, self._end).start()

    def _end(self) -> None:
        self.should_exit = True


def listening(host: str, port: int) -> socket.socket:
    """A socket that listens.

    Raises:
        SettingsError: the address can't be had.
    """
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        raise SettingsError(
            f"cannot listen at {host}, port {port}: {error.strerror or error}. Is another server "
            "running? SERVE_HOST and SERVE_PORT name another address."
        ) from error


def run(
    app: FastAPI, service: Service, listener: socket.socket, announce: Callable[[], None]
) -> None:
    """Answer until a signal ends it; `announce` is called when it answers."""
    head_seconds = service.settings.serve_seconds
    protocol = type("TimedProtocol", (Protocol,), {HEAD_SECONDS: head_seconds})
    config = uvicorn.Config(
        app,
        loop="uvloop",
        http=protocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    Server(config, service, announce).run(sockets=[listener])
