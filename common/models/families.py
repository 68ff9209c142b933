"""The families of classifiers that train.py can fit; a new one is a module here and a line below.

Listing them loads none: a family's module is imported when it makes a classifier.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from common.models.base import TrainableClassifier
    from common.models.embeddings import Encoder, WordTable
    from common.models.lexicon import Lexicon


@dataclass(frozen=True)
class Extras:
    """What only some families can be told.

    Attributes:
        lexicon: words with values that a model may use; None: none.
        lexicon_must_gain: use it only if it gains beyond chance.
        scaled_start: False: fit as releases did before CatBoost had a start.
        embeddings: what gives vectors of messages; None: nothing.
    """

    lexicon: Lexicon | None = None
    lexicon_must_gain: bool = False
    scaled_start: bool = True
    embeddings: WordTable | Encoder | None = None


NO_EXTRAS = Extras()


@dataclass(frozen=True)
class Family:
    """One way to get from texts to probabilities.

    Attributes:
        name: value of the setting MODEL_FAMILY.
        summary: how it works, for people who choose.
        maker: module of this package and class in it, as "boosted.TextClassifier"; see `make`.
        requirements: packages that its stored model needs.
        steps: how many steps its `fit` reports.
        limits: what a reader of the model card must know of it, as a sentence.
        takes_extras: whether its classifier is told the Extras.
    """

    name: str
    summary: str
    maker: str
    requirements: tuple[str, ...]
    steps: int = 1
    limits: str = ""
    takes_extras: bool = False

    def make(
        self,
        text_column: str,
        class_weight: str | None,
        seed: int,
        extras: Extras = NO_EXTRAS,
    ) -> TrainableClassifier:
        """A classifier that is not fitted yet.

        Args:
            text_column: the column of a DataFrame that has the texts.
            class_weight: "balanced" to give each class the same total weight, or None.
        """
        module, _, maker = self.maker.partition(".")
        made = getattr(import_module(f"common.models.{module}"), maker)
        if not self.takes_extras:
            return made(text_column, class_weight, seed)
        return made(
            text_column,
            class_weight,
            seed,
            extras.lexicon,
            extras.lexicon_must_gain,
            extras.scaled_start,
            extras.embeddings,
        )


_BOOSTED_LIMITS = (
    "Words and parts of words are counted, of whatever language the training rows have: other "
    "languages, irony and long reasoning are beyond it."
)
_FAMILIES = (
    Family(
        "boosted",
        "counted words, linear scores and CatBoost",
        "boosted.TextClassifier",
        ("catboost", "pyarrow", "scipy"),
        steps=8,
        limits=_BOOSTED_LIMITS,
        takes_extras=True,
    ),
)

FAMILIES: Mapping[str, Family] = {family.name: family for family in _FAMILIES}
