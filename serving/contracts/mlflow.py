"""MLflow's scoring contract, which is also what SageMaker wants of a container."""

from __future__ import annotations

import asyncio
import io
import json
import shutil
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from importlib.metadata import version as installed
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import PlainTextResponse

from common.data import csv_rows
from common.types import Json
from serving.contracts.tensorflow import COLUMNS, predictions
from serving.files import CSV, ENDINGS, JSON_LINES, texts_of
from serving.problems import Problem, refused
from serving.service import Service

JSON = ("application/json", "")
EXAMPLES = {
    "dataframe_split": {"dataframe_split": {"columns": ["text"], "data": [["where is it?"]]}},
    "dataframe_records": {"dataframe_records": [{"text": "where is it?"}]},
    "instances": {"instances": ["where is it?"]},
    "inputs": {"inputs": {"text": ["where is it?"]}},
}
BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {"type": "object"},
                "examples": {name: {"value": example} for name, example in EXAMPLES.items()},
            },
            "text/csv": {"schema": {"type": "string"}, "example": "text\nwhere is it?\n"},
            "application/jsonlines": {
                "schema": {"type": "string"},
                "example": '{"text": "where is it?"}\n',
            },
        },
    }
}


def router(service: Service) -> APIRouter:
    """The contract at /invocations."""
    routes = APIRouter(tags=["MLflow, SageMaker"])

    @routes.get("/ping", response_class=PlainTextResponse)
    async def ping() -> Response:
        """Whether the server wants requests."""
        return PlainTextResponse("\n", HTTPStatus.SERVICE_UNAVAILABLE if service.draining else 200)

    @routes.get("/version", response_class=PlainTextResponse)
    async def version() -> str:
        """The version of MLflow."""
        return installed("mlflow")

    @routes.post("/invocations", openapi_extra=BODY)
    async def invocations(request: Request) -> Response:
        """Class and confidence of each message, in the form that Accept names."""
        served = service.find("champion")
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        texts = await _texts(service, kind, await request.body(), served.version.text_column)
        answer = await service.ask(request, texts, str(served.number))
        content, media_type = _written(predictions(answer), request.headers.get("accept", ""))
        return Response(content, 200, service.headers(served), media_type)

    return routes


async def _texts(service: Service, kind: str, body: bytes, column: str) -> list[str]:
    """The messages of a body; CSV and JSON lines are read as predict.py reads files.

    Raises:
        Problem: 415, of another kind; 422, something else is in it.
    """
    if kind in JSON:
        return _of_json(_parsed(body), column)
    if kind not in (*CSV, *JSON_LINES):
        raise Problem(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            "Send application/json, text/csv or application/jsonlines.",
        )
    folder = service.room.folder()
    try:
        sent = folder / f"sent{ENDINGS[kind]}"
        sent.write_bytes(body)
        return await asyncio.to_thread(texts_of, sent, column)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise refused("The body is not JSON.") from error


def _of_json(asked: Any, column: str) -> list[str]:
    match asked:
        case {"dataframe_split": {"columns": list(header), "data": list(rows)}}:
            at = _place(header, column)
            return [_of_cells(row, at, n) for n, row in enumerate(rows, 1)]
        case {"dataframe_records": list(rows)}:
            return [_of_row(row, column, n) for n, row in enumerate(rows, 1)]
        case {"instances": list(rows)} | {"inputs": list(rows)}:
            return [_of_row(row, column, n) for n, row in enumerate(rows, 1)]
        case {"instances": dict(columns)} | {"inputs": dict(columns)}:
            found = columns[list(columns)[_place(list(columns), column)]]
            return [_of_row(text, column, n) for n, text in enumerate(_list(found), 1)]
        case {"inputs": str(text)}:
            return [text]
    raise refused(f"The body must have one of {', '.join(EXAMPLES)}.")


def _place(header: Sequence[Any], column: str) -> int:
    """Where the messages are: the text column, or the only one."""
    if column in header:
        return list(header).index(column)
    if len(header) == 1:
        return 0
    raise refused("The text column is missing; /api/info names it.")


def _of_cells(row: Any, at: int, number: int) -> str:
    if not isinstance(row, list) or len(row) <= at:
        raise refused(f"Row {number} has fewer cells than there are columns.")
    return _of_row(row[at], "", number)


def _of_row(row: Any, column: str, number: int) -> str:
    """A row's message: the row itself, or what it has in the text column or the only one."""
    if isinstance(row, Mapping) and row:
        row = row.get(column, next(iter(row.values())) if len(row) == 1 else row)
    if isinstance(row, list) and len(row) == 1:
        (row,) = row
    if row is None:
        return ""
    if not isinstance(row, str):
        raise refused(f"Row {number} has no text in the text column.")
    return row


def _list(found: Any) -> list[Any]:
    if not isinstance(found, list):
        raise refused("A column must be a list.")
    return found


def _written(found: Sequence[Mapping[str, Json]], accept: str) -> tuple[bytes, str]:
    """The predictions in the first form of an Accept header that we can write; JSON else."""
    for kind in (each.partition(";")[0].strip().lower() for each in accept.split(",")):
        if kind in CSV:
            text = io.StringIO(newline="")
            csv_rows.write(text, [COLUMNS, *(tuple(row.values()) for row in found)])
            return text.getvalue().encode(), "text/csv"
        if kind in JSON_LINES:
            return "".join(json.dumps(row) + "\n" for row in found).encode(), kind
    return json.dumps({"predictions": found}).encode(), "application/json"
