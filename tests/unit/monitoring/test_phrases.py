"""Which messages hold which phrases."""

from collections import Counter
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from common.models.text import LINK, is_person, tokens
from common.monitoring.phrases import KEPT_FROM, MOST_KEPT, PhraseCounts, phrases_of
from common.monitoring.telling_words import says_something

WORDS = ["gift", "card", "code", "the", "24", "@shop", "@115712", "https://t.co/x", "!", "Gift"]


def counts(texts):
    return dict(phrases_of(texts).counts().counts)


def counted_one_by_one(texts):
    """The same by hand, message by message."""
    own = {
        tuple(word for word in tokens(text) if word != LINK and not is_person(word)): tokens(text)
        for text in reversed(texts)
    }
    found = Counter()
    for words in own.values():
        found.update({word for word in words if says_something(word)})
        found.update(
            {
                f"{a} {b}"
                for a, b in pairwise(words)
                if a != b and says_something(a) and says_something(b)
            }
        )
    return len(own), found


@given(st.lists(st.lists(st.sampled_from(WORDS), max_size=6).map(" ".join), max_size=12))
def test_words_and_pairs_are_counted_by_different_messages(texts):
    messages, found = counted_one_by_one(texts)
    phrases = phrases_of(texts)
    assert phrases.counts() == PhraseCounts(messages, dict(sorted(found.items())))
    for column, name in enumerate(phrases.names):
        rows = phrases.rows[phrases.held[:, [column]].nonzero()[0]]
        assert all(set(name.split(" ")) <= set(tokens(texts[row])) for row in rows)


def test_numbers_stop_words_people_masks_and_links_are_no_phrases():
    text = "the 24 @115712 [handle] [mail] https://t.co/abc www.a.example lost"
    assert counts([text]) == {"lost": 1}


def test_copies_count_once_whoever_is_called_in_them():
    sent = ["@115712 win a phone https://t.co/1", "@115713 Win a phone https://t.co/2"]
    assert counts([*sent, "lost my phone"]) == {"win": 1, "phone": 2, "lost": 1}


def test_what_a_message_answers_is_left_out():
    assert counts(["still broken\x1eDid a restart help?\x1e00000000000000ff"]) == {
        "broken": 1
    } | counts(["still broken"])


def test_only_phrases_of_several_messages_are_kept():
    kept = PhraseCounts(9, {"gift card": 3, "jane doe": 2, "app": 7}).frequent()
    assert kept == PhraseCounts(9, {"app": 7, "gift card": 3}, least=KEPT_FROM)


def test_of_very_many_phrases_the_most_frequent_are_kept():
    many = {f"word{k}": 5 for k in range(MOST_KEPT + 1)} | {"app": 9}
    kept = PhraseCounts(100, many).frequent()
    assert len(kept.counts) == MOST_KEPT
    assert kept.counts["app"] == 9
    assert kept.least == 6, "one that is not there may stand in five messages"
