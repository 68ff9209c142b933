"""Whether the server lives and wants requests, and its figures for Prometheus."""

from __future__ import annotations

from http import HTTPStatus

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from serving.metrics import CONTENT_TYPE
from serving.service import Service


class Readiness(BaseModel):
    """Whether the server wants requests; if something is amiss that it can work with, what."""

    ready: bool
    version: int = Field(description="that answers as champion")
    registry_reachable: bool
    refused: list[int] = Field(description="versions that can't be served")


def router(service: Service) -> APIRouter:
    """/health and /metrics."""
    routes = APIRouter(tags=["Health"])

    @routes.api_route("/health", methods=["GET", "HEAD"], include_in_schema=False)
    @routes.api_route("/health/live", methods=["HEAD"], include_in_schema=False)
    @routes.get("/health/live")
    async def live() -> dict[str, str]:
        """The process answers."""
        return {"status": "alive"}

    @routes.api_route("/health/ready", methods=["HEAD"], include_in_schema=False)
    @routes.get("/health/ready", responses={503: {"model": Readiness}})
    async def ready(response: Response) -> Readiness:
        """503 while the server drains.

        A registry that is out of reach is no reason, nor is a version that can't be served: what is
        loaded answers, and the body says what is amiss.
        """
        follower = service.follower
        found = Readiness(
            ready=not service.draining,
            version=service.find("champion").number,
            registry_reachable=service.reaches_registry,
            refused=sorted(follower.refused),
        )
        if not found.ready:
            response.status_code = HTTPStatus.SERVICE_UNAVAILABLE
        return found

    @routes.get("/metrics", response_class=Response)
    async def metrics() -> Response:
        """Figures for Prometheus."""
        text = service.metrics.text(
            len(service.follower.refused), service.reaches_registry, service.scorer.waiting
        )
        return Response(text, media_type=CONTENT_TYPE)

    return routes
