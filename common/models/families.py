"""The families of classifiers that train.py can fit; a new one is a module here and a line below.

Listing them loads none: a family's module is imported when it makes a classifier. They are listed
from the cheapest to the dearest, which decides where a tournament finds two of them level.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Literal

from common.models.extras import NO_EXTRAS, Extras

if TYPE_CHECKING:
    from common.models.base import TrainableClassifier


class FamilyUnavailable(ValueError):
    """A family can't be fitted here; the message is one line for its user."""


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
        embeddings: whether its classifier has a use for vectors of the user's, or can't do without.
        checkpoint: whether TRANSFORMER must name what it fine-tunes.
        needs: modules that fitting imports and the core does not bring.
        extra: what installs them, as in `make EXTRA`.
    """

    name: str
    summary: str
    maker: str
    requirements: tuple[str, ...]
    steps: int = 1
    limits: str = ""
    takes_extras: bool = False
    embeddings: Literal["unused", "used", "needed"] = "unused"
    checkpoint: bool = False
    needs: tuple[str, ...] = ()
    extra: str = ""

    def lacks(self, embeddings: bool = False, checkpoint: bool = False) -> str:
        """What keeps it from being fitted here, as a sentence; "" if nothing does.

        Args:
            embeddings, checkpoint: whether the user has given any.
        """
        missing = [name for name in self.needs if find_spec(name) is None]
        if missing:
            modules = " and ".join(missing)
            return f"MODEL_FAMILY={self.name} needs {modules}: run `make {self.extra}`."
        if self.embeddings == "needed" and not embeddings:
            return f"MODEL_FAMILY={self.name} needs vectors of words or messages: set EMBEDDINGS."
        if self.checkpoint and not checkpoint:
            return f"MODEL_FAMILY={self.name} needs a model to fine-tune: set TRANSFORMER."
        return ""

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

        Raises:
            FamilyUnavailable: something that it needs is not here.
        """
        if lack := self.lacks(extras.embeddings is not None, bool(extras.transformer)):
            raise FamilyUnavailable(lack)
        if self.embeddings == "unused":
            extras = replace(extras, embeddings=None)
        module, _, maker = self.maker.partition(".")
        made = getattr(import_module(f"common.models.{module}"), maker)
        if self.takes_extras:
            return made(text_column, class_weight, seed, extras)
        return made(text_column, class_weight, seed)


_WORDS_LIMITS = (
    "Words and parts of words are counted, of whatever language the training rows have: other "
    "languages, irony and long reasoning are beyond it."
)
_NEURAL_LIMITS = (
    "Words, pairs of words and parts of words are looked up, of whatever language the training "
    "rows have: other languages, irony and long reasoning are beyond it."
)
_TRANSFORMER_LIMITS = (
    "It knows the languages that it was pretrained on, and reads the first 128 tokens of a "
    "message. It can't say which words its answers come from."
)
_FAMILIES = (
    Family(
        "linear",
        "counted words and linear scores",
        "linear.LinearClassifier",
        ("pyarrow", "scipy"),
        steps=8,
        limits=_WORDS_LIMITS,
        takes_extras=True,
    ),
    Family(
        "boosted",
        "counted words, linear scores and CatBoost",
        "boosted.TextClassifier",
        ("catboost", "pyarrow", "scipy"),
        steps=8,
        limits=_WORDS_LIMITS,
        takes_extras=True,
        embeddings="used",
    ),
    Family(
        "embedding",
        "counted words and vectors of EMBEDDINGS, linear scores of both",
        "linear.LinearClassifier",
        ("pyarrow", "scipy"),
        steps=8,
        limits=_WORDS_LIMITS,
        takes_extras=True,
        embeddings="needed",
    ),
    Family(
        "neural",
        "a small neural network over words and parts of words",
        "neural.NeuralClassifier",
        ("pyarrow", "scipy"),
        steps=21,
        limits=_NEURAL_LIMITS,
        needs=("torch",),
        extra="neural",
    ),
    Family(
        "transformer",
        "a pretrained transformer, fine-tuned: TRANSFORMER names it",
        "transformer.TransformerClassifier",
        ("pyarrow", "safetensors", "scipy", "tokenizers", "torch", "transformers"),
        steps=10,
        limits=_TRANSFORMER_LIMITS,
        takes_extras=True,
        checkpoint=True,
        needs=("torch", "transformers"),
        extra="transformer",
    ),
)

FAMILIES: Mapping[str, Family] = {family.name: family for family in _FAMILIES}
# What MODEL_FAMILY says to have them all compete.
ALL = "all"
# Models that were made elsewhere (`registry adopt`): nobody can choose to fit one.
ADOPTED = Family(
    "adopted",
    "made elsewhere",
    "adopted.AdoptedClassifier",
    (),
    limits="It was made elsewhere: ask its makers what it can't do.",
)
KNOWN: Mapping[str, Family] = {**FAMILIES, ADOPTED.name: ADOPTED}
