"""What a rollback asks of the next challenger that passes its contest."""

from dataclasses import replace

import numpy as np
import pytest

from common.registry.judged import Withdrawn
from common.training.contest import Policy, Verdict
from common.training.rolled_back import Contested, hold_back

OLD, NEW = np.arange(1000, dtype=np.uint64), np.arange(1000, 2000, dtype=np.uint64)
PASSED = Verdict(True, "promoted", "new champion", "accuracy 0.9 against 0.8")
WITHDRAWN = Withdrawn(3, "2026-03-01T09:00:00+00:00", "complaints", True, "digest of 3", OLD)
POLICY = Policy(threshold=0.005, significance=0.05, required=("accuracy",), min_rows=30)


def contested(keys, wins, losses):
    """Rows of which the challenger alone gets the first right, the champion alone the next."""
    at = np.arange(len(keys))
    return Contested(np.array(keys, np.uint64), at >= losses, (at < losses) | (at >= losses + wins))


def held(rows, withdrawn=(WITHDRAWN,), digest="digest of 9", policy=POLICY, verdict=PASSED):
    return hold_back(verdict, withdrawn, digest, rows, policy)


WON = contested(NEW[:300], wins=30, losses=5)


def test_without_a_rollback_nothing_changes():
    assert held(WON, withdrawn=()) == PASSED


def test_a_challenger_that_lost_needs_no_second_reason():
    lost = Verdict(False, "rejected", "champion stays", "accuracy 0.7 against 0.8")
    assert held(WON, verdict=lost) == lost


@pytest.mark.parametrize("latest", [True, False])
def test_the_same_model_again_is_left_to_a_person_for_ever(latest):
    found = held(WON, [replace(WITHDRAWN, latest=latest)], digest="digest of 3")
    assert (found.promote, found.outcome) == (False, "waiting")
    assert "it is the same model as version 3" in found.reason
    assert "rolled back from on 2026-03-01 (complaints)" in found.reason


def test_rows_that_the_version_rolled_back_from_was_tested_on_do_not_count():
    found = held(contested(OLD, wins=300, losses=0))
    assert (found.promote, found.outcome) == (False, "waiting")
    assert "none of its rows is newer than those of version 3" in found.reason
    assert "30 are needed" in found.reason


@pytest.mark.parametrize(("newer", "promoted"), [(29, False), (30, True)])
def test_as_many_newer_rows_are_needed_as_a_contest_needs(newer, promoted):
    rows = contested([*NEW[:newer], *OLD], wins=newer, losses=0)
    found = held(rows)
    assert found.promote is promoted
    (rule,) = found.rules
    assert (rule.name, rule.passed, rule.blocks) == ("rolled_back", promoted, True)
    if not promoted:
        assert "only 29 of its rows are newer" in found.reason


@pytest.mark.parametrize(
    ("wins", "losses", "promoted"),
    [(30, 5, True), (5, 30, False), (2, 0, False), (30, 29, False)],
    ids=["clear", "worse", "by chance", "too small"],
)
def test_the_newer_rows_must_be_won_as_the_policy_asks(wins, losses, promoted):
    found = held(contested([*NEW[:300], *OLD], wins, losses))
    assert found.promote is promoted
    rule = found.rules[-1]
    assert rule.metric == "accuracy on 300 newer rows"
    assert rule.difference == pytest.approx((wins - losses) / 300)
    assert "on the 300 rows that are newer than those of version 3" in found.reason


def test_what_was_won_on_old_rows_does_not_help_on_newer_ones():
    """All gains are on rows that version 3 had too."""
    keys = [*OLD[:300], *NEW[:300]]
    assert not held(contested(keys, wins=200, losses=0)).promote


def test_a_threshold_that_accepts_a_loss_accepts_it_on_newer_rows():
    policy = replace(POLICY, threshold=-1)
    assert held(contested(NEW[:30], wins=1, losses=9), policy=policy).promote


def test_two_rollbacks_in_a_row_ask_for_rows_newer_than_both():
    other = replace(WITHDRAWN, version=2, predictions_sha256="digest of 2", rows=NEW[:280])
    found = held(WON, [WITHDRAWN, other])
    assert not found.promote
    assert "only 20 of its rows are newer than those of versions 3 and 2" in found.reason


def test_a_promotion_since_settles_the_rows_of_a_rollback():
    since = replace(WITHDRAWN, latest=False, rows=None)
    assert held(contested(OLD, wins=300, losses=0), [since]) == PASSED


def test_where_the_rows_were_not_recorded_a_person_decides():
    found = held(WON, [replace(WITHDRAWN, rows=None)])
    assert found.outcome == "waiting"
    assert "newer than those of version 3" in found.reason
    assert "not recorded" in found.reason
