"""A table in memory that is answered at once, as a file of it would be."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from common.data.reader import CHUNK_ROWS, as_text
from common.data.tables import Table
from common.errors import InputError, MissingColumn
from common.scoring.chunk import added_columns, answer
from common.scoring.file import refuse_taken_names
from common.scoring.formats import cells_as_table
from common.scoring.model import LoadedModel

if TYPE_CHECKING:
    import pandas as pd


def classify(
    table: Table, model: LoadedModel, text_column: str, *, with_proba: bool, with_reasons: bool
) -> Table:
    """Return the table, of the same kind, with the columns that a file of it would get.

    The added cells of a row without a text are null.

    Raises:
        InputError: the table lacks the text column or has one that would be added, or its messages
            are not text.
        ModelUnavailable: explanations are asked of a model that has none.
    """
    if with_reasons:
        model.require_explanations()
    is_arrow = isinstance(table, pa.Table)
    if not hasattr(table, "columns"):
        raise InputError(f"a list of texts or a table is needed, not {type(table).__name__}.")
    names = list(table.column_names if is_arrow else table.columns)
    if text_column not in names:
        raise MissingColumn(Path("the table"), text_column, list(map(str, names)), "text_column")
    added = added_columns(model, with_proba=with_proba, with_reasons=with_reasons)
    refuse_taken_names(names, added.names, "the table")
    texts = as_text(_column(table, text_column), f"the table, column {text_column!r},")
    parts = []
    for start in range(0, max(len(texts), 1), CHUNK_ROWS):
        answers = answer(texts.slice(start, CHUNK_ROWS), model, with_proba, with_reasons)
        parts.append(cells_as_table(added, answers.cells))
    answered = pa.concat_tables(parts)
    return _append_arrow(table, answered) if is_arrow else _append_pandas(table, answered)


def _column(table: Table, name: str) -> pa.ChunkedArray:
    column = table[name]
    if isinstance(column, pa.ChunkedArray):
        return column
    try:
        values = pa.array(column, from_pandas=True)
    except (pa.ArrowException, ValueError, OverflowError) as error:
        raise InputError(f"the table, column {name!r}, is not text: {error}.") from error
    return values if isinstance(values, pa.ChunkedArray) else pa.chunked_array([values])


def _append_arrow(table: pa.Table, added: pa.Table) -> pa.Table:
    for name, column in zip(added.column_names, added.columns, strict=True):
        table = table.append_column(name, column)
    return table


def _append_pandas(table: pd.DataFrame, added: pa.Table) -> pd.DataFrame:
    import pandas as pd

    # pandas' usual integers have no null: versions would become 7.0.
    whole_numbers = {pa.int64(): pd.Int64Dtype()}
    frame = added.to_pandas(types_mapper=whole_numbers.get)
    return pd.concat([table, frame.set_index(table.index)], axis=1)
