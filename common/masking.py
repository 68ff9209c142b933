"""What tells who wrote a message, and how to reach them, made unreadable: rules of text alone.

Each rule is one kind of thing with its own mask: links, mail addresses, IBANs, cards, phone
numbers, handles. They are patterns and checksums, not a search for names: docs/privacy.md says what
they miss. Messages are hostile input, so every pattern is linear in the length of the text: it
either starts at the border of a run that it takes as a whole, or it is bounded.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

# The parts of a rule may only become visible when another rule has done its work.
ROUNDS = 3

_LINK = re.compile(
    r"(?:https?|ftp)://\S*|www\.[^\s.]\S*"
    # Without a scheme only before a path, as in bit.ly/abc: "late.and" is a missing blank.
    r"|(?<![\w.@-])(?:[a-z0-9-]++\.)+[a-z]{2,}/\w\S*",
    re.IGNORECASE,
)
_MAIL = re.compile(r"(?<![\w.+%-])[\w.+%-]++[@＠](?:[\w-]++\.)+[^\W\d_]{2,}")
# Not the time: @5pm, @17:30.
_HANDLE = re.compile(r"[@＠](?!\d{1,2}(?::\d\d|[ap]m\b))\w++", re.IGNORECASE)

_IBAN = re.compile(r"(?<![^\W_])[A-Z]{2}\d{2}(?:[ -]?[A-Z0-9]){11,30}", re.IGNORECASE | re.ASCII)
# Characters by country. Source: SWIFT, IBAN Registry, release 99.
_IBAN_LENGTHS = {
    **dict.fromkeys(("NO",), 15),
    **dict.fromkeys(("BE",), 16),
    **dict.fromkeys(("DK", "FI", "FK", "FO", "GL", "NL", "SD"), 18),
    **dict.fromkeys(("MK", "SI"), 19),
    **dict.fromkeys(("AT", "BA", "EE", "KZ", "LT", "LU", "MN", "XK"), 20),
    **dict.fromkeys(("CH", "CR", "HR", "LI", "LV"), 21),
    **dict.fromkeys(("BG", "BH", "DE", "GB", "GE", "IE", "ME", "RS", "VA"), 22),
    **dict.fromkeys(("AE", "GI", "IL", "IQ", "OM", "SO", "TL"), 23),
    **dict.fromkeys(("AD", "CZ", "ES", "MD", "PK", "RO", "SA", "SE", "SK", "TN", "VG"), 24),
    **dict.fromkeys(("LY", "PT", "ST"), 25),
    **dict.fromkeys(("IS", "TR"), 26),
    **dict.fromkeys(("BI", "DJ", "FR", "GR", "IT", "MC", "MR", "SM"), 27),
    **dict.fromkeys(("AL", "AZ", "BY", "CY", "DO", "GT", "HN", "HU", "LB", "NI", "PL", "SV"), 28),
    **dict.fromkeys(("BR", "EG", "PS", "QA", "UA"), 29),
    **dict.fromkeys(("JO", "KW", "MU", "YE"), 30),
    **dict.fromkeys(("MT", "SC"), 31),
    **dict.fromkeys(("LC",), 32),
    **dict.fromkeys(("RU",), 33),
}

# Letters of other scripts may stand right beside a number, as in Japanese.
_W = r"A-Za-z\d_"
_CARD = re.compile(
    rf"(?<![{_W}+])(?:[3-6]\d{{12,18}}|2[2-7]\d{{14}}"
    r"|\d{4}([ -])\d{4}\1\d{4}\1\d{4}(?:\1\d{3})?"
    rf"|3\d{{3}}([ -])\d{{6}}\2\d{{4,5}})(?![{_W}])"
)

_DATE = r"\d{1,2}[./-]\d{1,2}[./-]\d{2,4}"
_PHONE = re.compile(
    # +44 (0)20 7946 0958, 0049 170 1234567
    rf"(?<![{_W}+-])(?:\+|00)[1-9](?:[ .()/-]{{0,2}}\d){{7,13}}(?![{_W}])"
    # (800) 433-7300, 1-800-433-7300, 800.433.7300
    rf"|(?<![{_W}.,:/-])(?:1[ .-])?(?:\([2-9]\d\d\)[ .-]?|[2-9]\d\d[ .-])"
    rf"[2-9]\d\d[ .-]\d{{4}}(?![{_W}])"
    # 020 7946 0958, (030) 1234567, 0170/1234567
    rf"|(?<![{_W}.,:/-])(?!{_DATE})\(?0[1-9]\d{{0,4}}(?:\) ?|[ ./-])"
    rf"\d(?:[ ./-]?\d){{4,8}}(?![{_W}])"
    # 07911123456, 8004337300; longer ones without a blank are tickets and orders
    rf"|(?<![{_W}.,:/#-])(?:0[1-9]\d{{8,9}}|1?[2-9]\d\d[2-9]\d{{6}})(?![{_W}/-])"
)
_NATIONAL_DIGITS = 9


@dataclass(frozen=True)
class Rule:
    """One kind of thing that is masked.

    Attributes:
        sign: pattern that any text has in which `apply` finds something; most texts have none.
        apply: text to text.
    """

    name: str
    sign: re.Pattern[str]
    apply: Callable[[str], str]


@dataclass(frozen=True)
class Disclosure:
    """How much of the messages may be stored and shown.

    Attributes:
        examples: messages in each place that shows examples; 0: none is kept anywhere.
        mask: show what tells who wrote them as masks.
    """

    examples: int = 10
    mask: bool = False

    def shown(self, texts: Iterable[object]) -> list[str]:
        """Texts as they may be stored and shown."""
        return [mask(str(text)) if self.mask else str(text) for text in texts]

    def words(self, words: Sequence[str], text: str) -> list[str]:
        """The words of a message that may be shown: those that still stand in it.

        A word alone does not tell that it is half of a mail address; its message does.
        """
        if not self.mask:
            return list(words)
        left = mask(text).casefold()
        return [
            word for word in words if re.search(rf"(?<!\w){re.escape(word.casefold())}(?!\w)", left)
        ]


OPEN = Disclosure()


def mask(text: str, rules: Sequence[Rule] | None = None) -> str:
    """The text with masks in place of what the rules find; masking twice changes nothing more.

    >>> mask("@Ann mail ann@example.org or call +44 20 7946 0958, see https://t.co/x1")
    '[handle] mail [mail] or call [phone], see [link]'
    """
    for _ in range(ROUNDS):
        before = text
        for rule in RULES if rules is None else rules:
            if rule.sign.search(text):
                text = rule.apply(text)
        if text == before:
            break
    return text


def without_masks(text: str) -> str:
    """The text with a blank in place of each mask.

    >>> without_masks("[handle] call [phone]")
    '  call  '
    """
    return _MASKS.sub(" ", text)


def is_card(digits: str) -> bool:
    """Whether the last digit is the check digit of the others.

    Source: ISO/IEC 7812-1, annex B (Luhn).

    >>> is_card("4111111111111111"), is_card("4111111111111112")
    (True, False)
    """
    doubled = [int(digit) * 2 for digit in digits[-2::-2]]
    total = sum(map(int, digits[::-2])) + sum(d - 9 if d > 9 else d for d in doubled)
    return total % 10 == 0


def is_iban(text: str) -> bool:
    """Whether letters and digits make an IBAN: its country's length, and the remainder 1 by 97.

    Source: ISO 13616-1 (MOD 97-10 of ISO 7064).

    >>> is_iban("DE89370400440532013000"), is_iban("DE89370400440532013001")
    (True, False)
    """
    text = text.upper()
    if _IBAN_LENGTHS.get(text[:2]) != len(text):
        return False
    return int("".join(str(int(c, 36)) for c in text[4:] + text[:4])) % 97 == 1


def _mask_cards(text: str) -> str:
    def masked(found: re.Match[str]) -> str:
        return "[card]" if is_card(re.sub(r"\D", "", found[0])) else found[0]

    return _CARD.sub(masked, text)


def _mask_phones(text: str) -> str:
    def masked(found: re.Match[str]) -> str:
        digits = sum(map(str.isdigit, found[0]))
        return "[phone]" if digits >= _NATIONAL_DIGITS else found[0]

    return _PHONE.sub(masked, text)


def _mask_ibans(text: str) -> str:
    """What follows an IBAN after a blank looks like more of it, so its end is found by counting."""
    parts, done, at = [], 0, 0
    while found := _IBAN.search(text, at):
        end = _end_of_iban(found)
        if end:
            parts += [text[done : found.start()], "[iban]"]
            done = end
        at = end or found.start() + 1
    return "".join([*parts, text[done:]])


def _end_of_iban(found: re.Match[str]) -> int:
    """Where in the text the IBAN ends that starts a match; 0 if none does."""
    length = _IBAN_LENGTHS.get(found[0][:2].upper(), 0)
    places = [at for at, character in enumerate(found[0]) if character.isalnum()]
    if not 0 < length <= len(places):
        return 0
    end = places[length - 1] + 1
    whole = "".join(found[0][at] for at in places[:length])
    ends_there = not found.string[found.start() + end :][:1].isalnum()
    return found.start() + end if ends_there and is_iban(whole) else 0


_AT, _DIGITS = re.compile("[@＠]"), re.compile(r"\d\d")
RULES = (
    Rule("link", re.compile(r"/|www\.", re.IGNORECASE), lambda text: _LINK.sub("[link]", text)),
    Rule("mail", _AT, lambda text: _MAIL.sub("[mail]", text)),
    Rule("iban", _DIGITS, _mask_ibans),
    Rule("card", _DIGITS, _mask_cards),
    Rule("phone", _DIGITS, _mask_phones),
    Rule("handle", _AT, lambda text: _HANDLE.sub("[handle]", text)),
)
# Without addresses of servers, which errors must name.
CONTACTS = tuple(rule for rule in RULES if rule.name not in ("link", "handle"))
_MASKS = re.compile("|".join(re.escape(f"[{rule.name}]") for rule in RULES))
