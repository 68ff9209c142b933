"""Champions, their times, and which one a rollback goes to."""

from hypothesis import given
from hypothesis import strategies as st

from common.registry.history import CONTEST, MANUAL, ROLLBACK, Entry, Register


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
