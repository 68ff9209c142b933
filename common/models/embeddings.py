"""Vectors of messages that the user supplies: by a table of words, or by a function."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from importlib import import_module
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from common.models import text
from common.models.pieces import split

Floats = npt.NDArray[np.float32]
Texts: TypeAlias = pa.Array | Sequence[str]

TEXTS_AT_ONCE = 1000


class EncoderError(ValueError):
    """An encoder can't be used; the message is one line for its user."""

    def __reduce__(self) -> tuple[Any, ...]:
        # A stored model has a class of its own, which other processes could not find.
        return ValueError, self.args


@dataclass(frozen=True)
class WordTable:
    """Vectors of words; that of a message is the mean over those of its tokens that have one.

    Attributes:
        name: what it is called.
        rows: where in `vectors` a token stands, as `text.tokens` gives it.
        vectors: (V, d).
        all_scripts: as of `text.tokens`.
    """

    name: str
    rows: Mapping[str, int]
    vectors: Floats
    all_scripts: bool = True

    @classmethod
    def of(
        cls, name: str, words: Sequence[str], vectors: Floats, all_scripts: bool = True
    ) -> WordTable:
        """A table of V words as people write them, without white space.

        Of those that are the same token, the one that is spelt as it is, else the first; what is
        several tokens is never looked up.

        >>> WordTable.of("mine", ["The", "the", "Bonn", "p.m."], np.eye(4, dtype=np.float32)).rows
        {'the': 1, 'bonn': 2}
        """
        offsets, numbers, tokens = text.tokenised(words, all_scripts)
        (single,) = np.nonzero(np.diff(offsets) == 1)
        rows: dict[str, int] = {}
        for row, number in zip(single.tolist(), numbers[offsets[single]].tolist(), strict=True):
            token = tokens[number]
            if token not in rows or (words[row] == token != words[rows[token]]):
                rows[token] = row
        return cls(name, rows, vectors, all_scripts)

    def vectors_of(self, texts: Texts) -> Floats:
        """(n, d) means; nan where no token of a message has a vector."""
        offsets, numbers, tokens = text.expanded(split(texts), self.all_scripts)
        rows = rows_of(tokens, self.rows)
        found, known = np.unique(rows[rows >= 0], return_inverse=True)
        columns = np.full(len(tokens), -1)
        columns[rows >= 0] = known
        counts = text.count_matrix(offsets, columns[numbers], len(found))
        many = counts.sum(axis=1).astype(np.float32)
        many[many == 0] = np.nan
        return np.asarray((counts @ self.vectors[found]) / many[:, None])

    def known_share(self, texts: Texts) -> float:
        """The share of the tokens of n messages that have a vector, 0 to 1."""
        _, numbers, tokens = text.expanded(split(texts), self.all_scripts)
        return float((rows_of(tokens, self.rows) >= 0)[numbers].mean()) if len(numbers) else 0.0


def rows_of(tokens: Sequence[str], rows: Mapping[str, int]) -> npt.NDArray[np.int64]:
    """(n,) the row of each token; -1 if it has none. `#late` is looked up as `late` too.

    >>> rows_of(["late", "#late", "don’t", "x"], {"late": 3, "don't": 4}).tolist()
    [3, 3, 4, -1]
    """
    found = np.fromiter((rows.get(token, -1) for token in tokens), np.int64, len(tokens))
    for at in np.flatnonzero(found < 0).tolist():
        found[at] = rows.get(tokens[at].removeprefix("#").replace("’", "'"), -1)
    return found


class Encoder:
    """A function of the user's that makes vectors of texts; stored by its name alone.

    It takes a list of n strings and gives n rows of finite numbers, always as many. One thread at
    a time calls it.

    Args:
        name: module and function, as "my_package.encoders:encode"; imported at once, also where a
            stored model is loaded.

    Raises:
        EncoderError: it can't be imported here.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._function = _imported(name)
        self._lock = threading.Lock()

    def __reduce__(self) -> tuple[Any, ...]:
        return Encoder, (self.name,)

    def vectors_of(self, texts: Texts, size: int | None = None) -> Floats:
        """(n, d) float32 of n texts, of which TEXTS_AT_ONCE are given to the function at a time.

        Args:
            size: what d must be; None: what the first texts give.

        Raises:
            EncoderError: the function fails, or gives something else.
        """
        if isinstance(texts, pa.Array):
            texts = texts.to_pylist()
        parts = []
        for first in range(0, len(texts), TEXTS_AT_ONCE):
            part = list(texts[first : first + TEXTS_AT_ONCE])
            parts.append(self._checked(part, size))
            size = parts[0].shape[1]
        return np.vstack(parts) if parts else np.empty((0, size or 0), np.float32)

    def _checked(self, texts: list[str], size: int | None) -> Floats:
        try:
            with self._lock:
                given = self._function(texts)
        except Exception as error:  # it is the user's code
            raise self._error(f"fails on {len(texts):,} texts ({_told(error)})") from error
        try:
            found = np.asarray(given, np.float32)
        except (TypeError, ValueError) as error:
            raise self._error(f"gives no array of numbers, but {type(given).__name__}") from error
        if found.ndim != 2 or len(found) != len(texts) or not found.shape[1]:
            raise self._error(
                f"gives an array of shape {found.shape} for {len(texts):,} texts; it must be "
                f"({len(texts)}, d), a row for each text"
            )
        if size is not None and found.shape[1] != size:
            raise self._error(f"gives {found.shape[1]:,} numbers a text, where it gave {size:,}")
        (bad,) = np.nonzero(~np.isfinite(found).all(axis=1))
        if len(bad):
            raise self._error(
                f"gives numbers that are not finite for {len(bad):,} of {len(texts):,} texts, the "
                f"first of them with {len(texts[bad[0]]):,} characters"
            )
        return found

    def _error(self, what: str) -> EncoderError:
        return EncoderError(f"EMBEDDINGS {self.name}: the function {what}.")


def _imported(name: str) -> Callable[[list[str]], Any]:
    module, _, function = name.partition(":")
    try:
        found = reduce(getattr, function.split("."), import_module(module))
    except ModuleNotFoundError as error:
        raise EncoderError(
            f"EMBEDDINGS {name}: Python finds no module {error.name!r} here. Install it as a "
            "package (pip install) wherever the model is used: a file beside the scripts is not "
            "found there."
        ) from error
    except AttributeError as error:
        raise EncoderError(f"EMBEDDINGS {name}: {_told(error)}.") from error
    except Exception as error:  # it is the user's code
        raise EncoderError(
            f"EMBEDDINGS {name}: the module can't be imported ({_told(error)})."
        ) from error
    if not callable(found):
        raise EncoderError(f"EMBEDDINGS {name}: that is no function, but {type(found).__name__}.")
    return found


def _told(error: Exception) -> str:
    lines = str(error).strip().splitlines() or ["no reason given"]
    return f"{type(error).__name__}: {lines[0][:200]}"
