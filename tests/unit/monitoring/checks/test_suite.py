"""Which checks a window is asked, by what is known of it and of the model."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from common.evaluation import profile
from common.masking import Disclosure
from common.models.base import Classifier, KnowsWords
from common.monitoring.checks.catalogue import CHECKS, SUBJECT_TITLES, Subject, about
from common.monitoring.checks.suite import Baseline, run_checks
from common.monitoring.history import Past

TEXTS = [f"my {thing} is {state}" for thing in ("order", "bill") for state in ("late", "fine")]


class Plain:
    classes_ = np.array(["a", "b"], object)

    def predict_proba(self, texts, /):
        return np.tile([0.9, 0.1], (len(texts), 1))


class Wordy(Plain):
    def unknown_words(self, texts, /):
        return [(["bill"] if "bill" in text else [], 4) for text in texts]


def window(rows, labelled=True, texts=TEXTS, confidence=0.9):
    random = np.random.default_rng(rows)
    answers = random.choice(["a", "b"], rows).astype(object)
    return profile.of_rows(
        pa.array(random.choice(texts, rows), pa.large_string()),
        answers if labelled else np.full(rows, "", object),
        answers,
        np.full(rows, confidence),
        seed=rows,
    )


def names(seen, classifier=None, reference=None, days_since_end=0.0):
    baseline = Baseline(classifier or Plain(), reference, 0.8)
    return [finding.name for finding in run_checks(seen, baseline, Past(), days_since_end)]


def test_only_a_classifier_that_knows_its_words_is_asked_for_unknown_ones():
    assert isinstance(Plain(), Classifier)
    assert isinstance(Wordy(), KnowsWords)
    assert not isinstance(Plain(), KnowsWords)
    plain = names(window(300), Plain(), window(500))
    assert "unknown_words" not in plain
    wordy = names(window(300), Wordy(), window(500))
    assert [name for name in wordy if name != "unknown_words"] == plain
    assert "unknown_words" in wordy


def test_its_unknown_words_are_compared_with_those_of_the_reference():
    baseline = Baseline(Wordy(), window(500, texts=TEXTS[2:]), 0.8)
    found = {f.name: f for f in run_checks(window(300, texts=TEXTS[2:]), baseline, Past(), 0.0)}
    assert found["unknown_words"].value == pytest.approx(0.25)
    assert found["unknown_words"].detail == {
        "reference": 0.25,
        "words": ["bill"],
        "p": 1.0,
        "lasts": False,
    }


def test_without_labels_accuracy_is_only_estimated():
    asked = names(window(300, labelled=False), reference=window(500))
    assert "accuracy" in asked
    assert "estimated_accuracy" in asked
    assert not {"accuracy_pooled", "degradation", "macro_f1", "unseen_labels"} & set(asked)


def test_where_no_labels_are_the_estimate_is_what_decides():
    baseline = Baseline(Plain(), window(500), 0.8)
    unlabelled = window(300, labelled=False)
    found = run_checks(unlabelled, baseline, Past(), 0.0, unlabelled=True)
    assert found[0].name == "estimated_accuracy"
    assert "accuracy" not in [finding.name for finding in found]


def test_without_confidences_nothing_is_asked_of_them():
    asked = names(window(300, confidence=np.nan), reference=window(500))
    assert "predicted_classes" in asked
    assert not {"confidence", "calibration", "estimated_accuracy"} & set(asked)


def test_without_texts_nothing_is_asked_of_them():
    asked = names(window(300, texts=[""]), Wordy(), window(500))
    assert not {"text", "length", "unknown_words", "duplicates"} & set(asked)


def test_a_reference_that_keeps_no_messages_is_asked_for_all_but_them():
    kept = profile.disclosed(window(500), Disclosure(examples=0))
    asked = names(window(300), Wordy(), kept)
    assert not {"text", "length", "unknown_words", "duplicates"} & set(asked)
    assert {"confidence", "calibration", "predicted_classes", "blank"} <= set(asked)


def test_masks_are_words_that_nobody_asks_the_model_about():
    class Literal(Plain):
        def unknown_words(self, texts, /):
            return [([w for w in text.split() if w.startswith("[")], 4) for text in texts]

    texts = [f"@ann{k} my order {k}" for k in range(500)]
    seen, reference = (profile.masked(window(rows, texts=texts)) for rows in (300, 500))
    found = {f.name: f for f in run_checks(seen, Baseline(Literal(), reference, 0.8), Past(), 0.0)}
    assert found["unknown_words"].value == 0


def test_rows_of_a_window_that_is_still_open_are_not_counted():
    assert "row_count" in names(window(300))
    assert "row_count" not in names(window(300), days_since_end=None)


def test_an_empty_window_is_only_asked_for_accuracy_and_its_rows():
    assert names(profile.Profile(), reference=window(500)) == ["accuracy", "row_count"]


def test_a_challenger_is_compared_where_it_answers_otherwise():
    won = replace(window(300), versus=(2, 20))
    assert "challenger" in names(won)
    assert "challenger" not in names(window(300))


def test_every_check_and_every_subject_has_a_title():
    assert all(check.title for check in CHECKS.values())
    assert set(SUBJECT_TITLES) == set(Subject)
    assert sorted(name for subject in Subject for name in about(subject)) == sorted(CHECKS)
