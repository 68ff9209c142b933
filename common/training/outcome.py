"""What a training came to, for who started it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # so that a script can name it without loading a heavy library
    from common.data.labelled import RowCounts
    from common.evaluation.metrics import ClassMetrics, Confused
    from common.evaluation.routing import Routing
    from common.models.base import EmbeddingsUse, LexiconUse
    from common.registry.pages import Links
    from common.registry.versions import Version
    from common.training.beyond_rule import BeyondRule
    from common.training.contest_result import ContestResult
    from common.training.cost import CostFigures
    from common.training.tournament import Tournament


@dataclass(frozen=True)
class TrainResult:
    """What a training came to.

    Attributes:
        family: of the model.
        metrics: of the holdout, by the names of `evaluation.metrics`.
        class_rows: rows of each class in all, the most frequent first.
        per_class: precision, recall and F1 of each class on the holdout.
        confused: the two classes that are most often taken for each other, if any are.
        remarks: what looks wrong, in sentences.
        lexicon_use: what became of LEXICON's words; None if there are none.
        embeddings_use: what EMBEDDINGS gained; None if there are none.
        tournament: that the model's family won; None: there was none.
        doubts: labels of training rows that look wrong, how many are listed.
        counts: of the rows of the data.
        synthetic: whether the messages are made up.
        contest: the verdict, and the answers of both models that it was found on.
        version: what the model was registered as; None after a dry run.
        beyond_rule: of a run with `mask_rule_words`, what is learnt beyond the rule.
        routing: who looks at which answers; None: nothing is promised.
        costs: what its answers cost; None: nobody has said what mistakes do.
        links: where a server shows it; None after a dry run or if the store is embedded.
    """

    family: str
    metrics: Mapping[str, float]
    class_rows: Mapping[str, int]
    per_class: Mapping[str, ClassMetrics]
    confused: Confused | None
    remarks: Sequence[str]
    lexicon_use: LexiconUse | None
    embeddings_use: EmbeddingsUse | None
    tournament: Tournament | None
    doubts: int
    holdout_rows: int
    counts: RowCounts
    synthetic: bool
    contest: ContestResult
    version: Version | None
    links: Links | None = None
    beyond_rule: BeyondRule | None = None
    routing: Routing | None = None
    costs: CostFigures | None = None
