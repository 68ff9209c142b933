"""Each scenario does to messages, and to a real model's accuracy, what it says, and no more."""

from datetime import datetime, timedelta
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.data.synthetic.inbound import INBOUND, NEW_SUBJECTS, OTHER_CLASS_TOPICS
from common.data.synthetic.messages import TIME_FORMAT, blocks
from common.data.synthetic.sample import KINDS
from common.data.synthetic.scenarios import (
    FIRST_DAY,
    TRAIN_DAYS,
    TRAIN_ROWS,
    first_changed_day,
    simulated,
    train_messages,
)
from common.errors import SettingsError
from common.models.boosted import TextClassifier
from common.models.text import tokens

DAYS = 60
CHANGING = ["sudden-drift", "slow-drift", "label-shift", "new-topic"]


@cache
def history(name):
    change = first_changed_day(INBOUND, name, DAYS)
    return list(simulated(INBOUND, name, DAYS, change_day=change))


def before(name):
    return [message for day in history(name) if not day.strength for message in day.messages]


def after(name):
    return [message for day in history(name) if day.strength for message in day.messages]


def inbound_share(messages):
    return np.mean([message.inbound == "True" for message in messages])


@pytest.fixture(scope="module")
def train():
    return train_messages(INBOUND, seed=42)


@pytest.fixture(scope="module")
def model(train):
    """The default pipeline as a user would fit it on train.csv."""
    return TextClassifier().fit(
        [message.text for message in train], [message.inbound for message in train]
    )


@pytest.fixture(scope="module")
def correct(model):
    """Tells of each message whether the model is right."""

    def correct(messages):
        predicted = model.predict([message.text for message in messages])
        return predicted == np.array([message.inbound for message in messages], object)

    return correct


@pytest.fixture(scope="module")
def drop(correct):
    """Points of accuracy that are lost from the days before the change to those after it."""

    def drop(name):
        return 100 * (correct(before(name)).mean() - correct(after(name)).mean())

    return drop


def written(message):
    return datetime.strptime(message.created_at, TIME_FORMAT.replace("+0000", "%z"))


@given(
    kind=st.sampled_from(sorted(KINDS)),
    name=st.sampled_from(sorted(INBOUND.scenarios)),
    days=st.integers(1, 8),
    rows=st.integers(1, 40),
    seed=st.integers(0, 2**40),
)
@settings(max_examples=15)
def test_days_follow_one_another_with_messages_in_order_and_no_id_twice(
    kind, name, days, rows, seed
):
    kind = KINDS[kind]
    scenario = kind.scenarios[name]
    asked = None if scenario.rows else rows
    change = first_changed_day(kind, name, days)
    made = list(simulated(kind, name, days, asked, seed, change))
    assert [day.day for day in made] == [FIRST_DAY + timedelta(days=k) for k in range(days)]
    for day in made:
        times = [written(message) for message in day.messages]
        assert times == sorted(times)
        assert {time.date() for time in times} == {day.day}
        assert all(6 <= time.hour < 23 for time in times)
        assert len(day.messages) == asked or 20 <= len(day.messages) <= 60
        assert all(message.text.strip() and message.brand for message in day.messages)
    ids = [message.tweet_id for day in made for message in day.messages]
    assert len(set(ids)) == len(ids)
    assert [day.strength for day in made] == sorted(day.strength for day in made)
    assert made[-1].strength == (1 if scenario.alter else 0)


def test_messages_to_train_on_come_before_the_first_day(train):
    assert len(train) == TRAIN_ROWS
    times = [written(message) for message in train]
    assert times == sorted(times)
    assert FIRST_DAY - timedelta(days=TRAIN_DAYS) == times[0].date()
    assert times[-1].date() == FIRST_DAY - timedelta(days=1)
    assert max(int(message.tweet_id) for message in train) < int(
        history("stable")[0].messages[0].tweet_id
    )


def test_the_brand_is_whom_the_thread_is_with(train):
    by_id = {message.tweet_id: message for message in train}
    for message in train[:2000]:
        if message.inbound == "False":
            assert message.author_id == message.brand
        if asked := by_id.get(message.in_response_to_tweet_id.removesuffix(".0")):
            assert asked.brand == message.brand


def test_the_same_seed_gives_the_same_days_and_another_seed_others():
    days = [list(simulated(INBOUND, "new-topic", 3, 50, seed, 2)) for seed in (1, 1, 2)]
    assert days[0] == days[1]
    assert days[0] != days[2]


def test_more_days_start_with_fewer():
    assert list(simulated(INBOUND, "stable", 7)) == history("stable")[:7]


@pytest.mark.parametrize("name", [*CHANGING, "label-delay"])
def test_until_the_change_all_is_as_if_nothing_ever_changed(name):
    unchanged = [day for day in history(name) if not day.strength]
    assert len(unchanged) == (40 if name in CHANGING else DAYS)
    assert unchanged == history("stable")[: len(unchanged)]


def test_a_stable_model_stays_within_one_and_a_half_points_of_its_mean(correct):
    right = correct(before("stable")).reshape(6, -1).mean(axis=1)
    assert right.mean() > 0.9
    assert np.abs(right - right.mean()).max() < 0.015


def test_sudden_drift_costs_nine_points_at_once(drop):
    assert 6 < drop("sudden-drift") < 10


def test_drift_changes_the_labels_of_some_topics_and_nothing_else():
    stable = [message for day in history("stable")[40:] for message in day.messages]
    for was, now in zip(stable, after("sudden-drift"), strict=True):
        changed = any(topic in was.text.casefold() for topic in OTHER_CLASS_TOPICS)
        assert (was.inbound != now.inbound) == changed
        assert was._replace(inbound=now.inbound) == now


def test_slow_drift_costs_the_same_spread_over_the_days(correct, drop):
    right = correct(after("slow-drift")).reshape(2, -1).mean(axis=1)
    lost = 100 * (correct(before("slow-drift")).mean() - right)
    assert lost[0] == pytest.approx(9 * 5.5 / 20, abs=1.5)
    assert lost[1] == pytest.approx(9 * 15.5 / 20, abs=1.5)
    assert history("slow-drift")[40].strength == pytest.approx(1 / 20)


def test_slow_drift_ends_where_sudden_drift_does():
    assert [m.inbound for m in history("slow-drift")[-1].messages] == [
        m.inbound for m in history("sudden-drift")[-1].messages
    ]


def test_label_shift_moves_the_shares_of_the_classes_and_of_the_predictions(model):
    assert inbound_share(before("label-shift")) == pytest.approx(0.59, abs=0.015)
    assert inbound_share(after("label-shift")) == pytest.approx(0.30, abs=0.02)
    earlier, later = (
        np.mean(model.predict([message.text for message in part]) == "True")
        for part in (before("label-shift"), after("label-shift"))
    )
    assert earlier - later > 0.2


def test_label_shift_leaves_each_message_and_the_accuracy_within_a_class_as_they_were(correct):
    stream = iter(blocks(42))
    last = int(after("label-shift")[-1].tweet_id)
    unshifted = {}
    while len(unshifted) < last:
        unshifted |= {message.tweet_id: message for message in next(stream)}
    copies, last = 0, None
    for message in after("label-shift"):
        was = unshifted[message.tweet_id]._replace(created_at=message.created_at)
        if last is not None and message.text == last.text != was.text:
            copies += 1
        elif message != was:  # a name that is new was added
            assert message == was._replace(text=message.text)
            assert message.text.startswith(f"{was.text} ")
        last = message
    assert copies < 0.02 * len(after("label-shift"))
    for inbound in ("True", "False"):
        earlier, later = (
            correct([message for message in part if message.inbound == inbound]).mean()
            for part in (before("label-shift"), after("label-shift"))
        )
        assert earlier == pytest.approx(later, abs=0.025)


def test_a_new_topic_brings_unknown_words_and_right_labels(train, drop):
    known = {word for message in train for word in tokens(message.text)}

    def unknown(messages):
        words = [word for message in messages for word in tokens(message.text)]
        return np.mean([word not in known for word in words])

    stable = [message for day in history("stable")[40:] for message in day.messages]
    changed = [now for was, now in zip(stable, after("new-topic"), strict=True) if was != now]
    assert len(changed) / len(stable) == pytest.approx(0.15, abs=0.015)
    assert all(any(subject in now.text for subject in NEW_SUBJECTS) for now in changed)
    assert [was.inbound for was in stable] == [now.inbound for now in after("new-topic")]
    assert unknown(before("new-topic")) < 0.01
    assert unknown(after("new-topic")) > 0.04
    assert abs(drop("new-topic")) < 2


def test_small_days_are_of_all_sizes_from_20_to_60():
    sizes = [len(day.messages) for day in history("small-days")]
    assert min(sizes) < 25 < 55 < max(sizes)
    assert min(sizes) >= 20
    assert max(sizes) <= 60


@pytest.mark.parametrize("name", CHANGING)
def test_the_change_comes_two_thirds_through_or_when_it_is_asked_for(name):
    assert first_changed_day(INBOUND, name, 60) == 41
    assert first_changed_day(INBOUND, name, 1) == 1
    assert first_changed_day(INBOUND, name, 60, change_day=60) == 60


@pytest.mark.parametrize(
    ("name", "arguments", "problem"),
    [
        ("stable", (0,), "1 to 3,650 days"),
        ("stable", (3_651,), "1 to 3,650 days"),
        ("stable", (9, None, 3), "nothing changes in stable"),
        ("small-days", (9, 300), "its own rows"),
        ("slow-drift", (9, None, 10), "one of the days 1 to 9, not 10"),
        ("slow-drift", (9, None, 0), "one of the days 1 to 9, not 0"),
    ],
)
def test_numbers_that_make_no_sense_are_refused(name, arguments, problem):
    with pytest.raises(SettingsError, match=problem):
        first_changed_day(INBOUND, name, *arguments)
