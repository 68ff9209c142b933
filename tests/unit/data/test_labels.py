import zipfile

import nltk
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.data import labels
from common.errors import InputError


@pytest.mark.parametrize(
    ("one", "other"), [("TRUE", "True"), ("false", " False "), ("1", "1.0"), ("-2.00", "-2")]
)
def test_spellings_of_one_class_are_the_same(one, other):
    assert labels.normalise(one) == labels.normalise(other)


@pytest.mark.parametrize(("one", "other"), [("Angry", "angry"), ("1.5", "1"), ("yes", "true")])
def test_different_classes_stay_different(one, other):
    assert labels.normalise(one) != labels.normalise(other)


def test_the_most_frequent_spelling_names_the_class():
    found = labels.preferred_spelling(["true", "True", "True", "1.0", "1", "x"])
    assert found == {"true": "True", "1": "1.0", "x": "x"}


def test_folding_makes_one_class_of_spellings_that_differ_by_case_or_blanks():
    written = ["Very  Angry", "very angry", "very angry ", "calm"]
    assert labels.preferred_spelling(written, labels.fold) == {
        "very angry": "very angry",
        "calm": "calm",
    }


def spelled(classes, *written):
    return labels.spell(pa.array(written, pa.large_string()), classes).tolist()


def test_a_label_is_matched_to_the_model_s_class_whatever_its_case_if_only_one_can_be_meant():
    assert spelled(["Angry", "calm"], "ANGRY ", "Calm", "x", "") == ["Angry", "calm", "x", ""]
    assert spelled(["Angry", "angry"], "ANGRY", "angry") == ["ANGRY", "angry"]
    assert spelled(["True", "False"], "true", "0") == ["True", "0"]


@given(st.lists(st.sampled_from(["a", "A", "b", " B", "c"]), unique_by=labels.normalise))
def test_matching_never_makes_one_class_of_two(classes):
    for like in (["a", "b"], ["A", "a"], ["B", "c"]):
        assert len(set(labels.match_spelling(classes, like))) == len(classes)


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
    late = "x " * (labels.VADER_CHARACTERS // 2) + "good"
    assert labels.by_vader([late[4:], late]) == ["positive", "neutral"]


@pytest.mark.parametrize(
    ("label", "expected"),
    [(" TRUE ", "true"), ("FALSE", "false"), ("1.000", "1"), ("007", "007"), ("1.0.0", "1.0.0")],
)
def test_normal_forms(label, expected):
    assert labels.normalise(label) == expected


@given(st.text(max_size=8) | st.from_regex(r" ?-?[0-9]{1,3}(\.0{1,3})? ?", fullmatch=True))
@settings(max_examples=100)
def test_a_normal_form_is_its_own(label):
    once = labels.normalise(label)
    assert labels.normalise(once) == once == labels.normalise(f"\t{label} ")


def test_of_equally_frequent_spellings_the_first_met_names_the_class():
    assert labels.preferred_spelling(["TRUE", "true", "True"]) == {"true": "TRUE"}


def test_spaces_around_a_class_are_no_spelling_of_their_own():
    assert labels.preferred_spelling([" true", "true ", "TRUE"]) == {"true": "true"}


@given(st.text(st.sampled_from("aZ9.*+?()[]{}|^$\\-_ "), min_size=1, max_size=6))
@settings(max_examples=100)
def test_a_keyword_of_any_characters_is_found_as_it_is_written(word):
    assert labels.by_keywords([word])([f"so {word.swapcase()} now"]) == ["critical"]


@given(st.text(st.sampled_from("aZ9_é"), min_size=1, max_size=6), st.sampled_from("x7_ß"))
@settings(max_examples=60)
def test_a_keyword_inside_of_a_longer_word_is_not_found(word, letter):
    assert labels.by_keywords([word])([word + letter, letter + word]) == ["normal"] * 2


@pytest.mark.parametrize("text", ["(asap)", "asap!", "ASAP", "now,asap", "asap\n", "👍asap👍"])
def test_marks_around_a_keyword_do_not_hide_it(text):
    assert labels.by_keywords(["other", "asap"])([text]) == ["critical"]


def test_the_keywords_of_the_settings_make_the_classes():
    critical = labels.labeller("keywords", ["refund"])
    assert critical(["a refund", "asap"]) == ["critical", "normal"]


def test_vader_is_the_labeller_of_its_name():
    assert labels.labeller("vader", ["x"]) is labels.by_vader
