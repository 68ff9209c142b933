"""What an exit code means: a result, a failure that may pass, or one that stays.

docs/architecture.md has the codes. Only what may pass is tried again: bad input is bad input
however often it is read.
"""

from __future__ import annotations

from enum import Enum

STORE = 4  # of all commands but the monitor: tracking store or model not available
USAGE = 2
UNKNOWN = 3  # of the monitor: too few rows to tell, or any failure of its own


class Meaning(Enum):
    """What to do after a command has ended."""

    RESULT = "show it"
    MAY_PASS = "try again"
    STAYS = "fail"
    UNCLEAR = "ask whether the store is there"


def of_train(code: int) -> Meaning:
    """Of train.py: 5 is a model that could not be compared with the champion, which stays."""
    return _of_script(code, results=(0, 5))


def of_predict(code: int) -> Meaning:
    """Of predict.py."""
    return _of_script(code, results=(0,))


def of_monitor(code: int, has_result: bool) -> Meaning:
    """Of monitor.py, whose 1 and 2 are verdicts.

    Args:
        has_result: whether it has printed one; with 3 it has if there were too few rows.
    """
    if code in (0, 1, 2) or (code == UNKNOWN and has_result):
        return Meaning.RESULT
    return Meaning.UNCLEAR if code == UNKNOWN else Meaning.STAYS


def of_fetch(code: int) -> Meaning:
    """Of the command that fetches: whatever it failed of is likely to lie in a network.

    >>> of_fetch(7)  # curl: the host doesn't answer
    <Meaning.MAY_PASS: 'try again'>
    """
    if code == 0:
        return Meaning.RESULT
    # 126 and more: it can't be run, or a signal ended it.
    return Meaning.MAY_PASS if 0 < code < 126 and code != USAGE else Meaning.STAYS


def _of_script(code: int, results: tuple[int, ...]) -> Meaning:
    if code in results:
        return Meaning.RESULT
    return Meaning.MAY_PASS if code == STORE else Meaning.STAYS
