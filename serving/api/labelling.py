"""A file of messages becomes a queue that a person walks through, one key a label."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field

from common.data.labelled_file import named_by_text
from common.data.reader import MessageFile
from common.errors import InputError, MissingColumn
from serving.api.batch import BODY, received
from serving.files import said
from serving.problems import refused
from serving.service import Service

MOST_ROWS = 20_000


class QueuedMessage(BaseModel):
    """A message that waits for a label.

    `label` is the one that it has already; `written_at` is empty where the file doesn't say.
    """

    id: str
    text: str
    written_at: str
    label: str | None


class Queue(BaseModel):
    """The messages of a file, in its order."""

    messages: list[QueuedMessage]
    labelled: int = Field(description="of these, those that have a label")
    blank: int = Field(description="rows without text, which are left out")
    rejected: int = Field(description="rows that can't be read, which are left out")
    repeated: int = Field(description="rows that another one has the id of, which are left out")


def router(service: Service) -> APIRouter:
    """/api/labelling/queue."""
    routes = APIRouter(prefix="/api/labelling", tags=["Labels"])

    @routes.post("/queue", openapi_extra=BODY)
    async def queue(
        request: Request,
        text_column: Annotated[str | None, Query(description="as the version was trained")] = None,
    ) -> Queue:
        """Read a file; nothing of it is kept. Rows are named by ID_COLUMN, else by their text."""
        folder = service.room.folder()
        try:
            source = await received(request, folder)
            column = text_column or service.find("champion").version.text_column
            return await asyncio.to_thread(_queue, service, source, column)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    return routes


def _queue(service: Service, source: Path, column: str) -> Queue:
    try:
        return _rows(service, source, column)
    except MissingColumn as error:
        raise refused("The file has no text column: name it with text_column=NAME.") from error
    except InputError as error:
        raise refused(said(error, source)) from error


def _rows(service: Service, source: Path, column: str) -> Queue:
    settings, labelled = service.settings, service.labelled
    found: dict[str, QueuedMessage] = {}
    blank = rejected = repeated = 0
    with MessageFile(source) as messages:
        messages.require(column, "TEXT_COLUMN")
        others = [
            name for name in (settings.id_column, settings.time_column) if name in messages.columns
        ]
        for chunk in messages.chunks([column, *others]):
            cells: dict[str, Any] = {n: chunk.texts(n).to_pylist() for n in [column, *others]}
            for row, text in enumerate(cells[column]):
                if not text.strip():
                    blank += 1
                    continue
                id = cells[settings.id_column][row] if settings.id_column in others else ""
                id = id or named_by_text(text)
                written_at = (
                    cells[settings.time_column][row] if settings.time_column in others else ""
                )
                repeated += id in found
                found[id] = QueuedMessage(
                    id=id, text=text, written_at=written_at, label=labelled.label_of(id)
                )
            if len(found) > MOST_ROWS:
                raise refused(f"The file has more than {MOST_ROWS:,} messages: send a part of it.")
            rejected += len(chunk.rejects)
    rows = list(found.values())
    labelled_rows = sum(row.label is not None for row in rows)
    return Queue(
        messages=rows,
        labelled=labelled_rows,
        blank=blank,
        rejected=rejected,
        repeated=repeated,
    )
