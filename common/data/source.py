"""Which file a training reads: the one that is given, a table, or the synthetic sample."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from common.data import tables
from common.data.synthetic import sample
from common.data.tables import Table

TABLE_NAME = "DataFrame"


@dataclass(frozen=True)
class Source:
    """The file that labelled messages come from.

    Attributes:
        name: what people call it: its name, or "DataFrame".
        location: where it was found: its path, or "DataFrame".
        synthetic: whether we made it up ourselves.
    """

    path: Path
    name: str
    location: str
    synthetic: bool = False


def choose_source(data_path: Path | None, root: Path, seed: int) -> Source:
    """The given file, or the synthetic sample, which is written if it isn't there yet.

    Args:
        root: of the project; the sample is in its folder `data`.

    Raises:
        InputError: the sample can't be written.
    """
    path = data_path or root / "data" / sample.FILE_NAME
    if data_path is None and not path.exists():
        sample.write_sample(path.parent, sample.DEFAULT_ROWS, seed)
    return Source(path, path.name, str(path), synthetic=data_path is None)


@contextmanager
def source_of(data: Path | Table | None, root: Path, seed: int) -> Iterator[Source]:
    """As `choose_source`, also of a table, which is a Parquet file while the block runs.

    Raises:
        InputError: a column of the table can't be stored.
    """
    if data is None or isinstance(data, Path):
        yield choose_source(data, root, seed)
        return
    with tempfile.TemporaryDirectory() as folder:  # only this user may read it
        path = tables.save(data, Path(folder, f"{TABLE_NAME}.parquet"))
        yield Source(path, TABLE_NAME, TABLE_NAME)
