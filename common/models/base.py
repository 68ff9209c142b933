"""What a classifier promises to those who use it."""

from __future__ import annotations

import threading
from typing import Any


def safe_from_threads(classifier: Any) -> Any:
    """Make a classifier answer one call at a time, unless several threads may call it at once.

    Families say so with the class attribute `concurrent = True`. Versions registered before they
    did share a cache between calls: four threads got wrong answers to one row in six.
    """
    if not getattr(type(classifier), "concurrent", False):
        classifier.predict_proba = _OneCallAtATime(classifier.predict_proba)
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
