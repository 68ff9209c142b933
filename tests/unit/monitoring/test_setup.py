from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.evaluation.two_samples import Share
from common.monitoring.checks.accuracy import against_floor
from common.monitoring.checks.finding import TROUBLE, Status
from common.monitoring.power import below_share, critical_share
from common.monitoring.setup import WARNINGS_A_YEAR, Volume, best, proposals, propose

START = date(2026, 3, 2)  # a Monday


def volume(*rows, labelled=None):
    days = [START + timedelta(days=k) for k in range(len(rows))]
    labelled = rows if labelled is None else labelled
    return Volume(
        dict(zip(days, rows, strict=True)), dict(zip(days, labelled, strict=True)), 0, sum(labelled)
    )


@pytest.mark.parametrize(("rows", "floor", "true"), [(100, 0.85, 0.87), (300, 0.8, 0.7)])
def test_shares_are_those_of_the_check_itself(rows, floor, true):
    counts = np.random.default_rng(1).binomial(rows, true, 20_000)
    statuses = {k: against_floor(Share(k, rows), floor).status for k in set(counts.tolist())}
    found = [statuses[k] for k in counts.tolist()]
    critical = np.mean([status is Status.CRITICAL for status in found])
    trouble = np.mean([status in TROUBLE for status in found])
    assert critical_share(rows, floor, true) == pytest.approx(critical, abs=0.01)
    assert below_share(rows, floor, true) == pytest.approx(trouble, abs=0.01)


def test_the_documented_false_alarms_hold():
    assert below_share(100, 0.85, 0.87) == pytest.approx(0.22, abs=0.01)
    assert critical_share(100, 0.85, 0.87) == pytest.approx(0.017, abs=0.001)


@given(st.integers(30, 3000), st.floats(0.5, 0.99))
def test_a_proposed_floor_keeps_its_promise(rows, accuracy):
    found = propose("1d", rows, accuracy)
    assert found.floor is not None
    assert found.floor <= accuracy - 0.02 + 1e-9
    assert found.criticals_a_year <= found.warnings_a_year <= WARNINGS_A_YEAR
    shares = list(found.power.values())
    assert shares == sorted(shares)


def test_too_few_rows_have_no_floor():
    assert propose("1d", 29, 0.9).floor is None
    assert best([propose("1d", 29, 0.9)]) is None


def test_few_messages_a_day_need_a_longer_window():
    windows = {
        rows: proposals(volume(*[rows] * 30), 0.9)[1].window for rows in (2, 10, 40, 300, 2000)
    }
    assert windows == {2: "4w", 10: "2w", 40: "1w", 300: "1d", 2000: "1d"}


def test_without_an_accuracy_the_usual_ones_are_shown_and_none_is_proposed():
    found, chosen = proposals(volume(*[300] * 10), None)
    assert [proposal.accuracy for proposal in found] == [0.7, 0.8, 0.9]
    assert chosen is None


def test_a_file_without_times_is_one_window():
    found, chosen = proposals(Volume(undated=500, all_labelled=400), 0.9)
    assert [(proposal.window, proposal.rows) for proposal in found] == [("file", 400)]
    assert chosen.window == "file"


def test_cut_and_empty_days_do_not_count():
    found = volume(1, 100, 0, 120, 140, 3)
    assert found.typical() == (120, 120)
    assert found.busy_days == [START + timedelta(days=k) for k in (1, 3, 4)]
    assert found.by_weekday() == [None, 100, 0, 120, 140, None, None]
    assert found.labelled_in(7) == 630
