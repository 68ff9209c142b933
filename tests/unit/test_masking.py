"""What tells who wrote a message is masked, what only looks like it stays, at linear cost."""

import re
import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from common import masking
from common.masking import Disclosure, mask

FOUND = {
    "mail": "ann@example.org; Ann.O-Hara+shop@mail.example.co.uk; jörg@müller.de; ann＠example.org",
    "phone": "+44 20 7946 0958; +44 (0)20 7946 0958; +49 170 1234567; 00491701234567; "
    "(800) 433-7300; 1-800-433-7300; 800.433.7300; 8004337300; 020 7946 0958; (030) 1234567; "
    "0170/1234567; 0120-999-373; 07911123456; +91-90002-89198",
    "card": "4111111111111111; 4111 1111 1111 1111; 5500-0000-0000-0004; 3782 822463 10005; "
    "2221000000000009; 6011000000000004",
    "iban": "DE89370400440532013000; DE89 3704 0044 0532 0130 00; GB29 NWBK 6016 1331 9268 19; "
    "nl91abna0417164300; NO93 8601 1117 947; FR14 2004 1010 0505 0001 3M02 606",
    "handle": "@ann; @Ann_99; @115712; @@ann; ＠ann; @362",
    "link": "https://t.co/x1; HTTP://example.org/a?b=c; www.example.org; bit.ly/abc; "
    "ftp://example.org; pic.example.org/me",
}
PAIRS = [(kind, text) for kind, texts in FOUND.items() for text in texts.split("; ")]

KEPT = [
    *(
        "see you @ 5",
        "open @5pm",
        "@17:30 sharp",
        "at 9 - 10",
        "and/or",
        "24/7",
        "w/o",
        "A.M./P.M.",
    ),
    *("version 8.4.21.508", "01/02/2015 10:30", "2015-02-17", "17.02.2015", "£1,234,567.89"),
    *("flight AA1469", "order 12345678", "ticket 0372389047497", "4111111111111112"),
    *("DE89370400440532013001", "DE00 and more words in here", "late.and lost", "", "NA", "👍"),
    *("Order #3632693-6196346", "137.221.65.68", "1 2 3 4 5 6 7 8 9 0", "100000000000"),
]

PIECES = st.sampled_from(
    [
        *(text for _, text in PAIRS),
        *KEPT,
        *("+", "@", ".", "-", "/", "(", ")", " ", "0", "1", "49", "www.", "http://", "[mail]"),
    ]
)
TEXTS = st.one_of(st.text(max_size=60), st.lists(PIECES, max_size=8).map("".join))


@pytest.mark.parametrize(("kind", "text"), PAIRS)
def test_each_kind_is_found_alone_and_within_a_sentence(kind, text):
    assert mask(text).lstrip("@") == f"[{kind}]"
    assert mask(f"Please: {text}, thanks") in (
        f"Please: [{kind}], thanks",
        f"Please: @[{kind}], thanks",
        f"Please: [{kind}] thanks",  # a link takes the comma
    )


@pytest.mark.parametrize("text", KEPT)
def test_what_only_looks_like_it_stays(text):
    assert mask(text) == text


def test_an_iban_ends_where_its_country_says_and_what_follows_stays():
    assert mask("to DE89 3704 0044 0532 0130 00 by Monday 12") == "to [iban] by Monday 12"
    both = "DE89370400440532013000 NO93 8601 1117 947 x"
    assert mask(both) == "[iban] [iban] x"


def test_letters_of_other_scripts_may_touch_a_number():
    assert mask("電話0120-999-373へ") == "電話[phone]へ"


@given(TEXTS)
@example("0[card]")
@example("a@b.org@c.org")
def test_masking_twice_changes_nothing_more(text):
    once = mask(text)
    assert mask(once) == once


@given(TEXTS)
def test_nothing_that_a_pattern_finds_is_left(text):
    left = mask(text)
    assert not masking._MAIL.search(left)
    assert not masking._HANDLE.search(left)
    assert not masking._LINK.search(left)
    assert not any(masking.is_card(re.sub(r"\D", "", m[0])) for m in masking._CARD.finditer(left))


@given(st.text("0123456789", min_size=2, max_size=25), st.data())
def test_one_wrong_digit_makes_a_card_invalid(digits, data):
    (check,) = (d for d in "0123456789" if masking.is_card(digits + d))
    at = data.draw(st.integers(0, len(digits) - 1))
    other = data.draw(st.sampled_from([d for d in "0123456789" if d != digits[at]]))
    assert not masking.is_card(digits[:at] + other + digits[at + 1 :] + check)


@given(st.sampled_from(sorted(masking._IBAN_LENGTHS)), st.data())
def test_an_iban_of_any_country_is_found_and_one_wrong_digit_is_not(country, data):
    length = masking._IBAN_LENGTHS[country] - 4
    account = data.draw(st.text("0123456789", min_size=length, max_size=length))
    number = int("".join(str(int(c, 36)) for c in f"{account}{country}00"))
    iban = f"{country}{98 - number % 97:02}{account}"
    assert masking.is_iban(iban)
    assert mask(f"to {iban}.") == "to [iban]."
    wrong = iban[:-1] + str((int(iban[-1]) + 1) % 10)
    assert not masking.is_iban(wrong)


UNITS = [
    *("a", "a@", "a.", "a@b.", "a@a", "a-", "a_", "a@b.cc", "ab.ab", "a.b/", "aa.aa/", "é@", "w"),
    *("1", "1 ", "12", "0", "00", "0.", "0@", "01/", "01 1", "１", "+1", "+1(", "(0", "1-800-"),
    *("4111-", "4111 ", "DE89", "DE89 ", "AA11A", "DE89370400440532013000", "DE89 3704 0044 "),
    *("http://", "www.", "-", "+", ".", "/", "%", "[mail]", "@[", "@1:"),
]


@pytest.mark.parametrize("unit", UNITS)
def test_a_hostile_text_costs_time_in_proportion_to_its_length(unit):
    def seconds(length):
        text = unit * (length // len(unit))
        started = time.process_time()
        mask(text)
        return time.process_time() - started

    short, long = (min(seconds(length) for _ in range(3)) for length in (20_000, 160_000))
    # Eight times as long; quadratic would be 64 times.
    assert long < max(24 * short, 0.05)


def test_without_masks_texts_and_words_stay_as_they_are():
    assert Disclosure().shown(["@ann", 7]) == ["@ann", "7"]
    assert Disclosure().words(["@ann"], "@ann") == ["@ann"]


def test_words_that_are_parts_of_what_is_masked_are_not_shown():
    text = "Refund ann.smith@example.org now"
    words = ["refund", "ann", "smith", "@example", "org", "now"]
    assert Disclosure(mask=True).words(words, text) == ["refund", "now"]
