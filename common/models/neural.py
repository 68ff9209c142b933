"""A small neural network over words and parts of words: fitted with torch, scored with numpy."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import scipy.sparse as sp
from scipy.special import log_softmax, logsumexp, softmax
from sklearn.utils.validation import check_is_fitted

from common.models import text
from common.models.buckets import Bags, Hashed, hashed
from common.models.classifier import MessageClassifier
from common.models.folds import FEW_ROWS
from common.models.network import BITS
from common.models.pieces import batches

Floats = npt.NDArray[np.float64]

NOTICEABLE_WORDS = 2000
ROWS_AT_ONCE, BYTES_AT_ONCE = 10_000, 1_000_000


class NeuralClassifier(MessageClassifier):
    """Classifies messages: sequences of strings, or a DataFrame with the column `text_column`.

    Fitting needs torch, and uses a GPU where there is one; answering needs numpy and SciPy alone.
    The network is stored as `torch.export` and as TorchScript too, see `exports`.

    Args:
        class_weight: None, or "balanced" to give each class the same total weight.

    Attributes:
        classes_: (K,) the classes, sorted strings; columns of `predict_proba` in this order.
        network_: what was learnt.
        words_: the known words, by falling frequency.

    Several threads may ask a fitted classifier at once: nothing in it changes.
    """

    concurrent = True

    def fit(self, X: Any, y: Any, advance: Callable[[int], None] = lambda steps: None) -> Self:
        """Fit on n messages and their n classes.

        Args:
            advance: told of each of the EPOCHS + 1 steps that is done.

        Raises:
            ValueError: fewer than two classes.
        """
        from common.models import neural_fit  # torch is needed nowhere else

        numbers = self._number_classes(y)
        messages = hashed(self._messages(X), BITS)
        # With few rows a term that stands once counts too.
        least = 2 if len(numbers) >= FEW_ROWS else 1
        self.words_ = _frequent_words(messages, least)
        advance(1)
        self.network_ = neural_fit.fit(
            messages, numbers, least, self.class_weight == "balanced", self.seed, advance
        )
        return self

    def predict_proba(self, X: Any) -> Floats:
        """Probabilities, shape (n, K)."""
        check_is_fitted(self)
        parts = [self._logits(part) for part in self._parts(X)]
        return np.asarray(softmax(np.vstack(parts), axis=1))

    def explain(self, X: Any, proba: Floats, top: int = 3) -> list[list[tuple[str, float]]]:
        """The words of each message without which its predicted class would be less probable.

        A word's weight is what the log-odds of the class lose if the word, its parts and its pairs
        are left out everywhere in the message. Words are spelt as in the message.

        Args:
            proba: (n, K) what `predict_proba` gives for the messages.
        """
        texts = self._messages(X)
        predicted = proba.argmax(axis=1)
        reasons: list[list[tuple[str, float]]] = []
        for part in self._parts(X):
            first = len(reasons)
            found = self._losses(part, predicted[first : first + len(part)])
            for message, pairs in zip(texts[first : first + len(part)], found, strict=True):
                written = text.as_written(str(message))
                reasons.append([(written.get(w, w), loss) for w, loss in pairs[:top] if loss > 0])
        return reasons

    def telling_terms(self, top: int = 15) -> dict[str, list[tuple[str, float]]]:
        """The words that speak most for each class, among the frequent ones.

        A word's weight is what a message of this word alone adds to the class's logit, against the
        mean of all classes.
        """
        frequent = list(self.words_)[:NOTICEABLE_WORDS]
        # Who somebody is in anonymised data is nothing that people say.
        words = [word for word in frequent if not text.is_person(word)]
        logits = log_softmax(self._logits(["", *words]), axis=1)
        added = logits[1:] - logits[0]
        added -= added.mean(axis=1, keepdims=True)
        best = np.argsort(-added, axis=0, kind="stable")[:top]
        return {
            str(name): [(words[i], float(added[i, k])) for i in best[:, k]]
            for k, name in enumerate(self.classes_)
        }

    def unknown_words(self, texts: Sequence[str]) -> list[tuple[list[str], int]]:
        """(n,) the words of each text that were in no training message, and how many it has."""
        return text.unknown_words(texts, self.words_)

    def exports(self) -> Mapping[str, bytes]:
        """The network for others, by file name; needs torch.

        `model.pt2` is of `torch.export`, `model.ts` is TorchScript. Both take the buckets of n
        messages one after the other, (m,) int64, and offsets, (n,) int64: where each message
        begins in them. They give (n, K) probabilities, float32. `buckets` says how a message
        becomes buckets: `hashed(texts, BITS)`, and `take` of all rows.
        """
        from common.models import neural_fit

        return neural_fit.exported(self.network_)

    def _logits(self, texts: Any) -> Floats:
        messages = hashed(texts, BITS)
        of_words, of_pairs = self._vectors(messages)
        sums = _sums(messages.tokens, of_words) + _sums(_each(messages.pairs), of_pairs)
        return self.network_.logits(sums, messages.sizes)

    def _vectors(self, messages: Hashed) -> tuple[Floats, Floats]:
        """(w, d) of each distinct word with its parts, and (p, d) of each pair."""
        network, terms = self.network_, messages.terms
        of_words = _sums(_each(terms), network.of_buckets(terms.numbers))
        return of_words, network.of_buckets(messages.pairs.numbers)

    def _losses(self, texts: Any, predicted: npt.NDArray[np.intp]) -> list[list[tuple[str, float]]]:
        """(n,) each message's words with what its class loses without them, the largest first."""
        messages = hashed(texts, BITS)
        tokens, pairs = messages.tokens, messages.pairs
        of_words, of_pairs = self._vectors(messages)
        sums = _sums(tokens, of_words) + _sums(_each(pairs), of_pairs)
        whole = self.network_.logits(sums, messages.sizes)
        left_out = of_words[tokens.numbers]
        sizes = messages.terms.lengths[tokens.numbers]
        # A pair goes with either of its words.
        starts = np.flatnonzero(np.diff(tokens.owners, append=-1) == 0)
        for at in (starts, starts + 1):
            left_out[at] += of_pairs
            sizes[at] += 1
        keys = tokens.owners * len(messages.words) + tokens.numbers
        distinct, inverse = np.unique(keys, return_inverse=True)
        same = sp.csr_array(
            (np.ones(len(keys)), (inverse, np.arange(len(keys)))), (len(distinct), len(keys))
        )
        owners, words = np.divmod(distinct, max(len(messages.words), 1))
        without = self.network_.logits(
            sums[owners] - same @ left_out,
            messages.sizes[owners] - np.asarray(same @ sizes).astype(np.int64),
        )
        losses = _log_odds(whole[owners], predicted[owners]) - _log_odds(without, predicted[owners])
        found: list[list[tuple[str, float]]] = [[] for _ in range(len(tokens))]
        for at in np.argsort(-losses, kind="stable").tolist():
            found[owners[at]].append((messages.words[words[at]], float(losses[at])))
        return found

    def _parts(self, X: Any) -> list[pa.Array]:
        return batches(self._messages(X), ROWS_AT_ONCE, BYTES_AT_ONCE)


def _frequent_words(messages: Hashed, least: int) -> dict[str, int]:
    """How often each word that stands `least` times or more does, by falling frequency."""
    counts = np.bincount(messages.tokens.numbers, minlength=len(messages.words))
    falling = Counter(dict(zip(messages.words, counts.tolist(), strict=True))).most_common()
    return {word: count for word, count in falling if count >= least}


def _sums(bags: Bags, values: Floats) -> Floats:
    """(n, d) for each row the sum of the values that it names, in its order, whatever the chunk."""
    shape = (len(bags), len(values))
    return np.asarray(
        sp.csr_array((np.ones(len(bags.numbers)), bags.numbers, bags.offsets), shape) @ values
    )


def _each(bags: Bags) -> Bags:
    """The same rows, naming the places of their numbers."""
    return Bags(bags.offsets, np.arange(len(bags.numbers)))


def _log_odds(logits: Floats, classes: npt.NDArray[np.intp]) -> Floats:
    """(n,) ln(p / (1 - p)) of one class of each row."""
    rows = np.arange(len(logits))
    others = logits.copy()
    others[rows, classes] = -np.inf
    return np.asarray(logits[rows, classes] - logsumexp(others, axis=1))
