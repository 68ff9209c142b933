"""Features of short messages at word-type speed: what can be known of a word is computed once.

A message is split at white space into pieces (`can't`, `NOW!!!`, `@brand`), a piece into tokens.
Few pieces are distinct, so tokens, characters within words and statistics are worked out for the
distinct ones only, and messages become sparse rows that count them.
"""

from __future__ import annotations

import re
from collections.abc import Container, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import scipy.sparse as sp
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

Ints = npt.NDArray[np.integer[Any]]

# Words with what belongs to them (@brand, #tag, don't), else single marks: punctuation and emoji
# say much in short messages.
TOKEN = re.compile(r"[@#]?\w+(?:['’]\w+)?|[^\w\s]")
LINK, LONG_WORD = "httplink", "longword"
# Of a longer message the model reads the beginning. All longer words are one token: nearly each
# would be new, and one of 10 MB has 40 million n-grams, which took 3.5 GB.
MESSAGE_CHARACTERS, WORD_CHARACTERS = 100_000, 1000
_LINK = re.compile(r"https?://\S*|www\.\S+")
_WRITTEN = re.compile(rf"{_LINK.pattern}|{TOKEN.pattern}", re.IGNORECASE)
_LONG_NUMBER = re.compile(r"(?<=[0-9]{3})[0-9]{2,}")
_REPEATED = re.compile(r"(\w)\1{3,}")
_ENTITIES = {"&amp;": "&", "&lt;": "<", "&gt;": ">", "&quot;": '"', "&#39;": "'"}
_ENTITY = re.compile("|".join(_ENTITIES))
_PERSON = re.compile(r"@[0-9]+")
_CAPITAL = re.compile(r"[A-Z]")
_DIGIT = re.compile(r"[0-9]")
_EMOJI = re.compile("[\u2600-\u27bf\U0001f300-\U0001faff]")

STATISTICS = (
    "characters",
    "pieces",
    "exclamation marks",
    "question marks",
    "mentions",
    "hashtags",
    "links",
    "digits",
    "capitals",
    "pieces in capitals",
    "emoji",
)


def normalise(text: str) -> str:
    """Small letters, links as one word, HTML's entities as characters, `soooooo` as `sooo`.

    Of long numbers (ids, phone numbers) the first three digits stay, the others become 0: nearly
    each would be a word of its own, which costs a third of the speed of scoring.

    >>> normalise("SOOOOO late &amp; https://t.co/x1 @115712")
    'sooo late & httplink @115000'
    """
    if "&" in text:
        text = _ENTITY.sub(lambda found: _ENTITIES[found.group()], text)
    text = text.lower()
    if "http" in text or "www." in text:
        text = _LINK.sub(LINK, text)
    text = _LONG_NUMBER.sub(lambda digits: "0" * len(digits.group()), text)
    return _REPEATED.sub(r"\1\1\1", text)


def tokens(text: str) -> list[str]:
    """The words and marks of a text.

    >>> tokens("@Brand can't log in!!")
    ['@brand', "can't", 'log', 'in', '!', '!']
    """
    found = TOKEN.findall(normalise(text[:MESSAGE_CHARACTERS]))
    if len(text) <= WORD_CHARACTERS:
        return found
    return [token if len(token) <= WORD_CHARACTERS else LONG_WORD for token in found]


def as_written(text: str) -> dict[str, str]:
    """How each token of a text is first written there, by the token.

    >>> as_written("NOW!! Café https://t.co/x1")
    {'now': 'NOW', '!': '!', 'café': 'Café', 'httplink': 'https://t.co/x1'}
    """
    found: dict[str, str] = {}
    unescaped = _ENTITY.sub(lambda entity: _ENTITIES[entity.group()], text)
    for written in _WRITTEN.findall(unescaped):
        for token in tokens(written):
            found.setdefault(token, written)
    return found


def unknown_words(texts: Sequence[str], known: Container[str]) -> list[tuple[list[str], int]]:
    """(n,) the tokens of each text that are not `known`, and how many tokens it has in all.

    Numbers that stand for people, as anonymised data has them (@115712), are not counted: nearly
    each of them is new. On stable days of 300 messages they made one false alarm in twenty.

    >>> unknown_words(["@brand oh no @115712"], {"@brand", "no"})
    [(['oh'], 3)]
    """
    found = [[token for token in tokens(text) if not is_person(token)] for text in texts]
    return [([token for token in each if token not in known], len(each)) for each in found]


def is_person(token: str) -> bool:
    """Whether a token is what anonymised data calls a person by, such as @115712."""
    return _PERSON.fullmatch(token) is not None


def characters(word: str, low: int = 2, high: int = 5) -> list[str]:
    """Character n-grams of one word with a blank at each end, as scikit-learn's `char_wb`.

    >>> characters("no", 2, 3)
    [' n', 'no', 'o ', ' no', 'no ']
    """
    padded = f" {word} "
    length = len(padded)
    found: list[str] = []
    for n in range(low, high + 1):
        if n >= length:
            found.append(padded)
            break
        found += [padded[i : i + n] for i in range(length - n + 1)]
    return found


def statistics(piece: str) -> tuple[float, ...]:
    """Counts that small letters hide, in the order of STATISTICS; they add up over pieces."""
    long = len(piece) > 1
    letters = piece.islower()
    return (
        len(piece),
        1,
        piece.count("!"),
        piece.count("?"),
        long and piece[0] == "@",
        long and piece[0] == "#",
        piece.startswith(("http://", "https://")),
        0 if piece.isalpha() else len(_DIGIT.findall(piece)),
        0 if letters else len(_CAPITAL.findall(piece)),
        long and piece.isupper(),
        0 if piece.isascii() else len(_EMOJI.findall(piece)),
    )


@dataclass(frozen=True)
class Pieces:
    """Messages as pieces: row r holds `index[offsets[r]:offsets[r + 1]]`, numbers in `distinct`."""

    offsets: npt.NDArray[np.int64]
    index: npt.NDArray[np.int32]
    distinct: list[str]

    def __len__(self) -> int:
        return len(self.offsets) - 1


def as_arrow(texts: Any) -> pa.Array:
    """n messages (strings, or Arrow strings without nulls) as one Arrow array."""
    if not isinstance(texts, (pa.Array, pa.ChunkedArray)):
        texts = pa.array(texts, pa.large_string())
    return texts.combine_chunks() if isinstance(texts, pa.ChunkedArray) else texts


def batches(texts: Any, rows: int, size: int) -> list[pa.Array]:
    """Slices of n messages with at most `rows` rows, and `size` bytes beside their first one.

    At least one slice, which may be empty.
    """
    texts = as_arrow(texts)
    ends = np.cumsum(pc.binary_length(texts).to_numpy(zero_copy_only=False), dtype=np.int64)
    slices: list[pa.Array] = []
    start = 0
    while start < len(texts) or not slices:
        before = ends[start - 1] if start else 0
        stop = max(start + 1, int(np.searchsorted(ends, before + size, "right")))
        stop = min(stop, start + rows, len(texts))
        slices.append(texts.slice(start, stop - start))
        start = stop
    return slices


def split(texts: Any) -> Pieces:
    """Split n messages (strings, or an Arrow array of strings without nulls) at white space.

    Only ASCII white space splits, other kinds are not part of any token: a regular expression in
    Arrow would be several times slower.
    """
    texts = as_arrow(texts)
    if (pc.max(pc.binary_length(texts)).as_py() or 0) > MESSAGE_CHARACTERS:
        texts = pc.utf8_slice_codeunits(texts, 0, MESSAGE_CHARACTERS)
    lists = pc.ascii_split_whitespace(texts)
    coded = lists.flatten().dictionary_encode()
    offsets = lists.offsets.to_numpy().astype(np.int64)
    return Pieces(
        offsets - offsets[0],
        coded.indices.to_numpy(),
        coded.dictionary.to_pylist(),
    )


def neighbours(offsets: Ints, lefts: Ints, rights: Ints) -> npt.NDArray[np.int64]:
    """A key for each place and the next one of its row: lefts[i] * 2**32 + rights[i + 1].

    -1 at a row's last place, and where one of the two is unknown (negative).
    """
    keys = np.full(len(lefts), -1, np.int64)
    first, second = lefts[:-1].astype(np.int64), rights[1:].astype(np.int64)
    keys[:-1] = np.where((first < 0) | (second < 0), -1, (first << 32) | second)
    keys[offsets[1:][np.diff(offsets) > 0] - 1] = -1
    return keys


def positions(sorted_keys: npt.NDArray[np.int64], keys: npt.NDArray[np.int64]) -> Ints:
    """Position of each key among the sorted ones, -1 where it isn't among them."""
    if not len(sorted_keys):
        return np.full(len(keys), -1, np.int64)
    at = np.searchsorted(sorted_keys, keys)
    at[at == len(sorted_keys)] = 0
    return np.where(sorted_keys[at] == keys, at, -1)


def count_matrix(offsets: Ints, numbers: Ints, columns: int) -> sp.csr_array:
    """Rows that count their numbers: (n, columns) float32; negative numbers are left out."""
    known = numbers >= 0
    if not known.all():
        offsets = np.concatenate([[0], np.cumsum(known)])[offsets]
        numbers = numbers[known]
    size = np.int32 if len(numbers) < 2**31 else np.int64
    ones = np.ones(len(numbers), np.float32)
    matrix = sp.csr_array(
        (ones, numbers.astype(size), offsets.astype(size)), shape=(len(offsets) - 1, columns)
    )
    matrix.sum_duplicates()
    return matrix


@dataclass(frozen=True)
class FactoredCounts:
    """Counts of n messages in factored form: the columns of `[tokens @ terms | pairs]`.

    The character n-grams of a message are those of its words, so their counts are a product of
    two small matrices; what is linear in the counts never needs the large one.

    Attributes:
        tokens: (n, distinct tokens) how often each token stands in a message.
        terms: (distinct tokens, terms) the token itself, and its character n-grams.
        pairs: (n, pairs) how often two words follow each other.
        words: how many columns of `terms` are words; the others are n-grams.
    """

    tokens: sp.csr_array
    terms: sp.csr_array
    pairs: sp.csr_array
    words: int

    def matrix(self) -> sp.csr_array:
        """(n, terms + pairs), the counts that scikit-learn's vectorisers give."""
        return sp.hstack([self.tokens @ self.terms, self.pairs], format="csr")


class TextInput(BaseEstimator):
    """An estimator whose input is a sequence of strings, which is what its tags say."""

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.two_d_array = False
        return tags


class WordCounts(TransformerMixin, TextInput):
    """Counts words, pairs of words, and characters within words: n strings -> (n, terms) sparse.

    Equal to scikit-learn's CountVectorizer over `tokens`, over pairs of them, and over the
    `characters` of each, which is about twenty times slower.

    Args:
        min_count: a term that stands fewer times than this in the training messages is left out.

    Attributes:
        words_: number of each word that is a term, by falling frequency.
        parts_: number of each character n-gram that is a term.
        pairs_: sorted keys of the pairs that are terms, as `neighbours` makes them of `words_`.

    >>> counts = WordCounts(min_count=1).fit(["no no", "oh no"])
    >>> counts.transform(["oh no"])[:, [0, 1]].toarray()
    array([[1., 1.]], dtype=float32)
    """

    def __init__(self, min_count: int = 2) -> None:
        self.min_count = min_count

    def fit(self, X: Any, y: Any = None) -> Self:
        self.fit_counts(X)
        return self

    def fit_counts(self, X: Any) -> FactoredCounts:
        """Choose the terms, and count them in the same messages."""
        offsets, numbers, found = expanded(split(X))
        frequency = np.bincount(numbers, minlength=len(found))
        falling = np.argsort(-frequency, kind="stable")
        often = falling[: np.count_nonzero(frequency >= self.min_count)]
        self.words_ = {found[at]: number for number, at in enumerate(often)}
        self.parts_ = self._frequent_parts(found, frequency)
        known = np.array([self.words_.get(word, -1) for word in found], np.int64)
        keys = neighbours(offsets, known[numbers], known[numbers])
        distinct, count = np.unique(keys[keys >= 0], return_counts=True)
        self.pairs_ = distinct[count >= self.min_count]
        return self._counts(offsets, numbers, found, keys)

    def counts(self, X: Any) -> FactoredCounts:
        """Count the known terms in n messages."""
        check_is_fitted(self)
        offsets, numbers, found = expanded(split(X))
        known = np.array([self.words_.get(word, -1) for word in found], np.int64)
        keys = neighbours(offsets, known[numbers], known[numbers])
        return self._counts(offsets, numbers, found, keys)

    def transform(self, X: Any) -> sp.csr_array:
        return self.counts(X).matrix()

    def terms(self, words: Sequence[str]) -> sp.csr_array:
        """(words, terms): each word's own column, and how often it holds each n-gram."""
        first_part = len(self.words_)
        rows = [
            [
                *([self.words_[word]] if word in self.words_ else ()),
                *(first_part + self.parts_[p] for p in characters(word) if p in self.parts_),
            ]
            for word in words
        ]
        lengths = np.fromiter(map(len, rows), np.int64, len(rows))
        numbers = np.fromiter((n for row in rows for n in row), np.int64, lengths.sum())
        offsets = np.concatenate([[0], np.cumsum(lengths)])
        return count_matrix(offsets, numbers, first_part + len(self.parts_))

    def get_feature_names_out(self, input_features: Any = None) -> npt.NDArray[np.object_]:
        check_is_fitted(self)
        words = list(self.words_)
        pairs = [f"{words[key >> 32]} {words[key & 0xFFFFFFFF]}" for key in self.pairs_.tolist()]
        return np.array([*words, *(f"[{part}]" for part in self.parts_), *pairs], object)

    def _frequent_parts(self, words: list[str], frequency: Ints) -> dict[str, int]:
        counts: dict[str, int] = {}
        for word, count in zip(words, frequency.tolist(), strict=True):
            for part in characters(word):
                counts[part] = counts.get(part, 0) + count
        kept = (part for part, count in counts.items() if count >= self.min_count)
        return {part: number for number, part in enumerate(kept)}

    def _counts(
        self, offsets: Ints, numbers: Ints, found: list[str], keys: npt.NDArray[np.int64]
    ) -> FactoredCounts:
        pairs = count_matrix(offsets, positions(self.pairs_, keys), len(self.pairs_))
        return FactoredCounts(
            count_matrix(offsets, numbers, len(found)), self.terms(found), pairs, len(self.words_)
        )


def tokenised(texts: Sequence[str]) -> tuple[Ints, Ints, list[str]]:
    """(n + 1,) offsets, the numbers of all tokens, and the distinct tokens that they number."""
    lists = [tokens(text) for text in texts]
    found: dict[str, int] = {}
    lengths = np.fromiter(map(len, lists), np.int64, len(lists))
    numbers = np.fromiter(
        (found.setdefault(token, len(found)) for listed in lists for token in listed),
        np.int32,
        lengths.sum(),
    )
    return np.concatenate([[0], np.cumsum(lengths)]), numbers, list(found)


def expanded(pieces: Pieces) -> tuple[Ints, Ints, list[str]]:
    """As `tokenised`, for messages: each piece is replaced by its tokens."""
    starts, numbers, found = tokenised(pieces.distinct)
    lengths = np.diff(starts)[pieces.index]
    ends = np.concatenate([[0], np.cumsum(lengths)])
    within = np.arange(ends[-1]) - np.repeat(ends[:-1], lengths)
    return ends[pieces.offsets], numbers[within + np.repeat(starts[pieces.index], lengths)], found
