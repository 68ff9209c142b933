"""Limits of what is usual, on figures whose windows vary more than their rows explain."""

import numpy as np
import pytest

from common.monitoring.checks import usual
from common.monitoring.checks.usual import Figure, PastFigures, Prior

PRIOR = Prior(0.1, 0.02)


def windows(random, rows, centre=0.1, between=0.02, error=0.01):
    values = centre + between * random.standard_normal(rows) + error * random.standard_normal(rows)
    return [Figure(float(value), error) for value in values]


def past(figures):
    return PastFigures(figures[:-2], figures[-2:])


def test_a_usual_window_is_beyond_the_limit_as_rarely_as_it_says():
    random = np.random.default_rng(1)
    beyond = together = 0
    for _ in range(4000):
        *before, now = windows(random, 23)
        found = usual.usual(now, past(before), PRIOR)
        beyond += now.value > found.limit
        together += found.lasts
    assert beyond / 4000 == pytest.approx(usual.SIGNIFICANCE, abs=0.005)
    assert together / 4000 <= 3 * usual.TOGETHER_SIGNIFICANCE


def test_a_small_shift_is_found_by_three_windows_together():
    random = np.random.default_rng(2)
    alone = together = 0
    for _ in range(300):
        before, now = windows(random, 20), windows(random, 3, centre=0.18)
        found = usual.usual(now[-1], PastFigures(before, now[:2]), PRIOR)
        alone += now[-1].value > found.limit
        together += found.lasts
    assert together > 250
    assert together > alone + 30


def test_what_is_over_does_not_last():
    before = [Figure(value, 0.01) for value in (0.09, 0.11) * 10]
    high = [Figure(0.5, 0.01)] * 2
    assert usual.usual(Figure(0.2, 0.01), PastFigures(before, high), PRIOR).lasts
    assert not usual.usual(Figure(0.09, 0.01), PastFigures(before, high), PRIOR).lasts


def test_few_windows_have_the_spread_of_real_streams_and_their_own_centre():
    alike = [Figure(0.3, 0.001)] * 6
    found = usual.usual(Figure(0.3, 0.001), past(alike), PRIOR)
    assert found.centre == pytest.approx(0.3)
    assert found.limit > 0.3 + 2.5 * PRIOR.spread
    assert usual.usual(Figure(0.3, 0.001), PastFigures(), PRIOR).centre == PRIOR.centre


def test_the_beginning_of_a_change_is_not_usual_yet():
    new = [Figure(0.5, 0.01)] * 2
    assert usual.usual(Figure(0.5, 0.01), PastFigures((), new), PRIOR).limit < 0.2


def test_a_small_window_is_allowed_more():
    before = past([Figure(value, 0.01) for value in (0.09, 0.11) * 6])
    small, large = (usual.usual(Figure(0.1, error), before, PRIOR) for error in (0.05, 0.001))
    assert small.limit > large.limit + 0.05


def test_between_is_der_simonian_and_lairds():
    """Example of Borenstein et al., Introduction to Meta-Analysis, 2009, chapter 14: tau2 .037."""
    effects = np.array([0.095, 0.277, 0.367, 0.664, 0.462, 0.185])
    variances = np.array([0.033, 0.031, 0.050, 0.011, 0.043, 0.023])
    assert usual._between(effects, np.sqrt(variances)) == pytest.approx(0.037, abs=0.001)
