"""What a model from elsewhere was fitted on, and what its classes are."""

import numpy as np
import pytest

from common.data import split
from common.data.columns import message_columns
from common.errors import InputError, ModelUnavailable, SettingsError
from common.models.adopted import probabilities
from common.models.adopted_process import Answer
from common.models.families import ADOPTED
from common.registry.known_answers import MESSAGES
from common.training import adoption
from common.training.adoption import Meaning, load, read_and_measure, seen_keys
from common.training.fit import Recipe


class Theirs:
    """A model that answers with the last word of a text."""

    text_column = "text"
    own_classes = None

    def raw_answer(self, texts) -> Answer:
        return {"labels": ["good"] * len(texts)}

    def understand(self, mapping):
        self.mapping = mapping
        self.classes_ = np.array(sorted(mapping.labels), object)

    def predict(self, texts):
        return np.array([text.split()[-1] for text in texts], object)

    def classes_said(self, texts):
        return self.predict(texts).tolist()

    def predict_proba(self, texts):
        return (self.predict(texts)[:, None] == self.classes_) * 0.8 + 0.2 / len(self.classes_)


@pytest.fixture
def data(tmp_path):
    rows = [f"message {k} {'good' if k % 3 else 'bad'}" for k in range(400)]
    path = tmp_path / "data.csv"
    path.write_text("text,label\n" + "".join(f"{row},{row.split()[-1]}\n" for row in rows))
    return path, rows


def measure(path, classifier, meaning=Meaning(), seen=None):  # noqa: B008  frozen
    columns = message_columns("text", "label", "column", ())
    recipe = Recipe(ADOPTED.name, "text", 20, "none", 1)
    return read_and_measure(path, columns, recipe, classifier, meaning, seen)


def test_rows_that_it_was_fitted_on_are_left_out(data, tmp_path):
    path, rows = data
    held = [row for row in rows if split.bucket(row) < 20]
    # Variants of a message are the same message; classes don't matter here.
    fitted_on = tmp_path / "fitted.csv"
    fitted_on.write_text("text\n" + "".join(f"{row.upper()}  @ann\n" for row in held[:10]))
    seen = seen_keys(fitted_on, "text")
    result = measure(path, Theirs(), seen=seen).result
    assert result.holdout.texts.tolist() == held[10:]
    assert result.metrics["accuracy"] == 1
    assert result.seen_elsewhere is seen
    assert result.train_rows == 0
    whole = measure(path, Theirs()).result
    assert (len(whole.holdout), whole.seen_elsewhere) == (len(held), None)
    with pytest.raises(InputError, match="no row that the model was not fitted on"):
        measure(path, Theirs(), seen=seen_keys(path, "text"))


def test_a_model_may_have_been_fitted_on_the_whole_training_side(data, tmp_path):
    path, rows = data
    fitted_on = tmp_path / "fitted.csv"
    fitted_on.write_text("text\n" + "".join(f"{row}\n" for row in rows if split.bucket(row) >= 20))
    theirs = Theirs()
    result = measure(path, theirs, seen=seen_keys(fitted_on, "text")).result
    held = len(result.holdout)
    assert held == sum(split.bucket(row) < 20 for row in rows)
    assert (result.majority, result.fitted_accuracy) == ("good", 1)
    assert theirs.mapping.sureness == (held + 1) / (held + 2)


def test_classes_alone_are_as_sure_as_they_were_right(data):
    path, rows = data
    theirs = Theirs()
    measured = measure(path, theirs)
    train = sum(split.bucket(row) >= 20 for row in rows)
    assert measured.labels_alone
    assert theirs.mapping.sureness == (train + 1) / (train + 2)


def stars(folder, names):
    """A file of messages, each of which ends with its class, a letter of `names`; its texts."""
    path = folder / "stars.csv"
    rows = [f"message {k} {names[k % 3]}" for k in range(400)]
    path.write_text("text,label\n" + "".join(f"{row},{row[-1]}\n" for row in rows))
    return path, rows


@pytest.mark.parametrize(
    ("names", "said", "numbered"),
    [
        ("123", "012", True),
        ("123", "123", False),
        ("012", "012", False),
        ("abc", "012", True),
        ("abc", "AbC", False),
    ],
)
def test_names_and_numbers_of_classes_are_told_apart_once(tmp_path, names, said, numbered):
    path, _ = stars(tmp_path, names)
    theirs = Theirs()
    theirs.raw_answer = lambda texts: {"labels": [said[1]] * len(texts)}
    theirs.classes_said = lambda texts: [said[names.index(text[-1])] for text in texts]
    measure(path, theirs, Meaning(tuple(names)))
    assert theirs.mapping.numbered == numbered
    assert theirs.mapping.sureness > 0.99
    proba = probabilities({"labels": list(said)}, 3, theirs.mapping)
    assert proba.argmax(axis=1).tolist() == [0, 1, 2]


def test_classes_that_may_be_names_or_numbers_are_refused(tmp_path):
    path, _ = stars(tmp_path, "123")
    theirs = Theirs()
    theirs.raw_answer = lambda texts: {"labels": ["1"] * len(texts)}
    theirs.classes_said = lambda texts: ["2"] * len(texts)
    with pytest.raises(SettingsError, match=r"answers \(1, 2\) may be names or numbers"):
        measure(path, theirs)


def test_rows_of_the_holdout_tell_names_from_numbers_if_few_others_are_left(tmp_path):
    path, rows = stars(tmp_path, "123")
    trained = [row for row in rows if split.bucket(row) >= 20]
    fitted_on = tmp_path / "fitted.csv"
    trained.remove(next(row for row in trained if row[-1] == "2"))
    fitted_on.write_text("text\n" + "".join(f"{row}\n" for row in trained))
    theirs = Theirs()
    theirs.raw_answer = lambda texts: {"labels": ["1"] * len(texts)}
    theirs.classes_said = lambda texts: [str("123".index(text[-1])) for text in texts]
    measure(path, theirs, seen=seen_keys(fitted_on, "text"))
    assert theirs.mapping.numbered


def labels(own=None, given=(), answer=None, occurring=("bad", "good")):
    return adoption._labels(Meaning(labels=given), own, answer or {"scores": [[1]]}, occurring)


def test_classes_are_called_as_in_the_data():
    assert labels(own=["Good ", "BAD"]) == ("good", "bad")
    assert labels(given=("good", "bad"), own=["1", "0"]) == ("good", "bad")
    assert labels(answer={"labels": ["good"]}) == ("bad", "good")


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({}, "does not name its classes: .*The data has bad and good"),
        ({"own": ["0", "1"]}, "the data has none of the model's classes"),
        ({"given": ("good", "good")}, "must be two or more different names"),
    ],
)
def test_classes_that_nobody_can_tell_are_asked_for(asked, said):
    with pytest.raises(SettingsError, match=said):
        labels(**asked)


@pytest.mark.parametrize(
    ("given", "columns", "first"),
    [
        ((), {"good": 0.9, "bad": 0.1}, "good"),
        ((), {"Good": 0.9, "BAD": 0.1}, "good"),
        (("Bad", "Good"), {"Good": 0.9, "BAD": 0.1}, "good"),
        (("good", "bad"), {"good": 0.9, "bad": 0.1, "prediction": "good"}, "good"),
        (("good", "bad"), {"pos": 0.9, "neg": 0.1}, "good"),
        (("bad", "good"), {"pos": 0.9, "neg": 0.1}, "bad"),
    ],
)
def test_columns_with_a_figure_for_each_class_may_be_called_otherwise(data, given, columns, first):
    theirs = Theirs()
    answer = {"columns": {name: [cell] * len(MESSAGES) for name, cell in columns.items()}}
    theirs.raw_answer = lambda texts: answer
    assert not measure(data[0], theirs, Meaning(given)).labels_alone
    proba = probabilities(answer, len(MESSAGES), theirs.mapping)[0]
    assert proba[theirs.mapping.labels.index(first)] == pytest.approx(0.9)


@pytest.mark.parametrize(
    ("given", "columns"),
    [
        ((), {"pos": 0.9, "neg": 0.1}),
        (("good", "bad"), {"pos": 0.9, "neg": 0.05, "other": 0.05}),
        (("good", "bad"), {"said": "good", "score": 0.9}),
        (("good", "bad"), {"said": "good", "score": 0.9, "margin": 0.1}),
    ],
)
def test_columns_that_could_mean_anything_are_asked_for(data, given, columns):
    theirs = Theirs()
    theirs.raw_answer = lambda texts: {"columns": {k: [v] * len(texts) for k, v in columns.items()}}
    with pytest.raises(SettingsError, match=r"say which one has the class \(--label-column\)"):
        measure(data[0], theirs, Meaning(given))


def test_answers_that_mean_something_else_are_one_line(data):
    theirs = Theirs()
    theirs.raw_answer = lambda texts: {"columns": {"x": ["good"], "y": ["bad"]}}
    with pytest.raises(SettingsError, match=r"--score-column\)\.$"):
        measure(data[0], theirs)


def test_a_model_that_does_not_load_is_one_line():
    with pytest.raises(ModelUnavailable) as caught:
        load(b"no archive", "text", None, None)
    assert str(caught.value).startswith("the model can't be loaded: ")
    assert "\n" not in str(caught.value)
