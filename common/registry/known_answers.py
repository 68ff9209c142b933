"""What a version says to a few fixed messages, kept with it: who loads it later asks again.

Digests tell that the files are the same; these answers tell that the libraries that read them
answer as they did. The messages are made up, so that no customer's is kept.
"""

from __future__ import annotations

import json

from common.errors import ModelUnavailable
from common.models.base import Classifier
from common.registry.versions import Version

TAG = "known_answers"
MESSAGES = (
    "where is my order? it should have been here on Monday",
    "Thank you so much, you made my day :)",
    "@brand my app CRASHES since the update!!! fix this",
    "how do I cancel my subscription",
    "your flight 1234 was cancelled and nobody answers 😡",
    "ok",
    "",
)
# Processors differ in the seventh digit.
TOLERANCE = 1e-4


def of(classifier: Classifier) -> str:
    """The answers as the value of the tag: number of the likeliest class and its probability."""
    proba = classifier.predict_proba(list(MESSAGES))
    best = proba.argmax(axis=1).tolist()
    return json.dumps([[at, round(float(row[at]), 6)] for at, row in zip(best, proba, strict=True)])


def refuse_others(version: Version, classifier: Classifier) -> None:
    """Raise ModelUnavailable if a version that was loaded answers otherwise than when it was made.

    Versions of earlier releases have no such answers; they only have to give some.
    """
    proba = classifier.predict_proba(list(MESSAGES))
    if TAG not in version.tags:
        return
    expected = json.loads(version.tags[TAG])
    if len(expected) == len(proba) and all(
        at < proba.shape[1] and abs(row[at] - was) <= TOLERANCE
        for row, (at, was) in zip(proba, expected, strict=True)
    ):
        return
    raise ModelUnavailable(
        f"version {version.number} of {version.name} answers otherwise than when it was "
        "registered: are the installed libraries those that it was fitted with?"
    )
