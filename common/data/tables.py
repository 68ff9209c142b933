"""A table in memory as a file of messages, so that it goes the way of any file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import pyarrow as pa
import pyarrow.parquet as pq

from common.errors import InputError
from common.text import first_line

if TYPE_CHECKING:
    import pandas as pd

Table: TypeAlias = "pd.DataFrame | pa.Table"


def save(table: Table, path: Path) -> Path:
    """Write a pandas or Arrow table as Parquet.

    The same columns give the same bytes, and so the same digest, whatever library they are in.

    Raises:
        InputError: a column can't be stored, or the disk is full.
    """
    if not hasattr(table, "columns"):
        raise InputError(f"a pandas or Arrow table is needed, not {type(table).__name__}.")
    try:
        if not isinstance(table, pa.Table):
            table = pa.Table.from_pandas(table, preserve_index=False)
        pq.write_table(table.replace_schema_metadata(None), path)
    except (pa.ArrowException, ValueError, OverflowError, OSError) as error:
        raise InputError(f"the table can't be saved: {first_line(error)}.") from error
    return path
