"""Classes of messages with what a person wants to see of them: scores, words, a second version."""

from __future__ import annotations

import json
from typing import Annotated, Any

from fastapi import APIRouter, Body, Request, Response
from pydantic import BaseModel, Field

from common.models.base import Explains
from common.types import Json
from serving.champion import Served
from serving.contracts.huggingface import ranked
from serving.scorer import Answer
from serving.service import Service


class Messages(BaseModel):
    """The messages, and who is to classify them."""

    messages: list[str] = Field(min_length=1)
    model: str = Field("champion", description="champion, challenger or a version that is loaded")
    compare_with: str | None = Field(None, description="another one, which answers as well")
    explain: bool = Field(False, description="say which words speak for each answer")


EXAMPLE = {"messages": ["where is my order?"], "explain": True}


def router(service: Service) -> APIRouter:
    """/api/info and /api/classify."""
    routes = APIRouter(prefix="/api", tags=["Classify"])

    @routes.get("/info")
    async def info() -> dict[str, Any]:
        """Which versions are loaded, their classes, and the limits of a request."""
        settings, lineup = service.settings, service.follower.lineup
        return {
            "name": service.name,
            "classes": service.find("champion").classes,
            "versions": [_version(service, lineup.loaded[n]) for n in sorted(lineup.loaded)],
            # Why is in the log of the server: reasons name files.
            "refused": sorted(service.follower.refused),
            "registry_reachable": service.reaches_registry,
            "limits": {
                "messages": settings.serve_messages,
                "characters": settings.serve_characters,
                "body_bytes": settings.serve_body_bytes,
                "file_bytes": settings.serve_file_bytes,
            },
            "labelled": len(service.labelled),
        }

    @routes.post("/classify")
    async def classify(
        request: Request, asked: Annotated[Messages, Body(examples=[EXAMPLE])]
    ) -> Response:
        """Class, confidence, all scores and, if asked for, words of each message."""
        answer = await service.ask(request, asked.messages, asked.model, asked.explain)
        said: dict[str, Json] = {
            "request_id": request.state.request_id,
            "model": _model(service, answer.served),
            "answers": _answers(answer),
        }
        if asked.compare_with:
            second = await service.compare(asked.messages, asked.compare_with, asked.explain)
            said["compared_with"] = {
                "model": _model(service, second.served),
                "answers": _answers(second),
            }
        content = json.dumps(said).encode()
        return Response(content, 200, service.headers(answer.served), "application/json")

    return routes


def _version(service: Service, served: Served) -> dict[str, Json]:
    accuracy = served.version.tags.get("holdout_accuracy")
    return {
        **_model(service, served),
        "classes": served.classes,
        "text_column": served.version.text_column,
        "holdout_accuracy": None if accuracy is None else float(accuracy),
        "synthetic": served.version.synthetic,
        "explains": isinstance(served.model.classifier, Explains),
    }


def _model(service: Service, served: Served) -> dict[str, Json]:
    return {
        "name": service.name,
        "version": served.number,
        "aliases": service.follower.lineup.aliases_of(served.number),
    }


def _answers(answer: Answer) -> list[Json]:
    words = answer.words or [[] for _ in answer.best]
    return [
        {
            "label": answer.label(row),
            "confidence": answer.confidence(row),
            "scores": scores,
            "words": [{"word": word, "weight": round(weight, 4)} for word, weight in words[row]],
            "route": answer.route(row),
        }
        for row, scores in enumerate(ranked(answer))
    ]
