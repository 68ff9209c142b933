"""Words that tell a person what messages are about."""

import numpy as np
import pytest

from common.monitoring.telling_words import says_something, share_with, telling_words

SUBJECTS = ("the bag", "my seat", "a flight", "their app", "an order")


def messages(rows, seed, more=""):
    random = np.random.default_rng(seed)
    return [
        f"@115712 {random.choice(SUBJECTS)} was {random.choice(['late', 'lost', 'rude'])} at "
        f"{random.integers(1, 25)} {more}".strip()
        for _ in range(rows)
    ]


@pytest.mark.parametrize("word", ["the", "24", "off", "uk", "!", "@115712", "don't", "it’s", "a1b"])
def test_stop_words_numbers_and_ids_say_nothing(word):
    assert not says_something(word)


@pytest.mark.parametrize("word", ["@united", "#delay", "refund", "bill", "überweisung", "fire"])
def test_names_tags_and_nouns_say_something(word):
    assert says_something(word)


def test_a_pair_is_told_in_place_of_its_words_and_nothing_twice():
    texts = messages(60, 1) + messages(40, 2, "my gift card does not work")
    words = [word.word for word in telling_words(texts, messages(300, 3))]
    assert words[0] == "gift card"
    assert not {"gift", "card"} & set(words)


def test_the_shares_are_those_of_messages():
    texts = messages(60, 1) + messages(40, 2, "voucher voucher voucher")
    (voucher, *_) = telling_words(texts, messages(300, 3))
    assert (voucher.word, voucher.share, voucher.other_share) == ("voucher", 0.4, 0.0)
    assert share_with(["voucher"], texts) == 0.4


def test_messages_of_one_kind_are_told_apart_by_hardly_any_word():
    found = [telling_words(messages(60, k), messages(240, 100 + k)) for k in range(40)]
    assert sum(map(len, found)) <= 4


def test_masks_are_no_words():
    texts = [f"[handle] call [phone] {text}" for text in messages(50, 1)]
    words = {word.word for word in telling_words(texts, messages(300, 2))}
    assert not {"handle", "phone", "handle call"} & words


def test_nothing_is_told_without_messages_to_compare_with():
    assert telling_words(messages(50, 1), []) == ()
    assert telling_words([], messages(50, 1)) == ()
