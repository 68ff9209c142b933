"""The answer that costs least is given, and a person looks where that costs less still."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.data import cost_file
from common.evaluation import costs
from common.evaluation.costs import LOOK, CostRules, Costs
from common.evaluation.decisions import NEVER_AUTOMATIC, are_routed, decide
from common.evaluation.routing import Group, Promise, Routing, choose

CLASSES = ("billing", "other", "urgent")


def rules(*rows):
    return CostRules({(truth, answer): cost for truth, answer, cost in rows})


@st.composite
def problems(draw):
    """Costs of 2 to 4 classes, with or without a person, and probabilities of some messages."""
    k = draw(st.integers(2, 4))
    some = st.floats(0, 50) | st.integers(0, 5).map(float)
    matrix = np.array([[draw(some) for _ in range(k)] for _ in range(k)])
    person = np.array([draw(some) for _ in range(k)]) if draw(st.booleans()) else None
    weights = np.array([[draw(st.floats(0.01, 1)) for _ in range(k)] for _ in range(5)])
    names = tuple("abcd"[:k])
    return Costs(names, matrix, person), weights / weights.sum(axis=1, keepdims=True)


@settings(deadline=None, max_examples=60)
@given(problems())
def test_no_other_answer_is_expected_to_cost_less(problem):
    """Every answer is tried, a person's look among them."""
    found, proba = problem
    best, to_person = found.decide(proba)
    for row, p in enumerate(proba):
        price = [
            sum(p[t] * found.matrix[t, a] for t in range(len(p))) for a in range(len(found.classes))
        ]
        look = np.inf if found.person is None else sum(p * found.person)
        assert price[best[row]] <= min(price) + 1e-9
        taken = look if to_person[row] else price[best[row]]
        assert taken <= min([*price, look]) + 1e-9


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_costs_of_0_and_1_take_the_largest_probability_exactly(data):
    """Near ties too, however sums of floats come out."""
    k = data.draw(st.integers(2, 5))
    base = data.draw(st.lists(st.integers(1, 4), min_size=k, max_size=k))
    proba = np.array([base], float) / sum(base)
    proba[0, data.draw(st.integers(0, k - 1))] += data.draw(
        st.sampled_from([0, 1e-16, 2e-16, 1e-9])
    )
    found = CostRules({}).of("abcde"[:k])
    best, to_person = found.decide(proba)
    assert best.tolist() == proba.argmax(axis=1).tolist()
    assert not to_person.any()


def test_the_example_of_chow_by_hand():
    """0 for right, 1 for wrong, .3 for a look: a person looks below a confidence of .7."""
    found = rules(("*", LOOK, 0.3)).of(("a", "b"))
    proba = np.array([[0.71, 0.29], [0.69, 0.31], [0.31, 0.69], [0.29, 0.71]])
    best, to_person = found.decide(proba)
    assert best.tolist() == [0, 0, 1, 1]
    assert to_person.tolist() == [False, True, True, False]


def test_a_missed_urgent_message_is_dear_by_hand():
    """At 10 for a miss and 1 for a false alarm, "urgent" is said from a probability of 1/11 on."""
    found = rules(("urgent", "*", 10)).of(("other", "urgent"))
    proba = np.array([[1 - p, p] for p in (0.09, 0.092)])
    best, _ = found.decide(proba)
    assert best.tolist() == [0, 1]
    assert found.expected(proba)[0] == pytest.approx([0.9, 0.91])


def test_what_names_more_counts_before_what_names_less():
    found = rules(
        ("urgent", "billing", 7),
        ("urgent", "*", 10),
        ("*", "billing", 3),
        ("*", LOOK, 0.5),
        ("urgent", LOOK, 0.2),
    ).of(CLASSES)
    assert found.matrix.tolist() == [[0, 1, 1], [3, 0, 1], [7, 10, 0]]
    assert found.person.tolist() == [0.5, 0.5, 0.2]


def test_a_right_answer_costs_what_is_said_of_it_alone():
    found = rules(("*", "*", 5), ("billing", "billing", 0.5)).of(("billing", "other"))
    assert found.matrix.tolist() == [[0.5, 5], [5, 0]]


def test_known_answers_cost_what_their_classes_say():
    found = rules(("urgent", "*", 10), ("*", LOOK, 0.5)).of(CLASSES)
    true = np.array(["urgent", "urgent", "other", "billing"], object)
    best = np.array([1, 2, 0, 1])
    assert found.known(true, best).tolist() == [10, 0, 1, 1]
    looked = np.array([True, False, False, True])
    assert found.known(true, best, looked).tolist() == [0.5, 0, 1, 0.5]
    assert found.of_looking(true).tolist() == [0.5] * 4
    assert rules(("urgent", "*", 10)).of(CLASSES).of_looking(true) is None


def test_costs_come_back_from_the_text_of_a_tag():
    before = rules(("urgent", "*", 10), ("*", LOOK, 0.25), ('odd, "one"', "ünïcode\n", 3))
    assert CostRules.from_text(before.to_text()) == before
    for text in ("", "[]", '{"a": 1}', '{"a": {"b": "x"}}', "null"):
        with pytest.raises((ValueError, AttributeError, TypeError)):
            CostRules.from_text(text)


def test_files_and_costs_write_the_same_signs():
    assert (cost_file.ANY, cost_file.LOOK) == (costs.ANY, costs.LOOK)


PROBA = np.array([[0.55, 0.45], [0.8, 0.2], [0.05, 0.95], [0.35, 0.65]])
AB = np.array(["a", "b"], object)


def test_without_costs_the_likeliest_class_is_the_answer():
    found = decide(PROBA, AB)
    assert found.best.tolist() == [0, 0, 1, 1]
    assert found.confidence.tolist() == [0.55, 0.8, 0.95, 0.65]
    assert found.automatic is None


def test_confidence_is_the_probability_of_the_answer():
    found = decide(PROBA, AB, rules(("b", "a", 5)).of(AB))
    assert found.best.tolist() == [1, 1, 1, 1]
    assert found.confidence.tolist() == [0.45, 0.2, 0.95, 0.65]
    assert found.automatic is None


def test_an_answer_is_automatic_if_costs_and_thresholds_say_so():
    found = rules(("*", LOOK, 0.3)).of(AB)
    never = Group(0.99, None, 10)
    routing = Routing(Promise(0.9, {"b": 0.99}), Group(0.9, 0.5, 20), {"b": never})
    assert decide(PROBA, AB, found).automatic.tolist() == [False, True, True, False]
    assert decide(PROBA, AB, None, routing).automatic.tolist() == [True, True, False, False]
    assert decide(PROBA, AB, found, routing).automatic.tolist() == [False, True, False, False]
    assert decide(PROBA, AB, found).routable.tolist() == [NEVER_AUTOMATIC, 0.8, 0.95, -1]
    assert [are_routed(*pair) for pair in ((found, None), (None, routing), (None, None))] == [
        *(True, True, False)
    ]
    assert not are_routed(rules(("b", "a", 5)).of(AB), None)


def thresholds(confidence, right, promise=0.9):
    names = np.full(len(right), "a", object)
    first = np.ones(len(right), bool)
    return choose(names, confidence, right, Promise(promise), first)


def test_answers_that_a_person_looks_at_are_never_made_automatic():
    """All are right: a threshold that knew no better would take them all."""
    confidence = np.concatenate([np.full(200, 0.8), np.full(300, NEVER_AUTOMATIC)])
    routing = thresholds(confidence, np.ones(500, bool))
    assert routing.rest.threshold == 0.8
    assert (routing.rest.auto, routing.rest.rows, routing.coverage) == (200, 500, 0.4)
    automatic = routing.automatic(np.full(500, "a", object), confidence)
    assert automatic.sum() == 200


def test_that_costs_leave_too_few_answers_is_told():
    confidence = np.concatenate([np.full(5, 0.8), np.full(300, NEVER_AUTOMATIC)])
    routing = thresholds(confidence, np.ones(305, bool))
    assert routing.rest.threshold is None
    (why,) = routing.problems()
    assert "fewer than 29 of 305 different holdout messages" in why
    assert "(COSTS)" in why


@pytest.mark.parametrize("looked_at", [0.2, 0.6])
def test_the_guarantee_holds_among_the_answers_that_costs_leave(looked_at):
    """Promises are broken in no more than 5 % of the samples, where each k is at its limit."""
    random = np.random.default_rng(5)
    broken = 0
    for _ in range(300):
        n = 400
        chance = random.uniform(0.75, 1, n)
        right = random.random(n) < chance
        confidence = np.where(random.random(n) < looked_at, NEVER_AUTOMATIC, chance)
        threshold = thresholds(confidence, right).rest.threshold
        # Of uniform chances from the threshold on, the mean is right.
        broken += threshold is not None and (threshold + 1) / 2 < 0.9
    assert broken <= 300 * 0.05 + 2 * np.sqrt(300 * 0.05 * 0.95)
