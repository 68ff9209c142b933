"""Words in any script: what belongs together stays together, what is the same is the same."""

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from benchmarks.languages import LargestScore, accuracy, drawn, phrases
from common.models.scripts import one_spelling
from common.models.text import as_written, tokens


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("हिन्दी में मदद।", ["हिन्दी", "में", "मदद", "।"]),
        ("ส่งที่บ้าน", ["ส่", "ง", "ที่", "บ้", "า", "น"]),
        ("我的iPhone没到!", ["我", "的", "iphone", "没", "到", "!"]),
        ("荷物が#遅い", ["荷", "物", "が", "#", "遅", "い"]),
        ("배송이 늦어요", ["배송이", "늦어요"]),
        ("@שירות לא עובד", ["@שירות", "לא", "עובד"]),
        ("Où est-ce?", ["où", "est", "-", "ce", "?"]),
        ("ΚΑΛΗΜΈΡΑ, Спасибо", ["καλημέρα", ",", "спасибо"]),
        (
            "❤️ 👨‍👩‍👧 1️⃣",
            ["❤", "\ufe0f", "👨", "\u200d", "👩", "\u200d", "👧", "1", "\ufe0f", "\u20e3"],
        ),
    ],
)
def test_tokens_are_words_or_the_letters_of_scripts_without_spaces(message, expected):
    assert tokens(message) == expected


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("café Ångström", unicodedata.normalize("NFD", "café Ångström")),
        ("배송이 늦어요", unicodedata.normalize("NFD", "배송이 늦어요")),
        ("ガイド", "ｶﾞｲﾄﾞ"),
        ("OK123!", "ＯＫ１２３！"),
        ("كتاب", "كِتَـــاب"),
        ("שלום", "שָׁלוֹם"),
        ("مرحبا بكم", "\u200fمرحبا\u200e بكم\u202c"),
        ("میخواهم", "می\u200cخواهم"),
    ],
)
def test_one_word_is_one_token_however_it_is_coded(one, other):
    assert one != other
    assert tokens(other) == tokens(one)


LATIN = st.text(
    st.one_of(
        st.characters(min_codepoint=0x20, max_codepoint=0x24F),
        st.sampled_from("'’“”…–—€™ﬁ👍🏽❤\ufe0f\u200d\u20e3☹😡@#!\n\t\u00a0\u2028"),
    ),
    max_size=60,
)


@given(LATIN)
@example("❤️ 1️⃣ 👨‍👩‍👧 @Shop don’t &amp; https://t.co/x1 ÀÉÎõü ß")
def test_latin_text_has_the_tokens_of_releases_before(message):
    # U+0130 is the one whose small letter has a mark of its own.
    message = message.replace("\u0130", "I")
    assert one_spelling(message) == message
    assert tokens(message) == tokens(message, all_scripts=False)


@given(st.text(max_size=40))
def test_one_spelling_is_its_own(message):
    assert one_spelling(one_spelling(message)) == one_spelling(message)


def test_words_are_shown_as_they_are_written():
    assert as_written("Шах ส่ง कृपया 快") == {
        "шах": "Шах",
        "ส่": "ส่",
        "ง": "ง",
        "कृपया": "कृपया",
        "快": "快",
    }


@pytest.mark.parametrize("language", ["Chinese", "Hindi", "Japanese", "Thai"])
def test_problems_are_known_again_in_other_words(language):
    train, test = drawn(phrases()[language], 60, seed=0)
    new, old = (accuracy(LargestScore(way), train, test) for way in (True, False))
    assert new > old + 0.05


def test_arabic_with_vowel_marks_and_greek_in_parts_are_answered_as_without():
    vowels = {"ا": "ا\u0640", "ل": "ل\u0650", "ب": "ب\u064e"}
    for language, spelt in (
        ("Arabic", lambda text: text.translate(str.maketrans(vowels))),
        ("Greek", lambda text: unicodedata.normalize("NFD", text)),
    ):
        train, test = drawn(phrases()[language], 60, seed=1)
        model = LargestScore()
        model.fit(*map(list, zip(*train, strict=True)))
        texts = [text for text, _ in test]
        others = [spelt(text) for text in texts]
        assert others != texts
        assert (model.predict(others) == model.predict(texts)).all()
