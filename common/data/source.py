"""Which file a training reads: the one that is given, a table, or the synthetic sample."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from common.data import tables
from common.data.files import parts
from common.data.reader import MessageFile
from common.data.reading import FIND_OUT, Reading
from common.data.synthetic import origin, sample
from common.data.synthetic.topics import TOPICS
from common.data.tables import Table
from common.errors import InputError

TABLE_NAME = "DataFrame"
# The class in twcs.csv: whether a customer wrote.
USUAL_TARGET = "inbound"
LOOKED_AT = 1_000


@dataclass(frozen=True)
class Source:
    """The file that labelled messages come from.

    Attributes:
        name: what people call it: its name, or "DataFrame".
        location: where it was found: its path, or "DataFrame".
        synthetic: whether we made it up ourselves.
        usual_target: the column of the class, if nobody names another.
    """

    path: Path
    name: str
    location: str
    synthetic: bool = False
    usual_target: str = USUAL_TARGET


def choose_source(
    data_path: Path | None, folder: Path, seed: int, reading: Reading = FIND_OUT
) -> Source:
    """The given file, or the synthetic sample, which is written if it isn't there yet.

    Args:
        folder: of the sample.

    Raises:
        InputError: the sample can't be written, or the file not be read.
    """
    if data_path is None:
        path = folder / sample.FILE_NAME
        if not path.exists():
            sample.write_sample(path.parent, sample.DEFAULT_ROWS, seed)
        return _described(path, path.name, str(path), FIND_OUT, given=False)
    return _described(data_path, data_path.name, str(data_path), reading)


@contextmanager
def source_of(
    data: Path | Table | None, folder: Path, seed: int, reading: Reading = FIND_OUT
) -> Iterator[Source]:
    """As `choose_source`, also of a table, which is a Parquet file while the block runs.

    Raises:
        InputError: a column of the table can't be stored.
    """
    if data is None or isinstance(data, Path):
        yield choose_source(data, folder, seed, reading)
        return
    with tempfile.TemporaryDirectory() as private:  # only this user may read it
        path = tables.save(data, Path(private, f"{TABLE_NAME}.parquet"))
        yield _described(path, TABLE_NAME, TABLE_NAME, FIND_OUT)


def _described(
    path: Path, name: str, location: str, reading: Reading, given: bool = True
) -> Source:
    """The source, with what the first messages show of it: made up, or somebody's."""
    with MessageFile(parts(path)[0], LOOKED_AT, reading) as messages:
        columns = messages.columns
        authors: list[str] = []
        if origin.AUTHOR in columns:
            chunk = next(iter(messages.chunks([origin.AUTHOR])), None)
            with suppress(InputError):  # lists and the like name nobody
                authors = chunk.texts(origin.AUTHOR).to_pylist() if chunk else []
    synthetic = not given or origin.is_synthetic(authors)
    usual = TOPICS.target if synthetic and TOPICS.target in columns else USUAL_TARGET
    return Source(path, name, location, synthetic, usual)
