"""Tokens, rates, and names: the parts of the gate."""

import pytest

from common.errors import SettingsError
from serving import tokens
from serving.gate import _name
from serving.problems import Problem
from serving.rate import RateLimit


@pytest.fixture
def written(tmp_path):
    def write(text):
        path = tmp_path / "tokens"
        path.write_text(text)
        return path

    return write


def test_each_token_has_its_caller(written):
    known = tokens.read(written("# x\na classify " + "a" * 16 + "\nb feedback " + "b" * 16 + "\n"))
    assert known.caller("Bearer " + "a" * 16).name == "a"
    assert known.caller("bearer  " + "b" * 16).roles == {"feedback"}
    for header in ("", "Bearer", "Bearer " + "c" * 16, "Basic " + "a" * 16, "a" * 16):
        assert known.caller(header) is None
    assert tokens.read(None).caller("") == tokens.ANYBODY


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("a classify", "line 1"),
        ("a root " + "t" * 16, "roles are"),
        ("a classify short", "fewer than 16"),
        ("# nothing", "has no token"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_without_showing_a_token(written, line, words):
    with pytest.raises(SettingsError, match=words) as refused:
        tokens.read(written(line + "\n"))
    assert "t" * 16 not in str(refused.value)
    assert "short" not in str(refused.value)


def test_a_rate_allows_bursts_then_its_pace_and_forgets_nobody_too_soon():
    now = [0.0]
    limit = RateLimit(2, lambda: now[0])

    def taken(client):
        try:
            limit.take(client)
        except Problem as refused:
            assert int(refused.headers["Retry-After"]) >= 1
            return False
        return True

    assert [taken("a") for _ in range(6)] == [True] * 4 + [False] * 2
    assert taken("b")
    now[0] = 0.5
    assert [taken("a") for _ in range(2)] == [True, False]
    now[0] = 60
    assert [taken("a") for _ in range(6)] == [True] * 4 + [False] * 2


def test_a_slow_rate_allows_one_at_once():
    now = [0.0]
    limit = RateLimit(0.1, lambda: now[0])
    limit.take("a")
    with pytest.raises(Problem):
        limit.take("a")
    now[0] = 10
    limit.take("a")


def test_without_a_rate_nothing_is_counted():
    limit = RateLimit(None)
    for _ in range(10_000):
        limit.take("a")


@pytest.mark.parametrize(
    ("host", "name"),
    [("a.b:80", "a.b"), ("A.B", "a.b"), ("[::1]:8", "::1"), ("[::1]", "::1"), ("", "")],
)
def test_the_name_in_a_host_header(host, name):
    assert _name(host) == name
