"""Unknown words and the classifier two-sample test, on messages that are made up."""

import codecs
import time

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from common.data.synthetic.messages import generate
from common.models.text import tokens, unknown_words
from common.monitoring.checks import words
from common.monitoring.checks.finding import Status
from common.monitoring.checks.usual import PastFigures


@pytest.fixture(scope="module")
def messages():
    return np.array([row[4] for block in generate(12_000, seed=77) for row in block], object)


@pytest.fixture(scope="module")
def known(messages):
    return {word for message in messages[:4000] for word in tokens(message)}


def drawn(random, messages, rows):
    return list(messages[random.integers(4000, len(messages), rows)])


def foreign(texts, share):
    """The first messages in another language: each word has its own other word (rot13)."""
    n = round(share * len(texts))
    return [codecs.encode(message, "rot13") for message in texts[:n]] + texts[n:]


def test_unknown_words_are_counted_message_by_message():
    now = unknown_words(["a xylem yacht 24", "a b"] * 20 + [" "], {"a", "b"})
    finding = words.unknown_words(unknown_words(["a b"] * 40, {"a", "b"}), now)
    assert finding.value == pytest.approx(0.375)
    assert finding.detail["reference"] == 0
    assert finding.detail["words"] == ["xylem", "yacht"], "numbers say nothing"
    assert finding.rows == 40
    assert finding.status is Status.WARNING


def test_fewer_unknown_words_are_not_a_trouble():
    before, now = (unknown_words(texts, {"a", "b"}) for texts in (["a x"] * 40, ["a b"] * 40))
    assert words.unknown_words(before, now).status is Status.OK
    assert words.unknown_words(before, now[:29]).status is Status.UNKNOWN


@pytest.mark.slow
def test_unknown_words_in_clusters_do_not_alarm_for_nothing(messages, known):
    # One message in twelve is all in another language, on both sides.
    random = np.random.default_rng(401)
    mixed = [foreign(drawn(random, messages, rows), 1 / 12) for rows in (2000, *[300] * 150)]
    before, *windows = (unknown_words(texts, known) for texts in mixed)
    found = [words.unknown_words(before, now) for now in windows]
    assert sum(finding.status == 1 for finding in found) <= 2
    more = [foreign(drawn(random, messages, 300), 0.3) for _ in range(10)]
    assert all(words.unknown_words(before, unknown_words(now, known)).status == 1 for now in more)


def test_the_area_under_the_curve_is_scikit_learns():
    random = np.random.default_rng(0)
    scores, positive = random.integers(0, 9, 200).astype(float), random.random(200) < 0.3
    expected = roc_auc_score(positive, scores)
    assert words._auc(scores, positive) == pytest.approx(expected, rel=1e-12)


def test_messages_of_one_kind_are_seldom_told_apart(messages):
    random = np.random.default_rng(402)
    alarms = 0
    for _ in range(40):
        sides = drawn(random, messages, 2000), drawn(random, messages, 500)
        alarms += words.drift(*sides).status == 1
    assert alarms <= 2  # 0.1 expected; .05 of 40 would be 2


@pytest.mark.slow
@pytest.mark.parametrize("check, share", [(words.drift, 0.25), (words.surging, 0.15)])
def test_foreign_messages_are_found(messages, check, share):
    random = np.random.default_rng(403)
    before = drawn(random, messages, 2000)
    stable = [check(before, drawn(random, messages, 500)).figure for _ in range(20)]
    past = PastFigures(stable[:18], stable[18:])
    found = 0
    for _ in range(15):
        now = foreign(drawn(random, messages, 500), share)
        found += check(before, now, past).status == 1
    assert found >= 9


def test_a_new_brand_in_a_tenth_of_the_messages_is_found_by_its_name(messages):
    random = np.random.default_rng(404)
    before, now = drawn(random, messages, 2000), drawn(random, messages, 300)
    now[:45] = [f"@neverheardof {message}" for message in now[:45]]
    found = words.surging(before, now)
    assert found.status is Status.WARNING
    assert found.detail["surging"][0]["word"] == "@neverheardof"
    assert found.detail["surging"][0]["reference"] == 0
    assert "@neverheardof (0.0% to 1" in found.reason


def test_what_comes_up_every_day_is_usual(messages):
    random = np.random.default_rng(405)
    before = drawn(random, messages, 2000)

    def day(share):
        now = drawn(random, messages, 300)
        n = round(300 * share)
        return [f"@neverheardof {message}" for message in now[:n]] + now[n:]

    past = [words.surging(before, day(share)).figure for share in (0.12, 0.17) * 5]
    usual = PastFigures(past[:8], past[8:])
    assert words.surging(before, day(0.15)).status is Status.WARNING
    assert words.surging(before, day(0.15), usual).status is Status.OK


def test_numbers_do_not_come_up(messages):
    now = [f"{message} 4711" for message in messages[:300]]
    assert words.surging(list(messages[300:2300]), now).status is Status.OK


def test_the_words_of_both_sides_are_told():
    random = np.random.default_rng(1)
    before = [f"late order {k}" for k in random.integers(0, 50, 300)]
    now = [f"broken app {k}" for k in random.integers(0, 50, 300)]
    finding = words.drift(before, now)
    assert finding.status is Status.WARNING
    assert finding.value == pytest.approx(1)
    assert set(finding.detail["more"][:2]) == {"broken", "app"}
    assert set(finding.detail["fewer"][:2]) == {"late", "order"}
    assert "broken" in finding.reason


def test_the_same_messages_get_the_same_answer(messages):
    random = np.random.default_rng(2)
    sides = drawn(random, messages, 400), drawn(random, messages, 200)
    assert words.drift(*sides) == words.drift(*sides)


def test_few_messages_and_blank_ones_are_unknown():
    different = [f"a b{k}" for k in range(100)]
    assert words.drift(different, different[:49] + ["", "  "] * 50).status is Status.UNKNOWN
    assert words.drift(different, different[:50]).status is Status.OK


def test_copies_count_once():
    different = [f"a b{k}" for k in range(100)]
    assert words.drift(different, ["a new one"] * 500).status is Status.UNKNOWN
    assert words.drift(different, different[:60] + ["a new one"] * 500).rows == 61


def test_the_largest_window_takes_under_three_seconds(messages):
    random = np.random.default_rng(3)
    before, now = drawn(random, messages, 3000), foreign(drawn(random, messages, 3000), 0.3)
    start = time.process_time()
    finding = words.drift(before, now)
    assert time.process_time() - start < 3
    assert finding.status is Status.WARNING
    assert (finding.rows, finding.detail["reference_rows"]) == (2000, 2000)
