"""What the registry and the monitor know, to be looked at."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from http import HTTPStatus
from typing import Any

from fastapi import APIRouter

from common.errors import TriageError
from common.pipelines import history
from serving.problems import Problem
from serving.service import Service


def router(service: Service) -> APIRouter:
    """/api/history."""
    routes = APIRouter(prefix="/api", tags=["History"])

    @routes.get("/history")
    async def read() -> dict[str, Any]:
        """Versions with their verdicts, champions, judged windows, and open incidents."""
        try:
            found = await asyncio.to_thread(
                history.read, service.follower.registry, service.settings.monitor_state
            )
        except TriageError as error:
            raise Problem(
                HTTPStatus.SERVICE_UNAVAILABLE, "The registry or the monitor's file can't be read."
            ) from error
        return asdict(found)

    return routes
