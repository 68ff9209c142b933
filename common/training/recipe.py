"""How a model is made of messages, and the classifier that is still to be fitted."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

from common.data.lexicon import VADER, read_lexicon
from common.errors import SettingsError
from common.models.base import TrainableClassifier
from common.models.extras import Extras
from common.models.families import ALL, FAMILIES
from common.setting_values import is_file
from common.text import printable
from common.training import embeddings

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Recipe:
    """How a model is made of messages.

    Attributes:
        family: a name of `models.families.FAMILIES`, or ALL of them to compete.
        text_column: the column of the messages, also when scoring.
        holdout_percent: share of the messages that it is not fitted on, 5 to 50.
        class_weight: "none" or "balanced".
        lexicon: "none", "vader", "auto" (VADER's, if it gains), or a file of words with values.
        scaled_start: False: as releases fitted before CatBoost had a start.
        embeddings: "none", a file of word vectors, or a function as "module:function".
        transformer: "none", a folder with a checkpoint, or its name on Hugging Face's hub.
        all_scripts: False: as releases fitted whose words were what is between spaces.
    """

    family: str
    text_column: str
    holdout_percent: int
    class_weight: str
    seed: int
    lexicon: str = "none"
    scaled_start: bool = True
    embeddings: str = "none"
    transformer: str = "none"
    all_scripts: bool = True

    @property
    def word_files(self) -> dict[str, Path]:
        """The user's files and folders that the recipe names, by setting."""
        named = {
            "lexicon": self.lexicon,
            "embeddings": self.embeddings,
            "transformer": self.transformer,
        }
        return {name: Path(value) for name, value in named.items() if is_file(name, value)}

    @property
    def steps(self) -> int:
        """How many steps `fit` reports."""
        return sum(FAMILIES[name].steps for name in self.families()) + 1

    def families(self) -> list[str]:
        """Names of the families that are to be fitted, and can be here."""
        named = FAMILIES if self.family == ALL else [self.family]
        return [name for name in named if not self.lacks(name)]

    def lacks(self, family: str) -> str:
        """What keeps a family from being fitted here, as a sentence; "" if nothing does."""
        return FAMILIES[family].lacks(
            embeddings=self.embeddings != "none", checkpoint=self.transformer != "none"
        )


def require_family(recipe: Recipe) -> None:
    """Find out early whether there is a family that can be fitted here.

    Raises:
        SettingsError: something that it needs is not here.
    """
    if not recipe.families():
        raise SettingsError(recipe.lacks(recipe.family))
    folder = recipe.word_files.get("transformer")
    if folder and not (folder / "config.json").is_file():
        raise SettingsError(
            f"TRANSFORMER {printable(folder)}: that is not the folder of a model of Hugging Face's "
            "transformers: there is no config.json."
        )


def extras_of(recipe: Recipe) -> Extras:
    """What the recipe says to families that take more than the usual.

    Raises:
        InputError: a file can't be read.
        SettingsError: the function of EMBEDDINGS can't be imported.
    """
    families = [FAMILIES[name] for name in recipe.families()]
    lexicon = vectors = None
    if recipe.lexicon != "none" and any(family.takes_extras for family in families):
        from common.models.lexicon import Lexicon

        file = recipe.word_files.get("lexicon")
        name, values = file.name if file else "vader", read_lexicon(file or VADER)
        lexicon = Lexicon.of(name, values, recipe.all_scripts)
    if any(family.embeddings != "unused" for family in families):
        vectors = embeddings.source_of(recipe.embeddings, recipe.all_scripts)
    elif recipe.embeddings != "none":
        logger.warning("MODEL_FAMILY=%s does not use EMBEDDINGS.", recipe.family)
    return Extras(
        lexicon,
        recipe.lexicon == "auto",
        recipe.scaled_start,
        vectors,
        recipe.all_scripts,
        "" if recipe.transformer == "none" else recipe.transformer,
    )


def unfitted(recipe: Recipe, extras: Extras) -> TrainableClassifier:
    """A classifier of the recipe's family."""
    weight = None if recipe.class_weight == "none" else recipe.class_weight
    family = FAMILIES[recipe.family]
    return family.make(recipe.text_column, weight, recipe.seed, extras)
