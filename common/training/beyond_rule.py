"""What a model learns of a rule's classes beyond the words that the rule looks for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from common.data import rules
from common.data.labelled import Split
from common.training.fit import TrainingResult, fit


@dataclass(frozen=True)
class BeyondRule:
    """Accuracy and macro-F1 on the same holdout, with the words of a rule and without them.

    Attributes:
        rule: of LABEL_WITH.
        majority: accuracy of always answering the most frequent class of the training rows.
        emptied: share of the messages that hold nothing but words of the rule.
    """

    rule: str
    accuracy_with: float
    accuracy_without: float
    f1_macro_with: float
    f1_macro_without: float
    majority: float
    emptied: float

    def sentence(self) -> str:
        """For people, in one line."""
        return (
            f"Without the words that the rule looks for (LABEL_WITH={self.rule}): accuracy "
            f"{self.accuracy_without:.4f}, macro-F1 {self.f1_macro_without:.4f}; with them "
            f"{self.accuracy_with:.4f} and {self.f1_macro_with:.4f}; always the most frequent "
            f"class: {self.majority:.4f}."
        )


def beyond_rule(
    found: TrainingResult, train: Split, holdout: Split, rule: str, keywords: Sequence[str]
) -> BeyondRule:
    """Fit and test again without the words of the rule; sides and classes stay as they are.

    Args:
        found: what was fitted with them, on these two sides.
        rule: of LABEL_WITH, that made the classes; `keywords` are those of "keywords".
    """

    def masked(side: Split) -> Split:
        texts = rules.without_rule_words(side.texts.tolist(), rule, keywords)
        return replace(side, texts=np.array([*texts, ""], object)[:-1])

    fitted, tested = masked(train), masked(holdout)
    metrics = fit(fitted, tested, found.recipe).metrics
    texts = [*fitted.texts, *tested.texts]
    return BeyondRule(
        rule=rule,
        accuracy_with=found.metrics["accuracy"],
        accuracy_without=metrics["accuracy"],
        f1_macro_with=found.metrics["f1_macro"],
        f1_macro_without=metrics["f1_macro"],
        majority=float((holdout.labels == found.majority).mean()),
        emptied=float(np.mean([not text.strip() for text in texts])),
    )
