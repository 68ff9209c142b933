"""Scenarios of customers' messages: what happens to a real model's accuracy is what they say."""

from collections import Counter
from functools import cache

import numpy as np
import pytest

from common.data.synthetic.inbound import INBOUND
from common.data.synthetic.scenarios import first_changed_day, simulated, train_messages
from common.data.synthetic.topics import NEW_SUBJECTS, REROUTED_TO, REROUTED_WORDS, TOPICS
from common.models.boosted import TextClassifier

DAYS = 45
CHANGING = ["sudden-drift", "slow-drift", "label-shift", "new-topic"]


@cache
def history(name):
    change = first_changed_day(TOPICS, name, DAYS)
    return list(simulated(TOPICS, name, DAYS, change_day=change))


def messages(name, changed):
    return [m for day in history(name) if bool(day.strength) == changed for m in day.messages]


@pytest.fixture(scope="module")
def correct():
    """Tells of each message whether a model that was fitted on train.csv is right."""
    train = train_messages(TOPICS, seed=42)
    model = TextClassifier().fit(
        [message.text for message in train], [message.topic for message in train]
    )

    def correct(some):
        truth = np.array([message.topic for message in some], object)
        return model.predict([message.text for message in some]) == truth

    return correct


@pytest.fixture(scope="module")
def gain(correct):
    """Points of accuracy from the days before the change to those after it."""

    def gain(name):
        before, after = (correct(messages(name, changed)).mean() for changed in (False, True))
        return 100 * (after - before)

    return gain


def test_the_scenarios_are_those_of_the_other_kind_by_name():
    assert list(TOPICS.scenarios) == list(INBOUND.scenarios)


@pytest.mark.parametrize("name", CHANGING)
def test_until_the_change_all_is_as_if_nothing_ever_changed(name):
    unchanged = [day for day in history(name) if not day.strength]
    assert unchanged == history("stable")[: len(unchanged)]


def test_a_stable_model_stays_where_it_is(correct):
    right = correct(messages("stable", False))
    means = np.array([part.mean() for part in np.array_split(right, 5)])
    assert means.mean() > 0.84
    assert np.abs(means - means.mean()).max() < 0.025


def test_sudden_drift_costs_nine_points_and_changes_labels_alone(gain):
    assert -14 < gain("sudden-drift") < -7
    stable = [message for day in history("stable")[30:] for message in day.messages]
    for was, now in zip(stable, messages("sudden-drift", True), strict=True):
        rerouted = any(word in was.text.casefold() for word in REROUTED_WORDS)
        assert now.topic == (REROUTED_TO if rerouted else was.topic)
        assert now._replace(topic=was.topic) == was


def test_slow_drift_ends_where_sudden_drift_does():
    assert history("slow-drift")[-1].messages == history("sudden-drift")[-1].messages


def test_an_outage_makes_half_of_the_messages_technical_and_the_model_no_worse(gain):
    shares = [
        Counter(message.topic for message in messages("label-shift", changed))["technical"]
        / len(messages("label-shift", changed))
        for changed in (False, True)
    ]
    assert shares[0] == pytest.approx(0.24, abs=0.03)
    assert shares[1] == pytest.approx(0.5, abs=0.03)
    assert 0 < gain("label-shift") < 6


def test_a_new_product_brings_new_words_and_leaves_accuracy(gain):
    new = messages("new-topic", True)
    about = [any(subject in message.text for subject in NEW_SUBJECTS) for message in new]
    assert np.mean(about) == pytest.approx(0.15, abs=0.02)
    assert not any(
        subject in message.text
        for message in messages("new-topic", False)
        for subject in NEW_SUBJECTS
    )
    assert abs(gain("new-topic")) < 2
