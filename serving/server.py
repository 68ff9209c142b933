"""Listening: uvicorn with a deadline for heads, and an end that is announced before it comes."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import socket
import threading
from collections.abc import Callable
from http import HTTPStatus
from types import FrameType
from typing import Any

import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from common.errors import SettingsError
from serving import problems
from serving.service import Service

# uvicorn's 5 s closed connections that pooled clients were about to use: 1 to 3 of 1,013 requests.
KEEP_ALIVE_SECONDS = 75
# After it has stopped listening, requests have so long to end.
GRACE_SECONDS = 20
LAST_SECONDS = 10
# Browsers and proxies send a few thousand.
MOST_HEAD_BYTES = 65_536
HEAD_SECONDS = "head_seconds"

logger = logging.getLogger(__name__)


class Protocol(HttpToolsProtocol):
    """HTTP whose heads must be short and come in time, so that nobody holds connections or memory.

    Attributes:
        head_seconds: from the first byte, or from the connection, to the end of the head.
    """

    head_seconds = 30.0
    _late: asyncio.TimerHandle | None = None
    _head_bytes = 0

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._expect_head()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._late is not None:
            self._head_bytes += len(data)
            if self._head_bytes > MOST_HEAD_BYTES:
                self.send_400_response("The head is too large.")
        elif not self._is_answering and self.timeout_keep_alive_task is None:
            # What came belongs to no request: the rest of one that is answered, or blank lines.
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

    def send_400_response(self, msg: str) -> None:
        """Answer what is no request, as a problem like all others, and close."""
        self._forget_head()
        content = problems.body(HTTPStatus.BAD_REQUEST, msg)
        head = (
            f"HTTP/1.1 400 Bad Request\r\nContent-Type: {problems.MEDIA_TYPE}\r\n"
            f"Content-Length: {len(content)}\r\nConnection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + content)
        self.transport.close()

    def _unsupported_upgrade_warning(self) -> None:
        """Answered as if no upgrade had been asked for, which HTTP allows."""

    @property
    def _is_answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _expect_head(self) -> None:
        if self._late is None:
            self._late = self.loop.call_later(self.head_seconds, self.transport.close)

    def _forget_head(self) -> None:
        self._head_bytes = 0
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
        # Looking through all that libraries have made took 180 ms, in which nobody was answered.
        gc.collect()
        gc.freeze()
        self._announce()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Ctrl-C ends it at once, and a second signal of any kind without waiting for anybody."""
        if sig == signal.SIGINT or self._service.draining:
            self.force_exit = self.should_exit
            self._end()
            return
        self._service.draining = True
        seconds = self._service.settings.serve_drain
        logger.info("SIGTERM: no longer ready; the server ends in %g s.", seconds)
        self._later(seconds, self._end)

    def _end(self) -> None:
        self.should_exit = True
        self._later(GRACE_SECONDS, self._abort)
        # A thread that waits for a registry or a disk would keep the process.
        self._later(GRACE_SECONDS + LAST_SECONDS, lambda: os._exit(0))

    def _abort(self) -> None:
        self._service.aborting = True

    @staticmethod
    def _later(seconds: float, call: Callable[[], None]) -> None:
        timer = threading.Timer(seconds, call)
        timer.daemon = True
        timer.start()


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
            f"cannot listen at {host}, port {port}: {error.strerror or error}. SERVE_HOST and "
            "SERVE_PORT name another address."
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
        timeout_graceful_shutdown=GRACE_SECONDS + 2,
    )
    Server(config, service, announce).run(sockets=[listener])
