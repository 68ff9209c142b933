"""What a training leaves for people, also of a model that tells nothing of itself."""

from types import SimpleNamespace

import numpy as np
import pytest

from common.data.labelled import RowCounts, Split
from common.masking import Disclosure
from common.reports import training
from common.training.contest import Rule, Verdict
from common.training.doubts import DoubtfulLabel
from common.training.fit import TrainingResult
from common.training.recipe import Recipe

CLASSES = ("angry", "calm")
RECIPE = Recipe("boosted", "text", holdout_percent=20, class_weight="none", seed=42)


class Silent:
    classes_ = np.array(CLASSES, object)

    def predict_proba(self, texts, /):
        raise AssertionError("it has answered already")


class Talkative(Silent):
    def explain(self, texts, proba, /, top=3):
        return [[(text.split()[0], 1.0), ("more", 0.5)] for text in texts]

    def telling_terms(self, top=20):
        return {name: [("term", 1.0)] for name in CLASSES}


def result_of(classifier):
    texts = np.array(["first row", "second row", "third row", "fourth row"], object)
    labels = np.array(["angry", "calm", "calm", "angry"], object)
    return TrainingResult(
        classifier=classifier,
        recipe=RECIPE,
        holdout=Split(texts, labels, np.zeros(4, np.uint8)),
        classes=CLASSES,
        proba=np.array([[0.9, 0.1], [0.6, 0.4], [0.7, 0.3], [0.8, 0.2]]),
        metrics={"accuracy": 0.5},
        majority="angry",
        train_rows=10,
        rows_per_second=1.0,
        counts=RowCounts(used=14),
    )


def made_from(**settings):
    return SimpleNamespace(settings=settings)


@pytest.mark.parametrize(
    ("classifier", "more"), [(Silent(), set()), (Talkative(), {"because"})], ids=["silent", "talks"]
)
def test_the_surest_errors_come_first_with_reasons_if_the_model_has_any(classifier, more):
    table = training.worst_errors(result_of(classifier))
    assert set(table) == {"text", "true", "predicted", "confidence"} | more
    assert table["text"] == ["third row", "second row"]
    assert table["confidence"] == [0.7, 0.6]
    assert table.get("because", ["third, more", "second, more"]) == ["third, more", "second, more"]


def test_errors_are_at_most_as_many_as_may_be_shown():
    assert training.worst_errors(result_of(Talkative()), Disclosure(1))["text"] == ["third row"]
    nothing = training.worst_errors(result_of(Talkative()), Disclosure(0))
    assert set(nothing) == {"text", "true", "predicted", "confidence", "because"}
    assert not any(nothing.values())


DOUBTS = (
    DoubtfulLabel("@ann =late, ann@example.org", "calm", 0.01, "angry"),
    DoubtfulLabel("fine", "angry", 0.02, "calm"),
)


def test_doubtful_labels_are_a_table_that_is_safe_in_a_spreadsheet():
    assert training.labels_to_check(DOUBTS) == (
        "text,label,label_probability,likeliest\n"
        '"\'@ann =late, ann@example.org",calm,0.0100,angry\n'
        "fine,angry,0.0200,calm\n"
    )


def test_doubtful_labels_are_masked_and_there_are_none_where_no_message_is_kept():
    table = training.labels_to_check(DOUBTS, Disclosure(1, mask=True))
    assert table.splitlines()[1] == '"[handle] =late, [mail]",calm,0.0100,angry'
    assert training.labels_to_check(DOUBTS, Disclosure(0)).splitlines()[1:] == []


class Naming(Silent):
    def explain(self, texts, proba, /, top=3):
        return [[("ann", 1.0), ("@example", 0.6), ("row", 0.5)] for _ in texts]

    def telling_terms(self, top=20):
        return {name: [("@ann", 2.0), ("row", 1.0)] for name in CLASSES}


def test_masked_errors_and_terms_name_nobody():
    result = result_of(Naming())
    result.holdout.texts[:] = "ann@example.org wrote a row"
    shown = Disclosure(mask=True)
    table = training.worst_errors(result, shown)
    assert table["text"] == ["[mail] wrote a row"] * 2
    assert table["because"] == ["row"] * 2
    record = training.record(result, made_from(seed="42"), shown)
    assert record.documents["telling_terms.json"] == {name: [("row", 1.0)] for name in CLASSES}


@pytest.mark.parametrize(
    ("classifier", "tells"), [(Silent(), False), (Talkative(), True)], ids=["silent", "talks"]
)
def test_a_record_has_telling_terms_if_the_model_has_any(classifier, tells):
    record = training.record(result_of(classifier), made_from(seed="42"))
    assert record.params == {"seed": "42"}
    assert record.metrics == {"accuracy": 0.5} | RowCounts(used=14).metrics()
    assert ("telling_terms" in record.figures) is tells
    assert ("telling_terms.json" in record.documents) is tells
    assert {"per_class.json", "confusion_matrix.json"} <= set(record.documents)
    assert {"confusion_matrix", "roc", "precision_recall", "calibration"} <= set(record.figures)


def test_the_description_of_a_version_has_the_verdict_and_the_rules():
    rule = Rule("accuracy", "accuracy", 0.9, 0.91, "gain > 0.005", True)
    shown = training.description(Verdict(True, "promoted", "new champion", "better", (rule,)))
    assert shown.startswith("New champion: better.\n\n|")
    assert "| accuracy | 0.9000     | 0.9100       | +0.0100" in shown


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"label_with": "vader"}, "VADER's sentiment"),
        ({"label_with": "keywords", "critical_keywords": "fire,flood"}, "one of fire,flood"),
        ({"label_with": "column", "target_column": "mood"}, "column mood"),
    ],
)
def test_the_card_says_where_the_classes_come_from(settings, said):
    assert said in training._label_source(made_from(**settings))
