"""Champions, their times, and which one a rollback goes to."""

from hypothesis import given
from hypothesis import strategies as st

from common.registry.register import CONTEST, MANUAL, OUTSIDE, ROLLBACK, Entry, Register


def register(moves):
    """A history of these moves: a version's number, or None for a rollback (if it can be)."""
    entries, stack = [], []
    for move in moves:
        if move is None and len(stack) < 2:
            continue
        before = stack[-1] if stack else None
        if move is None:
            stack.pop()
            kind = ROLLBACK
        else:
            if move in stack:
                continue
            stack.append(move)
            kind = CONTEST if move % 2 else MANUAL
        number = len(entries) + 1
        entries.append(Entry(number, stack[-1], before, kind, f"day {number}", "", ""))
    return Register(stack[-1] if stack else None, tuple(entries), None), stack


@given(st.lists(st.one_of(st.none(), st.integers(1, 30)), max_size=25))
def test_rolling_back_goes_back_one_champion_at_a_time(moves):
    found, stack = register(moves)
    assert found.previous() == (stack[-2] if len(stack) > 1 else None)


@given(st.lists(st.one_of(st.none(), st.integers(1, 30)), min_size=1, max_size=25))
def test_reigns_follow_each_other_without_a_gap(moves):
    reigns = register([1, *moves])[0].reigns()
    assert [reign.until for reign in reigns] == [reign.entry.at for reign in reigns[1:]] + [""]


@given(st.lists(st.integers(1, 30), max_size=20), st.integers(0, 8))
def test_the_last_champions_are_different_ones(moves, number):
    found, stack = register(moves)
    assert found.last_champions(number) == set(list(reversed(stack))[:number])


def test_without_a_champion_there_is_nothing_to_go_back_to():
    empty = Register(None, (), None)
    assert (empty.previous(), empty.reigns(), empty.last_champions(3)) == (None, [], set())


def moves(*steps):
    """A history of these steps: a version that was promoted, or what a rollback went back to."""
    entries, champion = [], None
    for number, step in enumerate(steps, start=1):
        kind, version = step if isinstance(step, tuple) else (MANUAL, step)
        at, run_id = f"day {number}", f"run {version}"
        entries.append(Entry(number, version, champion, kind, at, "", f"why {number}", run_id))
        champion = version
    return Register(champion, tuple(entries), None)


@given(st.lists(st.one_of(st.none(), st.integers(1, 30)), max_size=25))
def test_one_rollback_after_another_goes_through_all_champions_below(steps):
    found, stack = register(steps)
    assert found.rollbacks() == list(reversed(stack[:-1]))


def test_a_version_promoted_again_is_not_the_start_of_a_circle():
    """1, 2, 1 again: back to 2, then to 1, and no further."""
    found = moves(1, 2, 1)
    assert (found.previous(), found.rollbacks()) == (2, [2, 1])
    found = moves(1, 2, 1, (ROLLBACK, 2))
    assert found.previous() == 1
    found = moves(1, 2, 1, (ROLLBACK, 2), (ROLLBACK, 1))
    assert found.previous() is None


def test_an_alias_that_was_just_moved_by_another_program_can_be_rolled_back():
    written = moves(1, 2)
    found = Register(5, written.entries, None)
    assert (found.previous(), found.rollbacks()) == (2, [2, 1])


def test_a_rollback_withdraws_a_version_until_it_is_promoted_again():
    found = moves(1, (CONTEST, 2), (ROLLBACK, 1))
    (withdrawn,) = found.withdrawals()
    assert (withdrawn.version, withdrawn.run_id) == (2, "run 2")
    assert (withdrawn.at, withdrawn.reason, withdrawn.latest) == ("day 3", "why 3", True)
    (withdrawn,) = moves(1, 2, (ROLLBACK, 1), (CONTEST, 3)).withdrawals()
    assert (withdrawn.version, withdrawn.latest) == (2, False)
    assert moves(1, 2, (ROLLBACK, 1), (OUTSIDE, 2)).withdrawals() == []
    both = moves(1, 2, 3, (ROLLBACK, 2), (ROLLBACK, 1)).withdrawals()
    assert [(found.version, found.latest) for found in both] == [(3, True), (2, True)]


def test_pruning_keeps_all_that_rollback_may_go_to_unless_it_is_told_how_many():
    found = moves(*range(1, 9), (ROLLBACK, 7))
    assert found.kept(None) == set(range(1, 9))
    assert found.kept(3) == {8, 7, 6, 5}
    assert found.kept(1) == {7}
    assert moves(1, 2, 3, 1, (ROLLBACK, 3)).kept(2) == {3, 1, 2}  # 2 is the one before 3
