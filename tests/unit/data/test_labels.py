import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.data import labels


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
