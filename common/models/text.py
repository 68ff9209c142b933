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
import scipy.sparse as sp
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from common.models import context, ngrams, scripts
from common.models.key_table import KeyTable, find, key_table
from common.models.pieces import MESSAGE_CHARACTERS, Pieces, split

Ints = npt.NDArray[np.integer[Any]]

TOKEN = scripts.TOKEN
# Of releases that took what is between spaces for words, and marks on letters for punctuation.
SPACED_TOKEN = re.compile(r"[@#]?\w+(?:['’]\w+)?|[^\w\s]")
LINK, LONG_WORD = "httplink", "longword"
# All longer words are one token: nearly each would be new, and one of 10 MB has 40 million n-grams,
# which took 3.5 GB.
WORD_CHARACTERS = 1000
# The parts of so few words are found sooner one by one than by numpy.
FEW_WORDS = 20
_LINK = re.compile(r"https?://\S*|www\.\S+")
_WRITTEN = re.compile(rf"{_LINK.pattern}|{TOKEN.pattern}", re.IGNORECASE)
_LONG_NUMBER = re.compile(r"(?<=[0-9]{3})[0-9]{2,}")
_TOKEN_OR_LINE_BREAK = {
    True: re.compile(rf"{TOKEN.pattern}|\n"),
    False: re.compile(rf"{SPACED_TOKEN.pattern}|\n"),
}
_REPEATED = re.compile(r"(\w)\1{3,}")
# Made of the terms on first use, and not stored with them.
_TABLES = ("_parts_table", "_pairs_table")
_ENTITIES = {"&amp;": "&", "&lt;": "<", "&gt;": ">", "&quot;": '"', "&#39;": "'"}
_ENTITY = re.compile("|".join(_ENTITIES))
_PERSON = re.compile(r"@[0-9]+")


def normalise(text: str, all_scripts: bool = True) -> str:
    """Small letters, links as one word, HTML's entities as characters, `soooooo` as `sooo`.

    Of long numbers (ids, phone numbers) the first three digits stay, the others become 0: nearly
    each would be a word of its own, which costs a third of the speed of scoring.

    Args:
        all_scripts: False: without `scripts.one_spelling`, as releases before it.

    >>> normalise("SOOOOO late &amp; https://t.co/x1 @115712")
    'sooo late & httplink @115000'
    """
    if all_scripts:
        text = scripts.one_spelling(text)
    if "&" in text:
        text = _ENTITY.sub(lambda found: _ENTITIES[found.group()], text)
    text = text.lower()
    if "http" in text or "www." in text:
        text = _LINK.sub(LINK, text)
    text = _LONG_NUMBER.sub(lambda digits: "0" * len(digits.group()), text)
    return _REPEATED.sub(r"\1\1\1", text)


def tokens(text: str, all_scripts: bool = True) -> list[str]:
    """The words and marks of a message; of scripts without spaces, the letters.

    What it answers, if the text has that too (`context`), is left out.

    Args:
        all_scripts: False: as releases that took all that is between spaces for words.

    >>> tokens("@Brand can't log in!!")
    ['@brand', "can't", 'log', 'in', '!', '!']
    """
    text = context.message(text)
    token = TOKEN if all_scripts else SPACED_TOKEN
    found = token.findall(normalise(text[:MESSAGE_CHARACTERS], all_scripts))
    if len(text) <= WORD_CHARACTERS:
        return found
    return [word if len(word) <= WORD_CHARACTERS else LONG_WORD for word in found]


def as_written(text: str) -> dict[str, str]:
    """How each token of a text is first written there, by the token.

    >>> as_written("NOW!! Café https://t.co/x1")
    {'now': 'NOW', '!': '!', 'café': 'Café', 'httplink': 'https://t.co/x1'}
    """
    found: dict[str, str] = {}
    text = _ENTITY.sub(lambda entity: _ENTITIES[entity.group()], text)
    # With one spelling words end where the model has them end; what it left out stands in the text.
    for spelled in dict.fromkeys([scripts.one_spelling(text), text]):
        for written in _WRITTEN.findall(spelled):
            if written in text:
                for token in tokens(written):
                    found.setdefault(token, written)
    return found


def unknown_words(
    texts: Sequence[str], known: Container[str], all_scripts: bool = True
) -> list[tuple[list[str], int]]:
    """(n,) the tokens of each text that are not `known`, and how many tokens it has in all.

    Numbers that stand for people, as anonymised data has them (@115712), are not counted: nearly
    each of them is new. On stable days of 300 messages they made one false alarm in twenty.

    >>> unknown_words(["@brand oh no @115712"], {"@brand", "no"})
    [(['oh'], 3)]
    """
    found = [
        [token for token in tokens(text, all_scripts) if not is_person(token)] for text in texts
    ]
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


def neighbours(offsets: Ints, lefts: Ints, rights: Ints) -> npt.NDArray[np.int64]:
    """A key for each place and the next one of its row: lefts[i] * 2**32 + rights[i + 1].

    -1 at a row's last place, and where one of the two is unknown (negative).
    """
    keys = np.full(len(lefts), -1, np.int64)
    first, second = lefts[:-1].astype(np.int64), rights[1:].astype(np.int64)
    keys[:-1] = np.where((first < 0) | (second < 0), -1, (first << 32) | second)
    keys[offsets[1:][np.diff(offsets) > 0] - 1] = -1
    return keys


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
        all_scripts: as of `tokens`.

    Attributes:
        words_: number of each word that is a term, by falling frequency.
        parts_: number of each character n-gram that is a term.
        pairs_: sorted keys of the pairs that are terms, as `neighbours` makes them of `words_`.

    >>> counts = WordCounts(min_count=1).fit(["no no", "oh no"])
    >>> counts.transform(["oh no"])[:, [0, 1]].toarray()
    array([[1., 1.]], dtype=float32)
    """

    def __init__(self, min_count: int = 2, all_scripts: bool = True) -> None:
        self.min_count = min_count
        self.all_scripts = all_scripts

    def fit(self, X: Any, y: Any = None) -> Self:
        self.fit_counts(X)
        return self

    def fit_counts(self, X: Any) -> FactoredCounts:
        """Choose the terms, and count them in the same messages."""
        offsets, numbers, found = expanded(split(X), self.all_scripts)
        frequency = np.bincount(numbers, minlength=len(found))
        falling = np.argsort(-frequency, kind="stable")
        often = falling[: np.count_nonzero(frequency >= self.min_count)]
        self.words_ = {found[at]: number for number, at in enumerate(often)}
        parts = ngrams.frequent_grams(found, frequency, self.min_count)
        self.parts_ = {part: number for number, part in enumerate(parts)}
        for table in _TABLES:
            self.__dict__.pop(table, None)
        known = np.array([self.words_.get(word, -1) for word in found], np.int64)
        keys = neighbours(offsets, known[numbers], known[numbers])
        distinct, count = np.unique(keys[keys >= 0], return_counts=True)
        self.pairs_ = distinct[count >= self.min_count]
        return self._counts(offsets, numbers, found, keys)

    def counts(self, X: Any) -> FactoredCounts:
        """Count the known terms in n messages."""
        check_is_fitted(self)
        offsets, numbers, found = expanded(split(X), self.all_scripts)
        known = np.array([self.words_.get(word, -1) for word in found], np.int64)
        keys = neighbours(offsets, known[numbers], known[numbers])
        return self._counts(offsets, numbers, found, keys)

    def transform(self, X: Any) -> sp.csr_array:
        return self.counts(X).matrix()

    def pair_numbers(self, keys: npt.NDArray[np.int64]) -> npt.NDArray[np.int32]:
        """(n,) which pair each key is, as `neighbours` makes them; -1 where it isn't a term."""
        numbers = np.full(len(keys), -1, np.int32)
        (known,) = np.nonzero(keys >= 0)
        numbers[known] = find(self._pairs_found_in(), keys[known])
        return numbers

    def terms(self, words: Sequence[str]) -> sp.csr_array:
        """(words, terms): each word's own column, and how often it holds each n-gram."""
        if len(words) < FEW_WORDS:
            return self._terms_of_few(words)
        own = np.array([self.words_.get(word, -1) for word in words], np.int64)
        (known,) = np.nonzero(own >= 0)
        owners, parts = ngrams.known_grams(words, self._parts_found_in())
        rows = np.concatenate([known, owners])
        columns = np.concatenate([own[known], len(self.words_) + parts])
        order = np.argsort(rows, kind="stable")
        offsets = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=len(words)))])
        return count_matrix(offsets, columns[order], len(self.words_) + len(self.parts_))

    def _terms_of_few(self, words: Sequence[str]) -> sp.csr_array:
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

    def __getstate__(self) -> dict[str, Any]:
        """Without the tables, which take as long to read as to make: some 0.3 us a term."""
        return {k: v for k, v in super().__getstate__().items() if k not in _TABLES}

    def _parts_found_in(self) -> ngrams.GramTable:
        # Two threads may both make it, which does no harm.
        if "_parts_table" not in vars(self):
            self._parts_table = ngrams.gram_table(self.parts_)
        return self._parts_table

    def _pairs_found_in(self) -> KeyTable:
        if "_pairs_table" not in vars(self):
            self._pairs_table = key_table(self.pairs_)
        return self._pairs_table

    def _counts(
        self, offsets: Ints, numbers: Ints, found: list[str], keys: npt.NDArray[np.int64]
    ) -> FactoredCounts:
        pairs = count_matrix(offsets, self.pair_numbers(keys), len(self.pairs_))
        return FactoredCounts(
            count_matrix(offsets, numbers, len(found)), self.terms(found), pairs, len(self.words_)
        )


def tokenised(pieces: Sequence[str], all_scripts: bool = True) -> tuple[Ints, Ints, list[str]]:
    """(p + 1,) offsets, the numbers of all tokens, and the distinct tokens that they number.

    Args:
        pieces: without line breaks, so that they can be normalised and searched as lines of one
            text: that takes a third of the time that `tokens` takes for each.
        all_scripts: as of `tokens`.
    """
    if not pieces:
        return np.zeros(1, np.int64), np.empty(0, np.int64), []
    if max(map(len, pieces)) > WORD_CHARACTERS:
        found = [token for piece in pieces for token in (*tokens(piece, all_scripts), "\n")]
    else:
        lines = normalise("\n".join(pieces), all_scripts) + "\n"
        found = _TOKEN_OR_LINE_BREAK[all_scripts].findall(lines)
    numbers = dict.fromkeys(found, -1)
    del numbers["\n"]
    distinct = list(numbers)
    numbers = dict(zip(distinct, range(len(distinct)), strict=True)) | {"\n": -1}
    of_all = np.fromiter(map(numbers.__getitem__, found), np.int64, len(found))
    (ends,) = np.nonzero(of_all < 0)
    offsets = np.concatenate([[0], ends - np.arange(len(ends))])
    return offsets, of_all[of_all >= 0], distinct


def expanded(pieces: Pieces, all_scripts: bool = True) -> tuple[Ints, Ints, list[str]]:
    """As `tokenised`, for messages: each piece is replaced by its tokens."""
    starts, numbers, found = tokenised(pieces.distinct, all_scripts)
    lengths = np.diff(starts)[pieces.index]
    ends = np.concatenate([[0], np.cumsum(lengths)])
    within = np.arange(ends[-1]) - np.repeat(ends[:-1], lengths)
    return ends[pieces.offsets], numbers[within + np.repeat(starts[pieces.index], lengths)], found
