"""Versions registered by earlier releases: their pickles carry the code of then."""

from __future__ import annotations

import threading
from collections.abc import Container, Sequence
from typing import Any


def adapt(classifier: Any) -> Any:
    """Give a classifier that was registered by an earlier release what `base` promises.

    Families of today say so with the class attribute `concurrent = True` and are left as they are.
    Before, calls shared a cache: four threads got wrong answers to one row in six, so such a
    classifier answers one call at a time. The words it knows were asked of it from outside.
    """
    if getattr(type(classifier), "concurrent", False):
        return classifier
    classifier.predict_proba = _OneCallAtATime(classifier.predict_proba)
    if hasattr(classifier, "features_"):
        classifier.unknown_words = _UnknownWords(classifier.features_.counts_.words_)
    return classifier


class _OneCallAtATime:
    """A method behind a lock, which stays here when the method is pickled."""

    def __init__(self, method: Any) -> None:
        self._method = method
        self._lock = threading.Lock()

    def __call__(self, texts: Any) -> Any:
        with self._lock:
            return self._method(texts)

    def __reduce__(self) -> tuple[Any, ...]:
        return _OneCallAtATime, (self._method,)


class _UnknownWords:
    """`base.KnowsWords.unknown_words` of a classifier that has none of its own."""

    def __init__(self, known: Container[str]) -> None:
        self._known = known

    def __call__(self, texts: Sequence[str]) -> list[tuple[list[str], int]]:
        from common.models import text  # heavy: scripts that only look at the registry need none

        return text.unknown_words(texts, self._known)
