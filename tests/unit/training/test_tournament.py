"""Families are compared on rows that they were not fitted on; what decides, and who is left out."""

import numpy as np
import pytest

from common.data import split
from common.data.labelled import Split
from common.errors import InputError
from common.evaluation.metrics import log_losses
from common.training import tournament
from common.training.recipe import Recipe


def side(texts, labels):
    texts, labels = (np.array(values, object) for values in (texts, labels))
    return Split(texts, labels, split.buckets(texts))


def messages(rows):
    kinds = ("refund my late parcel", "thanks a lot", "where is it")
    return side(
        [f"{kinds[row % 3]} {row}" for row in range(rows)],
        [("angry", "calm", "asks")[row % 3 if row % 5 else 0] for row in range(rows)],
    )


@pytest.mark.parametrize(("rows", "asked"), [(90, [0, 1, 2, 3, 4]), (1000, [0])])
def test_of_few_rows_all_are_asked_about_and_of_many_a_fifth(rows, asked):
    folds, chosen = tournament._folds(messages(rows), 1)
    assert chosen == asked
    assert np.bincount(folds).tolist() == [rows // 5] * 5


def test_variants_of_a_text_are_never_on_both_sides_and_no_class_is_left_out_whole():
    texts = [f"text {row // 3}{' @you' * (row % 3)}" for row in range(60)]
    train = side([*texts, "alone"], [*(["a", "b"] * 30), "rare"])
    folds, asked = tournament._folds(train, 1)
    assert all(len(set(folds[first : first + 3])) == 1 for first in range(0, 60, 3))
    assert folds[-1] == -1
    for fold in asked:
        assert set(train.labels[folds != fold]) == {"a", "b", "rare"}


def test_too_few_rows_are_refused_in_one_line():
    with pytest.raises(InputError, match="MODEL_FAMILY=all needs more rows"):
        tournament._folds(side(["one", "two"], ["a", "b"]), 1)


def answers(own):
    own = np.array(own)
    predicted = np.where(own > 0.5, "a", "b").astype(object)
    return tournament._Answers(own, predicted, 1.0, 2.0, 0.5)


def test_families_are_ranked_by_the_loss_of_the_same_rows():
    found = {"cheap": answers([0.9, 0.4, 0.6, 0.8]), "dear": answers([0.9, 0.6, 0.7, 0.8])}
    cheap, dear = tournament._entrants(found, np.array(["a"] * 4, object))
    assert (cheap.accuracy, dear.accuracy) == (0.75, 1.0)
    assert (dear.behind, dear.error) == (0, 0)
    gaps = log_losses(found["cheap"].own) - log_losses(found["dear"].own)
    assert cheap.behind == pytest.approx(gaps.mean())
    assert cheap.error == pytest.approx(gaps.std() / 2)
    assert (cheap.rows_per_second, cheap.megabytes) == (8, 2)


def test_the_cheaper_of_two_that_are_level_wins_and_others_are_named(monkeypatch):
    """On messages that both families get right but for chance."""
    monkeypatch.setattr(tournament, "FEW_ROWS", 0)
    monkeypatch.setattr(tournament, "LEVEL", 10.0)
    steps = []
    recipe = Recipe("all", "text", 20, "none", 1)
    found = tournament.hold(messages(150), recipe, steps.append)
    assert [one.family for one in found.entrants][:2] == ["linear", "boosted"]
    assert found.winner == "linear"
    assert "embedding" in found.absent
    assert found.rows == 30
    assert sum(steps) + 1 == recipe.steps
