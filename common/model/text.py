"""Features of short messages, as scikit-learn transformers over sequences of strings."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import FeatureUnion

# Words with what belongs to them (@brand, #tag, don't), else single marks: punctuation and emoji
# say much in short messages.
TOKEN = r"[@#]?\w+(?:['’]\w+)?|[^\w\s]"

STATISTICS = (
    ("characters", re.compile(r"(?s).")),
    ("words", re.compile(r"\S+")),
    ("exclamation marks", re.compile(r"!")),
    ("question marks", re.compile(r"\?")),
    ("mentions", re.compile(r"@\w")),
    ("hashtags", re.compile(r"#\w")),
    ("links", re.compile(r"https?://")),
    ("numbers", re.compile(r"\d+")),
    ("capitals", re.compile(r"[A-Z]")),
    ("words in capitals", re.compile(r"\b[A-Z]{2,}\b")),
    ("emoji", re.compile("[\u2600-\u27bf\U0001f300-\U0001faff]")),
    ("line breaks", re.compile(r"\n")),
)


def tfidf(min_df: int) -> FeatureUnion:
    """TF-IDF of words (1-2) and of characters within words (2-5): (n,) strings -> (n, terms)."""
    shared = {"min_df": min_df, "sublinear_tf": True, "dtype": np.float32, "lowercase": True}
    return FeatureUnion(
        [
            ("words", TfidfVectorizer(token_pattern=TOKEN, ngram_range=(1, 2), **shared)),
            ("characters", TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), **shared)),
        ]
    )


class TextStatistics(TransformerMixin, BaseEstimator):
    """A few counts that TF-IDF can't see: (n,) strings -> (n, 12) float32.

    >>> TextStatistics().fit(["Help!!"]).transform(["Help!!"])[0, 2]
    np.float32(2.0)
    """

    def fit(self, X: Sequence[str], y: Any = None) -> Self:
        return self

    def transform(self, X: Sequence[str]) -> npt.NDArray[np.float32]:
        counts = ([len(pattern.findall(text)) for _, pattern in STATISTICS] for text in X)
        return np.array(list(counts), np.float32).reshape(len(X), len(STATISTICS))

    def get_feature_names_out(self, input_features: Any = None) -> npt.NDArray[np.object_]:
        return np.array([name for name, _ in STATISTICS], object)

    def __sklearn_is_fitted__(self) -> bool:
        return True
