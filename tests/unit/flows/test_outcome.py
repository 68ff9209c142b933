"""Which exit codes are results, which are tried again, and which fail at once."""

import pytest

from common import cli
from flows import outcome
from flows.outcome import Meaning


@pytest.mark.parametrize(
    ("code", "meaning"),
    [
        (0, Meaning.RESULT),
        (cli.EXIT_NO_CONTEST, Meaning.RESULT),
        (cli.EXIT_STORE, Meaning.MAY_PASS),
        (cli.EXIT_UNFORESEEN, Meaning.STAYS),
        (cli.EXIT_USAGE, Meaning.STAYS),
        (cli.EXIT_INPUT, Meaning.STAYS),
        (128 + 15, Meaning.STAYS),
        (-9, Meaning.STAYS),
    ],
)
def test_codes_of_training(code, meaning):
    assert outcome.of_train(code) is meaning


def test_scoring_knows_no_contest():
    assert outcome.of_predict(0) is Meaning.RESULT
    assert outcome.of_predict(cli.EXIT_NO_CONTEST) is Meaning.STAYS
    assert outcome.of_predict(cli.EXIT_STORE) is Meaning.MAY_PASS


@pytest.mark.parametrize("code", [0, 1, 2])
def test_alerts_are_results(code):
    assert outcome.of_monitor(code, has_result=True) is Meaning.RESULT


def test_unknown_is_a_result_only_if_there_is_one():
    assert outcome.of_monitor(3, has_result=True) is Meaning.RESULT
    assert outcome.of_monitor(3, has_result=False) is Meaning.UNCLEAR
    assert outcome.of_monitor(143, has_result=False) is Meaning.STAYS


@pytest.mark.parametrize(
    ("code", "meaning"),
    [
        (0, Meaning.RESULT),
        (1, Meaning.MAY_PASS),
        (28, Meaning.MAY_PASS),
        (2, Meaning.STAYS),
        (127, Meaning.STAYS),
        (-15, Meaning.STAYS),
    ],
)
def test_codes_of_fetching(code, meaning):
    assert outcome.of_fetch(code) is meaning
