"""Right, or wrong and what it is: labels that people give to answers, and take back."""

from __future__ import annotations

import asyncio
from typing import Annotated, Literal

from fastapi import APIRouter, Body, Request
from pydantic import BaseModel, Field

from serving.labelled_file import GivenLabel
from serving.problems import refused
from serving.service import Service


class Label(BaseModel):
    """What somebody says of a message."""

    text: str = Field(min_length=1, description="the message")
    label: str = Field(description="its class; one that the champion knows")
    id: str | None = Field(
        None, min_length=1, max_length=200, description="names the message; made up if left out"
    )
    written_at: str | None = Field(None, max_length=40, description="when it was written")
    request_id: str | None = Field(None, max_length=64, description="of the answer it is about")
    index: int = Field(0, ge=0, description="place of the message in that request, from 0")
    predicted: str | None = Field(None, description="the class that was answered")
    model_version: int | None = Field(None, description="that answered")
    source: Literal["page", "labelling", "api"] = "api"


class Taken(BaseModel):
    """A label that is on disk."""

    id: str = Field(description="names the message, as to take the label back")
    labelled: int = Field(description="messages that have a label now")


EXAMPLE = {
    "text": "where is my order?",
    "label": "delivery",
    "predicted": "praise",
    "request_id": "4f0c2f6e",
    "model_version": 3,
}


def router(service: Service) -> APIRouter:
    """/api/feedback."""
    routes = APIRouter(prefix="/api/feedback", tags=["Labels"])

    @routes.post("", status_code=201)
    async def give(request: Request, asked: Annotated[Label, Body(examples=[EXAMPLE])]) -> Taken:
        """Keep a label; it is on disk when the answer comes."""
        (text,) = service.checked([asked.text])
        if not text.strip():
            raise refused("text: must not be blank.")
        if asked.label not in service.find("champion").classes:
            raise refused("The label is no class of the champion; /api/info lists them.")
        about = asked.request_id or request.state.request_id
        given = GivenLabel(
            id=asked.id or f"{about}-{asked.index}",
            text=text,
            label=asked.label,
            written_at=asked.written_at or "",
            predicted=asked.predicted or "",
            version=asked.model_version,
            by=request.state.caller,
            source=asked.source,
            request_id=asked.request_id or "",
        )
        await asyncio.to_thread(service.labelled.add, given)
        if given.predicted:
            service.metrics.feedback(given.is_right)
        return Taken(id=given.id, labelled=len(service.labelled))

    @routes.delete("/{id:path}")
    async def take_back(id: str) -> Taken:
        """Remove a label."""
        await asyncio.to_thread(service.labelled.remove, id)
        return Taken(id=id, labelled=len(service.labelled))

    return routes
