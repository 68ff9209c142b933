"""A whole file in, the scored file out, with the columns of predict.py."""

from __future__ import annotations

import asyncio
import shutil
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from starlette.background import BackgroundTask
from starlette.datastructures import UploadFile
from starlette.responses import FileResponse, Response

from common.scoring import formats
from serving import files
from serving.files import FileOptions
from serving.problems import Problem
from serving.service import Service

# Files that are scored at the same time, and that are here or on their way: they need room on disk.
FILES_AT_ONCE = 2
MOST_FILES = 8
TYPES = {
    "csv": "text/csv; charset=utf-8",
    "jsonl": "application/x-ndjson",
    "parquet": files.PARQUET,
}
BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "text/csv": {"schema": {"type": "string"}, "example": "id,text\n1,where is it?\n"},
            "application/x-ndjson": {
                "schema": {"type": "string"},
                "example": '{"id": 1, "text": "where is it?"}\n',
            },
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "properties": {"file": {"type": "string", "format": "binary"}},
                    "required": ["file"],
                }
            },
        },
    }
}


def router(service: Service) -> APIRouter:
    """/api/batch."""
    routes = APIRouter(prefix="/api", tags=["Classify"])
    here, scored_now = asyncio.Semaphore(MOST_FILES), asyncio.Semaphore(FILES_AT_ONCE)

    @routes.post("/batch", openapi_extra=BODY, response_class=Response)
    async def batch(
        request: Request,
        model: str = "champion",
        text_column: Annotated[str | None, Query(description="as the version was trained")] = None,
        format: Annotated[
            Literal["csv", "jsonl", "parquet"] | None, Query(description="as the file is")
        ] = None,
        proba: bool = False,
        explain: bool = False,
        rejects: Annotated[
            Literal["refuse", "skip"], Query(description="what becomes of rows that can't be read")
        ] = "refuse",
    ) -> Response:
        """The file with prediction, confidence and model_version; headers count its rows."""
        if here.locked():
            raise Problem(
                HTTPStatus.TOO_MANY_REQUESTS,
                f"{MOST_FILES} files are here already: try again.",
                {"Retry-After": "5"},
            )
        folder = service.room.folder()
        try:
            async with here:
                source = await received(request, folder)
                served = service.find(model)
                written = format or formats.ENDINGS.get(source.suffixes[0], "csv")
                options = FileOptions(
                    text_column or served.version.text_column,
                    written,
                    proba=proba,
                    explain=explain,
                    skip_rejects=rejects == "skip",
                )
                target = folder / f"scored.{written}"
                async with scored_now:
                    counts = await asyncio.to_thread(
                        files.score,
                        source,
                        target,
                        served,
                        service.scorer,
                        options,
                        lambda: service.aborting,
                    )
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        service.metrics.file(served.number, counts.classes, counts.blank)
        request.state.messages = counts.scored
        request.state.model_version = served.number
        headers = {
            **service.headers(served),
            "X-Rows-Scored": str(counts.scored),
            "X-Rows-Blank": str(counts.blank),
            "X-Rows-Rejected": str(counts.rejected),
        }
        tidy = BackgroundTask(shutil.rmtree, folder, ignore_errors=True)
        return FileResponse(
            target, 200, headers, TYPES[written], tidy, filename=f"scored.{written}"
        )

    return routes


async def received(request: Request, folder: Path) -> Path:
    """The file of a request, on disk, with an ending that says what it is.

    Raises:
        Problem: 415, it is no kind of file that can be read here.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        async with request.form(max_files=1, max_fields=10) as form:
            sent = form.get("file")
            if not isinstance(sent, UploadFile):
                raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "The form has no file named file.")
            path = folder / f"sent{_ending(sent.filename)}"
            with path.open("wb") as file:
                await asyncio.to_thread(shutil.copyfileobj, sent.file, file, 1 << 20)
        return path
    if kind not in files.ENDINGS:
        raise Problem(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            "Send text/csv, application/x-ndjson, application/vnd.apache.parquet or "
            "multipart/form-data.",
        )
    path = folder / f"sent{files.ENDINGS[kind]}"
    with path.open("wb") as file:
        async for part in request.stream():
            file.write(part)
    return path


def _ending(name: str | None) -> str:
    """What of a file's name says what is in it."""
    lowered = (name or "").lower()
    packed = next((end for end in (".gz", ".zst", ".bz2", ".xz") if lowered.endswith(end)), "")
    inner = lowered.removesuffix(packed)
    return next((end for end in formats.ENDINGS if inner.endswith(end)), ".csv") + packed
