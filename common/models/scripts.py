"""How writing systems make words: marks that belong to letters, and no spaces between words."""

from __future__ import annotations

import re
import unicodedata

# Accents, and the vowels and tones of Thai, Hindi and others. Variation selectors and keycaps,
# which belong to emoji, are in other blocks.
_MARK_BLOCKS = ((0x0300, 0x1E00), (0x3099, 0x309B), (0xA66F, 0xAC00))
_MARKS = "".join(
    chr(point)
    for start, stop in _MARK_BLOCKS
    for point in range(start, stop)
    if unicodedata.category(chr(point)) in ("Mn", "Mc")
)
# Thai, Lao, Burmese, Khmer, Kana and Han: what stands between two spaces is a clause.
_UNSPACED = (
    "\u0e01-\u0e30\u0e32\u0e33\u0e40-\u0e46\u0e81-\u0eb0\u0eb2\u0eb3\u0ebd-\u0ec6\u0edc-\u0edf"
    "\u1000-\u102a\u103f\u1050-\u1055\u1780-\u17b3\u3005-\u3007\u3031-\u3035\u3041-\u3096"
    "\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\U00020000-\U0003fffd"
)
# Some write them and some don't: vowels of Hebrew and Arabic, Arabic stretching. Nobody sees the
# marks of direction.
_OPTIONAL = (
    "\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0640\u064b-\u065f\u0670"
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
)
# Full-width Latin letters and digits, half-width Katakana.
_WIDTHS = "\uff01-\uff9f"
_WORD = rf"(?:[^\W{_UNSPACED}]++[{_MARKS}]*+)++"

# Words with what belongs to them (@brand, #tag, don't); single letters of scripts without spaces;
# else single marks: punctuation and emoji say much in short messages.
TOKEN = re.compile(rf"[@#]?{_WORD}(?:['’]{_WORD})?|[{_UNSPACED}][{_MARKS}]*|[^\w\s]")

_SEVERAL_SPELLINGS = re.compile(rf"[{_MARKS}{_OPTIONAL}{_WIDTHS}\u200c\u200d\u1100-\u11ff]")
_WIDTH = re.compile(rf"[{_WIDTHS}]+")
# Joiners also stand between emoji, where they mean something.
_LEFT_OUT = re.compile(rf"[{_OPTIONAL}]+|(?<=[\u0600-\u1dff])[\u200c\u200d]+")


def one_spelling(text: str) -> str:
    """The same for what is the same written word, however it is coded; plain Latin stays as it is.

    Accents are composed (NFC), letters get their usual width; vowel marks of Arabic and Hebrew,
    Arabic stretching, joiners within words and marks of direction are left out.

    >>> one_spelling("cafe\u0301 ｶﾀｶﾅ ＯＫ كتـــاب")
    'café カタカナ OK كتاب'
    """
    if text.isascii():
        return text
    # Never because of what else is in the text, which may be many messages.
    if not _SEVERAL_SPELLINGS.search(text) and unicodedata.is_normalized("NFC", text):
        return text
    text = _WIDTH.sub(lambda found: unicodedata.normalize("NFKC", found.group()), text)
    return _LEFT_OUT.sub("", unicodedata.normalize("NFC", text))
