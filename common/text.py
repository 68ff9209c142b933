"""Text that others wrote, made safe to show, to log and to store."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime, time

HIDDEN = "***"
LINE_CHARACTERS = 300

# Control characters could start a new line or move the cursor, bidirectional ones could reorder
# what is shown: a message that someone wrote must not be able to forge or hide a log line.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
# Both take time in proportion to the text, whatever is in it: what one try reads ends where the
# next one may start.
_URL_USER = re.compile(r"(?<=[\w+.-])://[^\s/?#]*@")
_URL_SECRET = re.compile(
    r"([?&](?=[^=&?\s]*(?:password|passwd|token|secret|key|sig))[^=&?\s]*=)[^&\s'\"]+",
    re.IGNORECASE,
)


def printable(value: object) -> str:
    """Text that can be stored anywhere: the name of a file may hold bytes that are not text."""
    return str(value).encode("utf-8", "backslashreplace").decode()


def escape(text: str) -> str:
    r"""Make control characters visible: a line break becomes the two characters `\n`."""
    return _CONTROL.sub(lambda match: match.group().encode("unicode_escape").decode(), text)


def shortened(text: str, most: int) -> str:
    """The text, or its beginning and its length.

    >>> shortened("a long label", 6)
    'a long... (12 characters)'
    """
    return text if len(text) <= most else f"{text[:most]}... ({len(text):,} characters)"


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """Hide user and password of addresses, tokens in their queries, and every one of `secrets`.

    >>> redact("cannot reach https://ann:pw@host/x?token=abc")
    'cannot reach https://***@host/x?token=***'
    """
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    return _URL_SECRET.sub(rf"\1{HIDDEN}", _URL_USER.sub(f"://{HIDDEN}@", text))


def credentials(uri: str) -> list[str]:
    """User and password of an address, also if they hold characters that end them elsewhere.

    >>> credentials("http://ann:se/cret@host")
    ['ann:se/cret', 'se/cret']
    """
    before, at, _ = uri.rpartition("@")
    user = before.rpartition("://")[2]
    return [user, user.partition(":")[2]] if at else []


def without_password(uri: str, text: str | None = None) -> str:
    """An address, or a text that holds it, without the address's user and password.

    >>> without_password("http://ann:se/cret@host")
    'http://***@host'
    """
    return redact(uri if text is None else text, credentials(uri))


def one_line(error: object) -> str:
    """The whole text on one line.

    >>> one_line(ValueError("two\\nlines"))
    'two lines'
    """
    return " ".join(str(error).split())


def brief(text: str, characters: int = 40) -> str:
    r"""Text to be quoted in a sentence: control characters visible, cut if it is long.

    >>> brief("Angry\n"), brief("x" * 50, 5)
    ('Angry\\n', 'xxxx…')
    """
    cut = text if len(text) <= characters else text[: characters - 1] + "…"
    return escape(cut)


def first_line(error: object) -> str:
    """The first line of what an exception says, at most 300 characters."""
    lines = str(error).strip().splitlines() or ["no reason given"]
    return lines[0][:LINE_CHARACTERS]


def signed(value: float, decimals: int = 4) -> str:
    """A difference with its sign; one that is rounded to nothing has none.

    >>> signed(0.0123), signed(-0.00001), signed(-0.5, 1)
    ('+0.0123', '0.0000', '-0.5')
    """
    rounded = round(value, decimals)
    return f"{rounded:+.{decimals}f}" if rounded else f"{0:.{decimals}f}"


def points(difference: float) -> str:
    """A difference of two shares in words; a point is 0.01.

    >>> points(0.0123), points(-0.062), points(0.0001)
    ('1.2 points better', '6.2 points worse', 'no difference')
    """
    size = round(abs(100 * difference), 1)
    if not size:
        return "no difference"
    what = "point" if size == 1 else "points"
    return f"{size:.1f} {what} {'better' if difference > 0 else 'worse'}"


def p_value(p: float) -> str:
    """A p-value as a sentence has it; none is 0.

    >>> p_value(0.0321), p_value(1e-30), p_value(1.0)
    ('p 0.032', 'p < 0.0001', 'p 1')
    """
    return "p < 0.0001" if p < 0.0001 else f"p {p:.2g}"


def percent(share: float) -> str:
    """A share that was measured, as people read it.

    >>> percent(0.8234), percent(0.8), percent(1), percent(0.0004)
    ('82.3 %', '80.0 %', '100 %', '< 0.1 %')
    """
    if 0 < share < 0.0005:
        return "< 0.1 %"
    return f"{100 * share:.1f} %" if share not in (0, 1) else f"{100 * share:.0f} %"


def set_percent(share: float) -> str:
    """A share that somebody has set, as people read it.

    >>> set_percent(0.8), set_percent(0.825)
    ('80 %', '82.5 %')
    """
    return f"{100 * share:.3g} %"


def moment(at: datetime) -> str:
    """A day where a time is midnight, as windows of days begin; else with its time in UTC.

    >>> moment(datetime(2026, 3, 1, tzinfo=UTC)), moment(datetime(2026, 3, 1, 6, tzinfo=UTC))
    ('2026-03-01', '2026-03-01 06:00 UTC')
    """
    at = at.astimezone(UTC)
    return f"{at:%Y-%m-%d}" if at.time() == time() else f"{at:%Y-%m-%d %H:%M} UTC"


def more_wrong(share: float) -> str:
    """How many more answers are wrong, by the share that accuracy has lost, for a sentence.

    >>> more_wrong(0.103), more_wrong(0.012), more_wrong(0.004)
    ('10 more of 100 messages are wrong', '1 more of 100 messages is wrong', \
'4 more of 1,000 messages are wrong')
    """
    of = 100 if share >= 0.01 else 1000
    wrong = max(1, round(of * share))
    return f"{wrong} more of {of:,} messages {'is' if wrong == 1 else 'are'} wrong"


def quoted(name: object) -> str:
    """A name of others' making, such as a class, for a sentence."""
    return f"“{brief(one_line(name))}”"


def listed(names: Iterable[str], last: str = "and") -> str:
    """Names as a sentence lists them.

    >>> listed(["a", "b", "c"]), listed(["a"]), listed([])
    ('a, b and c', 'a', '')
    """
    *first, end = list(names) or [""]
    return f"{', '.join(first)} {last} {end}" if first else end


def capitalised(sentence: str) -> str:
    """A sentence with a capital letter at its start, the others as they are."""
    return sentence[:1].upper() + sentence[1:]
