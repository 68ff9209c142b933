"""TensorFlow Serving's REST interface, which KServe's first version and Vertex AI share."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Body, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from common.types import Json
from serving.problems import Problem, refused
from serving.scorer import Answer
from serving.service import Service


class Instances(BaseModel):
    """The messages: texts, or objects with one text each, under the name of the text column."""

    model_config = ConfigDict(extra="ignore")

    instances: list[str | dict[str, Any]] | None = None
    inputs: list[str] | dict[str, list[str]] | None = Field(None, description="the columnar form")
    signature_name: str | None = None


COLUMNS = ("prediction", "confidence")
EXAMPLE = {"instances": ["where is my order?", {"text": "thank you"}]}
Asked = Annotated[Instances, Body(examples=[EXAMPLE])]


def router(service: Service) -> APIRouter:
    """The interface at /v1/models."""
    routes = APIRouter(tags=["TensorFlow Serving, KServe v1, Vertex AI"])

    @routes.get("/v1/models")
    async def models() -> dict[str, list[str]]:
        """Names of the models, as KServe asks for them."""
        return {"models": [service.name]}

    @routes.get("/v1/models/{name}")
    async def status(name: str) -> dict[str, Any]:
        """Which versions are loaded."""
        service.require_name(name)
        return _status(service, sorted(service.follower.lineup.loaded, reverse=True))

    @routes.get("/v1/models/{name}/versions/{version}")
    async def status_of_version(name: str, version: str) -> dict[str, Any]:
        """Whether a version is loaded."""
        service.require_name(name)
        return _status(service, [service.find(version).number])

    @routes.get("/v1/models/{name}/metadata")
    async def metadata(name: str) -> dict[str, Any]:
        """What goes in and what comes out."""
        service.require_name(name)
        served = service.find("champion")
        return {
            "model_spec": {"name": service.name, "version": str(served.number)},
            "metadata": {
                "inputs": {served.version.text_column: "string"},
                "outputs": {"prediction": "string", "confidence": "double"},
                "classes": served.classes,
            },
        }

    @routes.post("/v1/models/{name}:predict")
    async def predict(request: Request, name: str, asked: Asked) -> Response:
        """Class and confidence of each message, by the champion."""
        service.require_name(name)
        return await _predict(service, request, asked, "champion")

    @routes.post("/v1/models/{name}/versions/{version}:predict")
    async def predict_by_version(
        request: Request, name: str, version: str, asked: Asked
    ) -> Response:
        """The same by a version that is loaded."""
        service.require_name(name)
        return await _predict(service, request, asked, version)

    @routes.post("/v1/models/{name}/labels/{label}:predict")
    async def predict_by_alias(request: Request, name: str, label: str, asked: Asked) -> Response:
        """The same by the version that an alias names."""
        service.require_name(name)
        return await _predict(service, request, asked, label)

    return routes


def predictions(answer: Answer) -> list[dict[str, Json]]:
    """(n,) class and confidence of each message, by COLUMNS; null where there is no text."""
    return [
        dict(zip(COLUMNS, (answer.label(row), answer.confidence(row)), strict=True))
        for row in range(len(answer.best))
    ]


async def _predict(service: Service, request: Request, asked: Instances, which: str) -> Response:
    column = service.find(which).version.text_column
    answer = await service.ask(request, _texts(asked, column), which)
    found = predictions(answer)
    said: dict[str, Json] = {"predictions": found}
    if asked.instances is None:
        said = {"outputs": {name: [row[name] for row in found] for name in COLUMNS}}
    content = json.dumps(said).encode()
    return Response(content, 200, service.headers(answer.served), "application/json")


def _texts(asked: Instances, column: str) -> list[str]:
    if (asked.instances is None) == (asked.inputs is None):
        raise refused("Give either instances (a row each) or inputs (a column each).")
    if asked.instances is not None:
        return [_text(each, column, at) for at, each in enumerate(asked.instances, 1)]
    if isinstance(asked.inputs, dict):
        if len(asked.inputs) == 1:
            return next(iter(asked.inputs.values()))
        if column not in asked.inputs:
            raise refused("inputs must have one column, that of the messages.")
        return asked.inputs[column]
    assert asked.inputs is not None
    return asked.inputs


def _text(instance: str | dict[str, Any], column: str, at: int) -> str:
    if isinstance(instance, str):
        return instance
    found = instance.get(column)
    if found is None and len(instance) == 1:
        (found,) = instance.values()
    if not isinstance(found, str):
        raise refused(f"Instance {at} must be a text, or an object with the text column.")
    return found


def _status(service: Service, numbers: list[int]) -> dict[str, Any]:
    if not numbers:
        raise Problem(HTTPStatus.NOT_FOUND, "No version is loaded.")
    state = {"state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}}
    return {
        "name": service.name,
        "ready": not service.draining,
        "model_version_status": [{"version": str(number), **state} for number in numbers],
    }
