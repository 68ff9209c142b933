"""How odd a count is, given the windows before: against exact tests and simulated counts."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from common.monitoring.phrases import PhraseCounts
from common.monitoring.rates import DISPERSION, Rates, rates


def windows(*counts, messages=300, least=1):
    return [PhraseCounts(messages, {"app": n} if n else {}, least) for n in counts]


def dispersion(counts, others=0):
    """Of one phrase that stands in so many messages of each window, among others."""
    random = np.random.default_rng(3)
    steady = {f"w{k}": random.poisson(20, len(counts)) for k in range(others)}
    every = [
        PhraseCounts(300, {"app": int(n)} | {w: int(c[k]) for w, c in steady.items()})
        for k, n in enumerate(counts)
    ]
    return rates(["app", *steady], every).dispersion[0]


@given(
    st.integers(1, 40), st.lists(st.integers(0, 20), min_size=1, max_size=8), st.integers(20, 900)
)
def test_without_dispersion_p_is_that_of_the_conditional_test(count, before, messages):
    """Przyborowski & Wilenski: given their sum, one of two Poisson counts is binomial."""
    found = Rates(
        np.full(len(before), 100.0),
        np.array([before], float),
        np.ones((1, len(before)), bool),
        np.zeros(1),
    )
    share = messages / (messages + 100 * len(before))
    exact = stats.binom.sf(count - 1, count + sum(before), share)
    # The predictive test stops at the x + 1st message of before.
    assert found.p(np.array([count]), messages)[0] == pytest.approx(exact, rel=1e-6)


def test_a_new_phrase_has_the_chance_of_falling_into_one_of_the_windows():
    found = rates(["app"], windows(0, 0, 0, 0), dispersion=np.zeros(1))
    assert found.p(np.array([6]), 300)[0] == pytest.approx(0.2**6)


def test_what_a_window_does_not_know_is_half_of_what_it_may_be():
    assert rates(["app"], windows(0, 0, least=3)).counts.tolist() == [[1, 1]]
    assert rates(["app"], windows(0, 4, least=3)).counts.tolist() == [[1, 4]]


def test_a_window_with_a_burst_does_not_say_what_is_usual():
    found = rates(["app"], windows(3, 2, 4, 60, 3, 2))
    assert found.usual.tolist() == [[True, True, True, False, True, True]]
    assert found.expected(300, prior=0)[0] == pytest.approx(14 / 5)


def test_rates_that_vary_more_than_chance_need_more_messages():
    random = np.random.default_rng(1)
    steady = random.poisson(20, 28)
    varying = random.poisson(20 * random.gamma(2, 1 / 2, 28))
    assert dispersion(steady, others=50) < 0.03
    assert dispersion(varying, others=50) > 0.1


def test_few_windows_rest_on_what_is_usual_elsewhere():
    assert dispersion([20]) == pytest.approx(DISPERSION * 10 / 11)


@pytest.mark.parametrize("phi", [0.0, 0.02, 0.1])
def test_small_p_are_no_more_frequent_than_they_say(phi):
    """2,000 phrases on 21 days whose rates vary by so much: p <= .01 on the last of them."""
    random = np.random.default_rng(5)
    mean = random.choice([0.5, 2, 5, 20], 2000)[:, None]
    varying = random.gamma(1 / phi, phi, (2000, 21)) if phi else np.ones((2000, 21))
    counts = random.poisson(mean * varying)
    names = [f"w{k}" for k in range(2000)]
    before = [
        PhraseCounts(300, {w: int(n) for w, n in zip(names, day, strict=True) if n})
        for day in counts[:, :20].T
    ]
    p = rates(names, before).p(counts[:, 20].astype(float), 300)
    assert (p <= 0.01).mean() <= 0.02
