import zipfile

import nltk
import pytest

from common import labels
from common.errors import InputError


@pytest.mark.parametrize(
    ("one", "other"), [("TRUE", "True"), ("false", " False "), ("1", "1.0"), ("-2.00", "-2")]
)
def test_spellings_of_one_class_are_the_same(one, other):
    assert labels.canonical(one) == labels.canonical(other)


@pytest.mark.parametrize(("one", "other"), [("Angry", "angry"), ("1.5", "1"), ("yes", "true")])
def test_different_classes_stay_different(one, other):
    assert labels.canonical(one) != labels.canonical(other)


def test_the_most_frequent_spelling_names_the_class():
    found = labels.spelling(["true", "True", "True", "1.0", "1", "x"])
    assert found == {"true": "True", "1": "1.0", "x": "x"}


def test_keywords_are_whole_words_in_any_case_and_no_patterns():
    critical = labels.by_keywords(["asap", "c++", "call me"])
    texts = ["ASAP!", "asaparagus", "I like c++.", "c", "please Call Me", ""]
    assert critical(texts) == ["critical", "normal", "critical", "normal", "critical", "normal"]


def test_a_column_needs_no_labeller():
    assert labels.labeller("column", ["x"]) is None


def test_without_its_lexicon_vader_says_how_to_get_it(monkeypatch, tmp_path):
    monkeypatch.setattr(nltk.data, "path", [str(tmp_path)])
    with pytest.raises(InputError, match=r"python -m nltk\.downloader vader_lexicon") as caught:
        labels.by_vader(["good"])
    assert len(str(caught.value).splitlines()) == 1


def test_vader_tells_the_mood_by_its_lexicon(monkeypatch, tmp_path):
    folder = tmp_path / "sentiment"
    folder.mkdir()
    with zipfile.ZipFile(folder / "vader_lexicon.zip", "w") as archive:
        archive.writestr(
            "vader_lexicon/vader_lexicon.txt", "good\t1.9\t0.9\t[1, 2]\nbad\t-2.5\t0.6\t[-3, -2]"
        )
    monkeypatch.setattr(nltk.data, "path", [str(tmp_path)])
    texts = ["so good", "so bad", "a table", "not good"]
    assert labels.by_vader(texts) == ["positive", "negative", "neutral", "negative"]
