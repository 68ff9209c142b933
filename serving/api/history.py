"""What the registry and the monitor know, to be looked at."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from http import HTTPStatus
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Path, Response
from fastapi.responses import HTMLResponse

from common.errors import ModelUnavailable, TriageError
from common.pipelines import history
from serving.problems import Problem
from serving.service import Service

# Pages of trainings and of the monitor have their style within; they may load and run nothing.
ALONE = {"Content-Security-Policy": "sandbox; default-src 'none'; style-src 'unsafe-inline'"}
Number = Annotated[str, Path(pattern=r"^\d{1,9}$", description="of the version")]

SECONDS = 15
T = TypeVar("T")


def router(service: Service) -> APIRouter:
    """/api/history and the pages that it leads to."""
    routes = APIRouter(prefix="/api", tags=["History"])
    registry = service.follower.registry
    # A thread of its own: a registry that hangs must not hold up labels and files.
    thread = ThreadPoolExecutor(1, "history")

    async def asked(call: Callable[[], T]) -> T:
        """What the registry says.

        Raises:
            Problem: 404, there is no such version; 503, it does not answer in time.
        """
        loop = asyncio.get_running_loop()
        try:
            return await asyncio.wait_for(loop.run_in_executor(thread, call), SECONDS)
        except ModelUnavailable as error:
            raise Problem(HTTPStatus.NOT_FOUND, "There is no such version.") from error
        except (TriageError, TimeoutError) as error:
            raise Problem(
                HTTPStatus.SERVICE_UNAVAILABLE,
                "The registry or the monitor's file can't be read, or does not have this page.",
            ) from error

    @routes.get("/history")
    async def read() -> dict[str, Any]:
        """Versions with their verdicts, champions, judged windows, and open incidents."""
        state = service.settings.monitor_state
        return asdict(await asked(lambda: history.read(registry, state)))

    @routes.get("/versions/{version}/contest", response_class=HTMLResponse)
    async def contest(version: Number) -> Response:
        """The page on the contest of a version."""
        page = await asked(lambda: history.contest_page(registry, version))
        return HTMLResponse(page, headers=ALONE)

    @routes.get("/report", response_class=HTMLResponse)
    async def report() -> Response:
        """The page on the last look of the monitor."""
        experiment = service.settings.mlflow_experiment_name
        page = await asked(lambda: history.monitor_page(registry, experiment))
        if page is None:
            raise Problem(HTTPStatus.NOT_FOUND, "The monitor has not looked at anything yet.")
        return HTMLResponse(page, headers=ALONE)

    return routes
