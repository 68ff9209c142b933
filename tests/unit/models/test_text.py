"""The fast counts are those of scikit-learn, on any text."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import CountVectorizer

from common.models import pieces, text
from common.models.text import WordCounts, characters, normalise, tokens

WORDS = st.sampled_from(
    [
        *(
            "so",
            "SOOOOO",
            "late!!",
            "@Shop",
            "#fail",
            "can't",
            "can’t",
            "👍👍",
            "NA",
            "&amp;",
            "12",
        ),
        *("https://t.co/x1", "www.a.b/c", "שלום", "مرحبا", "日本語", "a\u0301o", "İ", "ß"),
        *("\u00a0", "x\u2028y"),
    ]
)
MESSAGES = st.lists(
    st.one_of(st.text(max_size=40), st.lists(WORDS, max_size=12).map(" ".join)), max_size=8
)


@pytest.fixture(autouse=True, scope="module", params=[0, 10_000], ids=["in bulk", "one by one"])
def few(request):
    """Words and pieces are worked out in bulk, except where they are few."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(text, "FEW_WORDS", request.param)
        patched.setattr(pieces, "FEW_PIECES", request.param)
        yield


def pairs(message: str) -> list[str]:
    found = tokens(message)
    return [f"{first} {second}" for first, second in pairwise(found)]


def parts(message: str) -> list[str]:
    return [f"[{part}]" for word in tokens(message) for part in characters(word)]


def by_scikit_learn(train, new, min_count):
    """Names and counts of all terms, by three CountVectorizers; min_count is of occurrences."""
    names, columns = [], []
    for analyzer in (tokens, parts, pairs):
        counter = CountVectorizer(analyzer=analyzer)
        try:
            seen = counter.fit_transform(train)
        except ValueError:  # no term at all
            continue
        often = np.flatnonzero(np.asarray(seen.sum(axis=0)).ravel() >= min_count)
        names += counter.get_feature_names_out()[often].tolist()
        columns.append(counter.transform(new).toarray()[:, often])
    return names, np.hstack(columns) if columns else np.empty((len(new), 0))


@given(MESSAGES, MESSAGES)
@example(["a b a", "b a"], ["a b", "", "b  b a"])
@example(["\U0002f800 e\u0301", "\uf9d0"], ["\u4e3d", "\U0002f800"])  # one letter, coded twice
@settings(max_examples=150)
def test_counts_equal_scikit_learns(train, new):
    counter = WordCounts(min_count=1).fit(train)
    names, expected = by_scikit_learn(train, new, min_count=1)
    ours = counter.get_feature_names_out().tolist()
    assert sorted(ours) == sorted(names)
    found = counter.transform(new).toarray()
    order = [ours.index(name) for name in names]
    assert found.shape == (len(new), len(names))
    assert (found[:, order] == expected).all()


@given(MESSAGES)
@settings(max_examples=50)
def test_what_is_counted_while_fitting_is_what_transform_counts(train):
    counter = WordCounts(min_count=2)
    fitted = counter.fit_counts(train).matrix()
    assert (fitted.toarray() == counter.transform(train).toarray()).all()


def test_terms_that_stand_too_rarely_are_left_out():
    train = ["late again", "late and sorry", "again"]
    names, _ = by_scikit_learn(train, train, min_count=2)
    kept = WordCounts(min_count=2).fit(train).get_feature_names_out()
    # Pairs are made of words that are terms themselves.
    assert sorted(kept) == sorted(names)
    assert "late" in kept
    assert "sorry" not in kept


def test_words_come_by_falling_frequency():
    counter = WordCounts(min_count=1).fit(["c b", "a b", "b c"])
    assert list(counter.words_) == ["b", "c", "a"]


@pytest.mark.parametrize("message", ["ab " * 3_500_000, "a" * 10_000_000, "é,b;" * 1_000_000])
def test_of_a_message_of_ten_megabytes_the_beginning_is_counted(message):
    counter = WordCounts(min_count=1).fit(["ab a b"])
    counts = counter.transform([message])
    assert counts[0, counter.words_["ab"]] == message[: pieces.MESSAGE_CHARACTERS].count("ab ")


def test_words_of_any_length_up_to_the_limit_are_themselves():
    longest = "ab" * (text.WORD_CHARACTERS // 2)
    assert tokens(f"{longest} {longest}c @{longest} x") == [
        longest,
        text.LONG_WORD,
        text.LONG_WORD,
        "x",
    ]


def test_long_words_are_one_term():
    counter = WordCounts(min_count=1).fit(["ab" * 600, "cd" * 700 + " x"])
    assert list(counter.words_) == [text.LONG_WORD, "x"]


def test_counts_are_small_numbers():
    counts = WordCounts(min_count=1).fit(["a b"]).transform(["a a b"])
    assert (counts.dtype, counts.indices.dtype) == (np.float32, np.int32)


def test_a_clone_is_not_fitted_and_says_so():
    counter = clone(WordCounts(min_count=3).fit(["a"]))
    assert counter.get_params() == {"min_count": 3, "all_scripts": True}
    with pytest.raises(NotFittedError):
        counter.transform(["a"])


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("Thanks @Shop!", ["thanks", "@shop", "!"]),
        ("so #Tired", ["so", "#tired"]),
        ("it doesn't, it doesn’t", ["it", "doesn't", ",", "it", "doesn’t"]),
        ("what?!", ["what", "?", "!"]),
        ("ok👍🏽", ["ok", "👍", "🏽"]),
        ("GRÖSSE", ["grösse"]),
        ("nooooooo", ["nooo"]),
        ("a &amp; b &lt;3", ["a", "&", "b", "<", "3"]),
        ("see https://t.co/A?b=1, www.x.y", ["see", "httplink", "httplink"]),
        ("@115712 or 1234, 12345!", ["@115000", "or", "1234", ",", "12300", "!"]),
        ("", []),
    ],
)
def test_tokens_are_words_with_their_marks_and_single_marks(message, expected):
    assert tokens(message) == expected


@given(st.text(max_size=40))
@settings(max_examples=100)
def test_normalising_twice_changes_no_token(message):
    assert tokens(normalise(message)) == tokens(message)


PIECES = st.text(st.characters(exclude_characters=" \t\n\r\v\f", exclude_categories=["Cs"]))


@given(st.lists(st.one_of(PIECES, WORDS.filter(str.split))))
@example([])
@example([""])
@example(["ΑΣ", "ΣΑΣ", "Σ", "", "http:", "//x", "&am", "p;", "123", "456"])
@example(["a" * 1001 + "-b", "İ" * 600])
@settings(max_examples=200)
def test_tokens_of_many_pieces_are_those_of_each(several):
    offsets, numbers, words = text.tokenised(several)
    found = [words[number] for number in numbers]
    assert [found[a:b] for a, b in pairwise(offsets)] == [tokens(piece) for piece in several]
    assert words == list(dict.fromkeys(found))


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("NOW!! now", {"now": "NOW", "!": "!"}),
        ("Café ÇOK 😡", {"café": "Café", "çok": "ÇOK", "😡": "😡"}),
        ("soooooo Can&#39;t", {"sooo": "soooooo", "can't": "Can't"}),
        ("@115712 HTTPS://T.co/Xy", {"@115000": "@115712", "httplink": "HTTPS://T.co/Xy"}),
        ("order 1234567", {"order": "order", "123000": "1234567"}),
    ],
)
def test_a_token_is_shown_as_it_is_written(message, expected):
    assert text.as_written(message) == expected


@given(st.text(st.characters(exclude_characters="&", exclude_categories=["Cs"]), max_size=40))
@example("0\u05910")
def test_what_is_shown_stands_in_the_message(message):
    assert all(spelling in message for spelling in text.as_written(message).values())
