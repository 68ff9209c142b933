"""What is done to the rows of an input: which are kept, and which label they get."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from common.data import label_file, labels, rules
from common.data.csv_reader import Reject
from common.data.label_file import FiledLabels
from common.data.reader import Chunk
from common.preparation import duplicates
from common.preparation.duplicates import Block, Numbers
from common.settings import LabelWith
from common.types import Json

# The column that a rule's labels get, if nobody names another.
USUAL_LABEL = "label"


@dataclass(frozen=True)
class LabelSource:
    """A file, or folder of files, of labels, its digest, and the column that joins them."""

    path: str
    sha256: str
    id_column: str


@dataclass(frozen=True)
class Recipe:
    """How rows are labelled, and which of their columns are known.

    Attributes:
        text_column: the message.
        target_column: the class, if somebody names it; None: the usual one, where a file has it.
        label_with: "column": labels stay as they are; else the rule, or the file, they come from.
        critical_keywords: for "keywords".
        labels: for "file".
    """

    text_column: str
    target_column: str | None = None
    label_with: LabelWith = "column"
    critical_keywords: tuple[str, ...] = ()
    labels: LabelSource | None = None

    @property
    def added_column(self) -> str | None:
        """The column that a rule's or a file's labels are written to; None without any."""
        return None if self.label_with == "column" else self.target_column or USUAL_LABEL

    def to_json(self) -> Mapping[str, Json]:
        """For manifests; without what came later, as long as nobody uses it."""
        facts = asdict(self)
        if self.labels is None:
            del facts["labels"]
        return facts


@dataclass(frozen=True)
class PreparedChunk:
    """The rows of a chunk that have a text, with their labels.

    Attributes:
        table: (m,) all columns.
        rows: (m,) which rows of the chunk they are, from 0.
        read: how many rows of the chunk could be read.
    """

    table: pa.Table
    rows: Numbers
    read: int
    rejects: list[Reject]
    replaced: int
    bytes_done: int


@dataclass(frozen=True)
class SurveyedChunk:
    """Digests of the rows of a chunk that have a text, numbered from 0, and how many were read."""

    block: Block
    read: int
    bytes_done: int


def survey_chunk(part: int, recipe: Recipe, target: str | None, chunk: Chunk) -> SurveyedChunk:
    """Digests of texts and labels, by which duplicates are found.

    Args:
        target: the column whose labels are compared; None: there is none.

    Raises:
        InputError: a column holds values that are not text.
    """
    texts = chunk.texts(recipe.text_column)
    filled = _filled(texts)
    chosen = texts.filter(filled)
    compared = np.zeros(len(chosen), np.uint64)
    if target is not None:
        compared = duplicates.label_digests(chunk.texts(target).filter(filled))
    block = Block(part, _places(filled), duplicates.digests(chosen), compared)
    return SurveyedChunk(block, len(texts), chunk.bytes_done)


def prepare_chunk(recipe: Recipe, chunk: Chunk) -> PreparedChunk:
    """The rows that have a text, with the label that a rule or a file gives them.

    Raises:
        InputError: the messages are not text, or the file of labels can't be read.
    """
    texts = chunk.texts(recipe.text_column)
    filled = _filled(texts)
    table = chunk.table.filter(filled)
    if recipe.added_column:
        if recipe.labels:
            identifiers = chunk.texts(recipe.labels.id_column).filter(filled)
            found, _ = _filed(recipe.labels, recipe.added_column).find(identifiers)
            made = labels.named(pa.array(found, pa.large_string())).cast(pa.string())
        else:
            labeller = rules.labeller(recipe.label_with, recipe.critical_keywords)
            chosen = texts.filter(filled).to_pylist()
            made = pa.array(labeller(chosen) if labeller else [""] * len(chosen), pa.string())
        table = table.append_column(recipe.added_column, made)
    return PreparedChunk(
        table, _places(filled), len(texts), chunk.rejects, chunk.replaced, chunk.bytes_done
    )


@lru_cache(maxsize=1)
def _filed(source: LabelSource, target: str) -> FiledLabels:
    return label_file.read(Path(source.path), source.id_column, target, None)


def _filled(texts: pa.LargeStringArray) -> pa.BooleanArray:
    return pc.not_equal(pc.utf8_trim_whitespace(texts), "")


def _places(chosen: pa.BooleanArray) -> Numbers:
    return np.flatnonzero(np.asarray(chosen)).astype(np.int64)
