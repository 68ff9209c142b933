"""What only some families can be told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from common.models.embeddings import Encoder, WordTable
    from common.models.lexicon import Lexicon


@dataclass(frozen=True)
class Extras:
    """What only some families can be told.

    Attributes:
        lexicon: words with values that a model may use; None: none.
        lexicon_must_gain: use it only if it gains beyond chance on the rows to fit.
        scaled_start: with few rows or many classes CatBoost starts from scaled scores; False: never
            does, as in versions registered before there was such a start.
        embeddings: what gives vectors of messages, whose class scores are columns beside the
            linear scores; None: nothing. A fitted classifier needs a table of words no more, and
            is stored without.
        all_scripts: False: tokens are those of versions registered before marks belonged to
            letters, and before scripts without spaces were read letter by letter.
        transformer: the checkpoint that is fine-tuned: a folder, or a name on Hugging Face's hub.
    """

    lexicon: Lexicon | None = None
    lexicon_must_gain: bool = False
    scaled_start: bool = True
    embeddings: WordTable | Encoder | None = None
    all_scripts: bool = True
    transformer: str = ""


NO_EXTRAS = Extras()
