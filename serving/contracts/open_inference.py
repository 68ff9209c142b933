"""The Open Inference Protocol (KServe v2, Triton): texts in and out as BYTES."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, Request, Response

from common import __version__
from common.types import Json
from serving.problems import Problem, refused
from serving.scorer import Answer
from serving.service import Service

BINARY = "application/octet-stream"
JSON_LENGTH = "Inference-Header-Content-Length"
EXAMPLE = {
    "inputs": [{"name": "text", "shape": [1], "datatype": "BYTES", "data": ["where is my order?"]}]
}
BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": {"type": "object"}, "example": EXAMPLE}},
    }
}
OUTPUTS = {"prediction": "BYTES", "confidence": "FP64"}


def router(service: Service) -> APIRouter:
    """The protocol at /v2."""
    routes = APIRouter(tags=["Open Inference Protocol v2"])

    @routes.get("/v2")
    async def server() -> dict[str, Any]:
        """What serves."""
        return {
            "name": "triage-trio",
            "version": __version__,
            "extensions": ["binary_tensor_data"],
        }

    @routes.get("/v2/health/live")
    async def live() -> dict[str, bool]:
        """Whether the server answers."""
        return {"live": True}

    @routes.get("/v2/health/ready")
    async def ready() -> Response:
        """Whether it wants requests."""
        return _ready(service)

    @routes.get("/v2/models/{name}")
    async def model(name: str) -> dict[str, Any]:
        """What goes in and what comes out, and which versions are loaded."""
        service.require_name(name)
        return _metadata(service)

    @routes.get("/v2/models/{name}/versions/{version}")
    async def model_version(name: str, version: str) -> dict[str, Any]:
        """The same of a version that is loaded."""
        service.require_name(name)
        service.find(version)
        return _metadata(service)

    @routes.get("/v2/models/{name}/ready")
    async def model_ready(name: str) -> Response:
        """Whether the model wants requests."""
        service.require_name(name)
        return _ready(service)

    @routes.get("/v2/models/{name}/versions/{version}/ready")
    async def model_version_ready(name: str, version: str) -> Response:
        """Whether a version is loaded."""
        service.require_name(name)
        service.find(version)
        return _ready(service)

    @routes.post("/v2/models/{name}/infer", openapi_extra=BODY)
    async def infer(request: Request, name: str) -> Response:
        """Class and confidence of each message, by the champion."""
        service.require_name(name)
        return await _infer(service, request, "champion")

    @routes.post("/v2/models/{name}/versions/{version}/infer", openapi_extra=BODY)
    async def infer_by_version(request: Request, name: str, version: str) -> Response:
        """The same by a version that is loaded."""
        service.require_name(name)
        return await _infer(service, request, version)

    return routes


def _ready(service: Service) -> Response:
    status = HTTPStatus.SERVICE_UNAVAILABLE if service.draining else HTTPStatus.OK
    return Response(json.dumps({"ready": not service.draining}), status, None, "application/json")


def _metadata(service: Service) -> dict[str, Any]:
    lineup = service.follower.lineup
    column = service.find("champion").version.text_column
    return {
        "name": service.name,
        "versions": [str(number) for number in sorted(lineup.loaded)],
        "platform": "mlflow_triage-trio",
        "inputs": [{"name": column, "datatype": "BYTES", "shape": [-1]}],
        "outputs": [
            {"name": name, "datatype": kind, "shape": [-1]} for name, kind in OUTPUTS.items()
        ],
    }


async def _infer(service: Service, request: Request, which: str) -> Response:
    asked, binary = _split(await request.body(), request.headers.get(JSON_LENGTH))
    texts, shape = _texts(asked, binary)
    answer = await service.ask(request, texts, which)
    said: dict[str, Json] = {
        "model_name": service.name,
        "model_version": str(answer.served.number),
        "outputs": _outputs(answer, shape, _wanted(asked)),
    }
    if isinstance(asked.get("id"), str):
        said["id"] = asked["id"]
    content = json.dumps(said).encode()
    return Response(content, 200, service.headers(answer.served), "application/json")


def _split(body: bytes, json_bytes: str | None) -> tuple[dict[str, Any], bytes]:
    """The JSON of a body, and the tensors in binary form that follow it."""
    length = len(body)
    if json_bytes is not None:
        if not json_bytes.isdecimal() or len(json_bytes) > 10 or int(json_bytes) > length:
            raise refused(f"{JSON_LENGTH} must be the bytes of the body's JSON.")
        length = int(json_bytes)
    try:
        asked = json.loads(body[:length])
    except (ValueError, RecursionError) as error:
        raise refused("The body is not JSON.") from error
    if not isinstance(asked, dict):
        raise refused("The body must be an object with inputs.")
    return asked, body[length:]


def _texts(asked: Mapping[str, Any], binary: bytes) -> tuple[list[str], list[int]]:
    """The messages, and the shape of the tensor that had them."""
    match asked.get("inputs"):
        case [{"datatype": "BYTES", "shape": list(shape)} as tensor]:
            pass
        case _:
            raise refused("inputs must be one tensor of datatype BYTES with its shape.")
    if not all(isinstance(size, int) and size >= 0 for size in shape):
        raise refused("The tensor's shape must be whole numbers.")
    parameters = tensor.get("parameters")
    size = parameters.get("binary_data_size") if isinstance(parameters, dict) else None
    if size is not None:
        if not isinstance(size, int) or size != len(binary):
            raise refused("binary_data_size is not the bytes that follow the JSON.")
        texts = _unpacked(binary)
    else:
        texts = _flat(tensor.get("data"))
    elements = 1
    for length in shape:
        elements *= length
    if elements != len(texts):
        raise refused("The tensor has more or fewer texts than its shape says.")
    return texts, shape


def _flat(data: Any) -> list[str]:
    """Texts of a list, or of lists within it."""
    if not isinstance(data, list):
        raise refused("The tensor's data must be a list of texts.")
    found: list[str] = []
    for each in data:
        if isinstance(each, list):
            if not all(isinstance(text, str) for text in each):
                raise refused("The tensor's data must be texts.")
            found += each
        elif isinstance(each, str):
            found.append(each)
        else:
            raise refused("The tensor's data must be texts.")
    return found


def _unpacked(binary: bytes) -> list[str]:
    """Texts in binary form: four bytes with the length (little-endian), then UTF-8, of each."""
    found, at = [], 0
    while at < len(binary):
        if at + 4 > len(binary):
            raise refused("The binary tensor ends too early.")
        (length,) = struct.unpack_from("<I", binary, at)
        at += 4
        if at + length > len(binary):
            raise refused("The binary tensor ends too early.")
        found.append(binary[at : at + length].decode("utf-8", "replace"))
        at += length
    return found


def _wanted(asked: Mapping[str, Any]) -> list[str]:
    """Names of the outputs that are asked for; all if none is named."""
    named = asked.get("outputs")
    if not named:
        return list(OUTPUTS)
    if not isinstance(named, list):
        raise refused("outputs must be a list of objects with names.")
    found = [each.get("name") if isinstance(each, dict) else None for each in named]
    if any(name not in OUTPUTS for name in found):
        raise Problem(HTTPStatus.NOT_FOUND, f"The outputs are {' and '.join(OUTPUTS)}.")
    return [str(name) for name in found]


def _outputs(answer: Answer, shape: Sequence[int], wanted: Sequence[str]) -> list[Json]:
    """The tensors; a message without text has an empty class and confidence 0."""
    rows = range(len(answer.best))
    data: dict[str, list[Json]] = {
        "prediction": [answer.label(row) or "" for row in rows],
        "confidence": [answer.confidence(row) or 0.0 for row in rows],
    }
    return [
        {"name": name, "datatype": OUTPUTS[name], "shape": list(shape), "data": data[name]}
        for name in wanted
    ]
