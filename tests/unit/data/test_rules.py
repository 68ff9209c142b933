"""Each rule gives the classes that it says it gives."""

import nltk
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.data import rules
from common.errors import SettingsError

# Sentences and compound scores of VADER's README (cjhutto/vaderSentiment).
PUBLISHED = [
    ("VADER is smart, handsome, and funny.", 0.8316),
    ("VADER is smart, handsome, and funny!", 0.8439),
    ("VADER is very smart, handsome, and funny.", 0.8545),
    ("VADER is VERY SMART, handsome, and FUNNY.", 0.9227),
    ("VADER is VERY SMART, handsome, and FUNNY!!!", 0.9342),
    ("VADER is VERY SMART, uber handsome, and FRIGGIN FUNNY!!!", 0.9469),
    ("VADER is not smart, handsome, nor funny.", -0.7424),
    ("The book was good.", 0.4404),
    ("At least it isn't a horrible book.", 0.431),
    ("The book was only kind of good.", 0.3832),
    (
        "The plot was good, but the characters are uncompelling and the dialog is not great.",
        -0.7042,
    ),
    ("Today SUX!", -0.5461),
    ("Make sure you :) or :D today!", 0.8633),
    ("Not bad at all", 0.431),
]
CRITICAL = [
    *("This is urgent", "URGENT!!!", "call me asap.", "my card was stolen", "#fraud on my account"),
    *("I was scammed 😡", "😡urgent😡", "you’ll hear from my lawyer", "(emergency)"),
    *("a data breach", "someone made an unauthorised payment", "urgent\nplease"),
    # No negation of the word: too far away, in another clause, or of something else.
    *(
        "it is not working, urgent",
        "it doesn't work. Emergency!",
        "I did not ask, but it is urgent",
    ),
    *("no one has answered me on this urgent matter", "not only urgent but dangerous"),
    *("no doubt fraud", "not a joke: my card is stolen", "nobody helps - urgent"),
    *("it isn't urgent for you, but it is an emergency for me",),
]
NORMAL = [
    *("", "👍", "where is my order?", "urgentcare", "asaparagus", "scamper", "the_fraud_", "sue"),
    *("not urgent", "It's NOT urgent", "this isn't urgent", "this isn’t urgent", "isnt urgent"),
    *("no rush, not an emergency", "nothing urgent", "non-urgent", "never been hacked"),
    *("without any fraud", "you don't need a lawyer", "neither urgent nor dangerous"),
]


@pytest.mark.parametrize(("text", "compound"), PUBLISHED)
def test_sentiment_is_cut_at_the_published_scores(text, compound):
    assert rules._vader().polarity_scores(text)["compound"] == compound
    (found,) = rules.by_sentiment([text])
    assert found == ("positive" if compound >= 0.05 else "negative")


def test_a_score_at_the_threshold_is_no_longer_neutral(monkeypatch):
    class Scored:
        def polarity_scores(self, text):
            return {"compound": float(text)}

    monkeypatch.setattr(rules, "_vader", Scored)
    scores = ["0.05", "0.0499", "0", "-0.0499", "-0.05"]
    expected = ["positive", "neutral", "neutral", "neutral", "negative"]
    assert rules.by_sentiment(scores) == expected


@pytest.mark.parametrize("text", CRITICAL)
def test_critical_words_are_found(text):
    assert rules.by_critical([text]) == ["critical"]


@pytest.mark.parametrize("text", NORMAL)
def test_parts_of_words_and_negated_words_are_not_critical(text):
    assert rules.by_critical([text]) == ["normal"]


@given(
    st.sampled_from(["not", "isn't", "NEVER", "without"]),
    st.lists(st.sampled_from(["so", "very", "an"]), max_size=5),
    st.sampled_from(rules.CRITICAL_WORDS),
)
@settings(max_examples=60)
def test_a_negation_reaches_three_words_and_no_further(negation, between, word):
    text = " ".join(["it is", negation, *between, word])
    # Words of a term do not count as words before it.
    expected = "normal" if len(between) < rules.NEGATED_WORDS else "critical"
    assert rules.by_critical([text]) == [expected]


@given(st.lists(st.sampled_from(["not", "never,", "urgent", "don't", "so", "but", "fraud", ". x"])))
@settings(max_examples=60)
def test_what_stands_far_before_a_word_does_not_matter(words):
    text = " ".join(["x", *words])
    assert rules.by_critical(["hello " * 100 + text]) == rules.by_critical([text])


def test_a_long_text_takes_as_long_as_its_words():
    """Copies of all that is before each word, each character in four bytes, would take minutes."""
    assert rules.by_critical([("x" * 1000 + " not urgent ") * 15_000 + "😀"]) == ["normal"]


def test_keywords_know_no_negation():
    assert rules.by_keywords(["urgent"])(["not urgent"]) == ["critical"]


@pytest.mark.parametrize("rule", ["sentiment", "vader", "critical", "keywords"])
def test_without_its_words_a_rule_finds_nothing(rule):
    texts = [text for text, _ in PUBLISHED] + CRITICAL + ["WORST!!! help :( 'awful'", "don't ask"]
    masked = rules.without_rule_words(texts, rule, ["urgent", "asap"])
    label = rules.labeller(rule, ["urgent", "asap"])
    assert set(label(masked)) <= {"neutral", "normal"}
    assert rules.without_rule_words(["where is my order?"], rule, ["urgent"]) == [
        "where is my order?"
    ]


@pytest.mark.parametrize(
    ("rule", "text", "left"),
    [
        ("sentiment", "NOT very good :) 😀 !! #great great/bad", "😀 !! #great great/bad"),
        ("critical", "no stolen card, #urgent NOW! can't", "no card, # NOW! can't"),
    ],
)
def test_what_a_rule_does_not_look_for_stays(rule, text, left):
    (masked,) = rules.without_rule_words([text], rule, [])
    assert masked.split() == left.split()


@pytest.mark.parametrize("label_with", ["column", "file"])
def test_classes_of_a_file_are_of_no_rule(label_with):
    assert rules.labeller(label_with, ["x"]) is None
    assert rules.agreement(label_with) == ""
    with pytest.raises(SettingsError, match="is no rule"):
        rules.without_rule_words(["a"], label_with, [])


def test_keywords_are_whole_words_in_any_case_and_no_patterns():
    critical = rules.by_keywords(["asap", "c++", "call me"])
    texts = ["ASAP!", "asaparagus", "I like c++.", "c", "please Call Me", ""]
    assert critical(texts) == ["critical", "normal", "critical", "normal", "critical", "normal"]


def test_vader_tells_the_mood_without_a_download(monkeypatch, tmp_path):
    monkeypatch.setattr(nltk.data, "path", [str(tmp_path)])
    texts = ["so good", "so bad", "a table", "not good"]
    assert rules.by_sentiment(texts) == ["positive", "negative", "neutral", "negative"]
    late = "x " * (rules.VADER_CHARACTERS // 2) + "good"
    assert rules.by_sentiment([late[4:], late]) == ["positive", "neutral"]


@given(st.text(st.sampled_from("aZ9.*+?()[]{}|^$\\-_ "), min_size=1, max_size=6))
@settings(max_examples=100)
def test_a_keyword_of_any_characters_is_found_as_it_is_written(word):
    assert rules.by_keywords([word])([f"so {word.swapcase()} now"]) == ["critical"]


@given(st.text(st.sampled_from("aZ9_é"), min_size=1, max_size=6), st.sampled_from("x7_ß"))
@settings(max_examples=60)
def test_a_keyword_inside_of_a_longer_word_is_not_found(word, letter):
    assert rules.by_keywords([word])([word + letter, letter + word]) == ["normal"] * 2


@pytest.mark.parametrize("text", ["(asap)", "asap!", "ASAP", "now,asap", "asap\n", "👍asap👍"])
def test_marks_around_a_keyword_do_not_hide_it(text):
    assert rules.by_keywords(["other", "asap"])([text]) == ["critical"]


def test_the_keywords_of_the_settings_make_the_classes():
    critical = rules.labeller("keywords", ["refund"])
    assert critical(["a refund", "asap"]) == ["critical", "normal"]


def test_vader_is_the_old_name_of_sentiment():
    assert rules.labeller("vader", []) is rules.labeller("sentiment", []) is rules.by_sentiment
