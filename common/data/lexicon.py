"""Files of words with values, one a row: `good,1.9`; and the one that comes with the project."""

from __future__ import annotations

import math
from pathlib import Path

from common.errors import InputError
from common.text import printable

# VADER's list (Hutto & Gilbert, ICWSM 2014), English; its licence lies beside it. Words and values
# of vaderSentiment 3.3.2, without its four entries of several words.
VADER = Path(__file__).parent / "lexicons" / "vader.tsv"
MOST_BYTES = 50_000_000


def read_lexicon(path: Path) -> dict[str, float]:
    """Words with values: two columns with a tab, semicolon or comma between; more are not read.

    The first row may hold names. Entries of several words are left out: a message is looked at word
    by word. Of a word that stands there twice with the same value, nothing is said.

    Raises:
        InputError: the file can't be read, or a row has no value, or a word has two.
    """
    found: dict[str, float] = {}
    rows: dict[str, int] = {}
    for number, line in enumerate(_lines(path), start=1):
        if not line.strip():
            continue
        word, value = _entry(line)
        where = f"{printable(path)}, row {number}"
        if value is None:
            if number == 1:
                continue
            # Rows are not shown: the file may be one of messages by mistake.
            raise InputError(f"{where}: no word with a number: write them as good,1.9.")
        if found.setdefault(word, value) != value:
            raise InputError(f"{where}: the word of row {rows[word]} again, with another value.")
        rows.setdefault(word, number)
    words = {word: value for word, value in found.items() if len(word.split()) == 1}
    if not any(words.values()):
        raise InputError(f"{printable(path)} has no word with a value other than 0.")
    return words


def _lines(path: Path) -> list[str]:
    try:
        if path.stat().st_size > MOST_BYTES:
            raise InputError(f"{printable(path)} is larger than {MOST_BYTES:,} bytes: not a list.")
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot read {printable(path)}: {error.strerror}.") from error
    try:
        return content.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        row = content.count(b"\n", 0, error.start) + 1
        raise InputError(f"{printable(path)}, row {row}: not UTF-8.") from error


def _entry(line: str) -> tuple[str, float | None]:
    """The word and the value of a row; no value if there is no finite number.

    Words may hold commas, as `;,)` does: what stands between them and the value is found first.
    """
    for separator in ("\t", ";", ","):
        if separator == "\t":
            word, _, rest = line.partition(separator)
        else:
            word, _, rest = line.rpartition(separator)
        if not rest:
            continue
        try:
            value = float(rest.partition("\t")[0])
        except ValueError:
            continue
        if math.isfinite(value) and word.strip():
            return word.strip().strip('"'), value
    return line, None
