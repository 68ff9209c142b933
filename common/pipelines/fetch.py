"""One run of `python -m common.fetch` as a function: a source in, a folder of Parquet files out.

>>> request = FetchRequest(Path("archive.zip"), Path("raw"))
>>> run(request).rows    # doctest: +SKIP
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from common.errors import MissingColumn, TriageError
from common.pipelines.form import reading_of
from common.pipelines.progress import no_progress

if TYPE_CHECKING:
    from common.data.connectors.base import Asked, Connector
    from common.types import Progress


@dataclass(frozen=True)
class FetchRequest:
    """What one run is asked to do; see `python -m common.fetch --help`.

    Attributes:
        source: an archive (.zip), a query (.sql), or what describes an API or a website (.toml).
        folder: for the Parquet files; it goes with this source alone.
        text_column: the column that `mask` is about.
        mask: mask what tells who wrote a message, before it is written.
        delimiter, encoding, header, sheet, field_characters: of an archive, the form of the file in
            it, if it can't be found out: see `reading.Reading`.
        member: of an archive, the file to read; None: the only one.
        after_column: of a query, the column that says which rows are new.
        since: of a query, the least value of that column in the first run; None: all.
        database: of a query, the address of the database.
    """

    source: Path
    folder: Path
    text_column: str = "text"
    mask: bool = False
    delimiter: str | None = None
    encoding: str | None = None
    header: tuple[str, ...] | None = None
    sheet: str | None = None
    field_characters: int = 16_000_000
    member: str | None = None
    after_column: str | None = None
    since: str | None = None
    database: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class FetchResult:
    """What a run has brought.

    Attributes:
        source: what was fetched from, for people.
        rows: that are new.
        repeated: rows that had been fetched before and were left out.
        rejects: rows that could not be read; they are in `_PART.rejects.csv`.
        parts: names of the new files.
        rows_in_all: rows of all runs so far.
    """

    source: str
    folder: str
    rows: int
    repeated: int
    rejects: int
    parts: Sequence[str]
    rows_in_all: int


def run(request: FetchRequest, progress: Progress = no_progress) -> FetchResult:
    """Fetch what is new. Interrupted at any moment, the next run goes on: no row is lost or twice.

    Raises:
        SettingsError: the source's kind is not known, or something that it needs is not set.
        InputError: the source or the folder is not usable; what was fetched before stands.
        StoreError: the state in the folder can't be read or written.
    """
    from common.data.connectors import catalogue, landing

    kind = catalogue.kind_of(request.source)
    with kind.opened(_asked(request)) as connector:
        masked = _masked(request, connector)
        identity, columns = connector.identity, connector.columns
        with (
            landing.opened(request.folder, identity, columns, masked) as target,
            progress("Fetching", "rows", 0) as advance,
        ):
            batches = iter(connector.batches(target.position))
            while True:
                try:
                    batch = next(batches, None)
                except TriageError:
                    target.commit()  # what came before the source failed
                    raise
                if batch is None:
                    break
                advance(target.add(batch))
            target.commit()
        landed = target.landed
    return FetchResult(
        source=identity,
        folder=str(request.folder),
        rows=landed.rows,
        repeated=landed.repeated,
        rejects=landed.rejects,
        parts=landed.parts,
        rows_in_all=landed.rows_in_all,
    )


def _asked(request: FetchRequest) -> Asked:
    from dataclasses import replace

    from common.data.connectors.base import Asked

    return Asked(
        source=request.source,
        reading=replace(reading_of(request), member=request.member),
        after_column=request.after_column,
        since=request.since,
        database=request.database,
    )


def _masked(request: FetchRequest, connector: Connector) -> str | None:
    if not request.mask:
        return None
    if request.text_column not in connector.columns:
        raise MissingColumn(request.source, request.text_column, connector.columns, "TEXT_COLUMN")
    return request.text_column
