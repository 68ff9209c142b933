"""Files of word vectors: a word and its numbers a row, as of word2vec, GloVe and fastText."""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from common.data.compression import decompressed
from common.errors import InputError
from common.text import first_line, printable

Floats = npt.NDArray[np.float32]

PARQUET = b"PAR1"
WORD, VECTOR = "word", "vector"
# Of the numbers in memory: 400,000 words with 300 each. Frequent words come first in such files.
MOST_BYTES = 480_000_000
# Longer lines are none of a word with numbers.
LINE_BYTES = 1_000_000
ROWS_AT_ONCE = 10_000


@dataclass(frozen=True)
class WordVectors:
    """What a file says of its words.

    Attributes:
        words: V words, as they are written.
        vectors: (V, d) their numbers, all finite.
        cut: whether the file has more words than MOST_BYTES hold.
    """

    words: list[str]
    vectors: Floats
    cut: bool = False


def read_word_vectors(path: Path, most: int | None = None) -> WordVectors:
    """The words of a file with their vectors: all, or the first ones that MOST_BYTES hold.

    In a text, which may be compressed, each line has a word and its numbers, with blanks or tabs
    between them; the first line may hold how many words there are, and how many numbers each has.
    In Parquet there are two columns, `word` and `vector`. What is several words, or no UTF-8, is
    left out: a message is looked at word by word.

    Args:
        most: how many words to look at, if fewer are enough.

    Raises:
        InputError: the file can't be read, or a row is no word with finite numbers, as many as in
            the first row.
    """
    with _opened(path) as content:
        if content.peek(4)[:4] == PARQUET:
            return _kept(_rows_of_parquet(path), path, most)
        return _kept(_rows_of_text(content, path), path, most)


@contextmanager
def _opened(path: Path) -> Iterator[io.BufferedReader]:
    try:
        with path.open("rb") as raw:
            yield decompressed(raw, path)
    except (OSError, EOFError, zlib.error, pa.ArrowException) as error:
        reason = getattr(error, "strerror", None) or first_line(error)
        raise InputError(f"cannot read {printable(path)}: {reason}.") from error


def _kept(rows: Iterator[tuple[str, Floats]], path: Path, most: int | None) -> WordVectors:
    """The first words, as many as fit, with vectors of equal lengths."""
    words: list[str] = []
    vectors = np.empty((0, 0), np.float32)
    for word, vector in rows:
        if not words:
            fit = max(MOST_BYTES // vector.nbytes, 1)
            # It takes memory only as far as it is filled.
            vectors = np.empty((fit if most is None else min(fit, most), len(vector)), np.float32)
        if len(words) == len(vectors):
            return WordVectors(words, vectors, cut=True)
        vectors[len(words)] = vector
        words.append(word)
    if not words:
        raise InputError(f"{printable(path)} has no word with numbers.")
    return WordVectors(words, vectors[: len(words)])


def _rows_of_text(content: io.BufferedReader, path: Path) -> Iterator[tuple[str, Floats]]:
    first = content.readline(LINE_BYTES).removeprefix(b"\xef\xbb\xbf")
    counts = first.split()
    has_counts = len(counts) == 2 and all(each.isdigit() for each in counts)
    numbers = int(counts[1]) if has_counts else len(counts) - 1
    lines = chain([b"" if has_counts else first], iter(lambda: content.readline(LINE_BYTES), b""))
    for line, row in enumerate(lines, start=1):
        cells = row.split()
        if not cells:
            continue
        word, vector = cells[:-numbers], _vector(cells[-numbers:])
        if (
            numbers < 2
            or not word
            or vector is None
            or (word[1:] and _vector(word[-1:]) is not None)
        ):
            raise _unreadable(path, f"line {line:,}", numbers)
        if len(word) == 1:
            try:
                yield word[0].decode(), vector
            except UnicodeDecodeError:
                continue


def _vector(cells: list[bytes]) -> Floats | None:
    """The numbers that cells hold; None if one of them holds no finite one."""
    try:
        vector = np.array(cells, np.float32)
    except ValueError:
        return None
    return vector if np.isfinite(vector).all() else None


def _rows_of_parquet(path: Path) -> Iterator[tuple[str, Floats]]:
    with pq.ParquetFile(path) as file:
        for column in (WORD, VECTOR):
            if column not in file.schema_arrow.names:
                raise InputError(
                    f"{printable(path)} has no column {column!r}: in Parquet, word vectors are in "
                    f"the columns {WORD} (texts) and {VECTOR} (lists of numbers)."
                )
        before, numbers = 0, 0
        for batch in file.iter_batches(ROWS_AT_ONCE, columns=[WORD, VECTOR]):
            words = batch.column(WORD).cast(pa.large_string())
            lists = batch.column(VECTOR).cast(pa.large_list(pa.float32()), safe=False)
            lengths = pc.list_value_length(lists).fill_null(0).to_numpy(zero_copy_only=False)
            numbers = numbers or int(lengths[0])
            flat = lists.flatten().to_numpy(zero_copy_only=False)
            wrong = (lengths != numbers) | words.is_null().to_numpy(zero_copy_only=False)
            if not wrong.any() and numbers > 1:
                vectors = flat.reshape(-1, numbers)
                wrong = ~np.isfinite(vectors).all(axis=1)
            if wrong.any() or numbers < 2:
                raise _unreadable(path, f"row {before + int(wrong.argmax()) + 1:,}", numbers)
            before += len(words)
            for word, vector in zip(words.to_pylist(), vectors, strict=True):
                if len(word.split()) == 1:
                    yield word, vector


def _unreadable(path: Path, where: str, numbers: int) -> InputError:
    # The row is not shown: the file may be one of messages by mistake.
    many = f"{numbers:,}" if numbers > 1 else "some"
    return InputError(
        f"{printable(path)}, {where}: not a word and {many} finite numbers, as in: good 0.1 -0.2"
    )
