"""Hugging Face's text-classification task.

Its Python and JavaScript clients read element 0 of a bare list, so nothing may be around it.
"""

from __future__ import annotations

import json
from typing import Annotated, Literal

from fastapi import APIRouter, Body, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from serving.problems import refused
from serving.scorer import Answer
from serving.service import Service


class Parameters(BaseModel):
    """What a client may ask for."""

    model_config = ConfigDict(extra="ignore")

    top_k: int | None = Field(None, ge=1, description="classes to give; all if it is left out")
    function_to_apply: Literal["softmax", "sigmoid", "none"] | None = Field(
        None, description="softmax alone"
    )


class Inputs(BaseModel):
    """The messages."""

    model_config = ConfigDict(extra="ignore")

    inputs: str | list[str]
    parameters: Parameters | None = None


class LabelScore(BaseModel):
    """A class and its probability."""

    label: str
    score: float


EXAMPLE = {"inputs": ["where is my order?"], "parameters": {"top_k": 2}}


def router(service: Service) -> APIRouter:
    """The task at /predict."""
    routes = APIRouter(tags=["Hugging Face text classification"])

    @routes.post("/predict", response_model=list[list[LabelScore]])
    async def predict(
        request: Request, asked: Annotated[Inputs, Body(examples=[EXAMPLE])]
    ) -> Response:
        """Classes of each message, the answer first; none where a message has no text."""
        parameters = asked.parameters or Parameters.model_validate({})
        if parameters.function_to_apply not in (None, "softmax"):
            raise refused("function_to_apply must be softmax: the scores are probabilities.")
        texts = [asked.inputs] if isinstance(asked.inputs, str) else asked.inputs
        answer = await service.ask(request, texts)
        content = json.dumps(ranked(answer, parameters.top_k)).encode()
        return Response(content, 200, service.headers(answer.served), "application/json")

    return routes


def ranked(answer: Answer, top: int | None = None) -> list[list[dict[str, str | float]]]:
    """(n,) the classes of each message with their probabilities: the answer, then the likeliest."""
    classes = answer.served.classes
    rows, best = answer.proba.tolist(), answer.best.tolist()
    # What mistakes cost, or digits that are left out, may have decided for another.
    order = [
        sorted(range(len(row)), key=lambda at: (at != first, -row[at]))[:top]
        for row, first in zip(rows, best, strict=True)
    ]
    return [
        [{"label": classes[at], "score": row[at]} for at in chosen] if first >= 0 else []
        for chosen, row, first in zip(order, rows, best, strict=True)
    ]
