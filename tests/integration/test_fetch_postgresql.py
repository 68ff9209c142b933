"""Queries of a real PostgreSQL."""

from collections import Counter

import psycopg
import pytest
from sources import PASSWORD, fetched, postgresql

from common.errors import InputError
from common.pipelines.fetch import FetchRequest, run

FIRST = 2**40
TYPED = """
CREATE TABLE typed (
    id bigint, text text, at timestamptz, local timestamp, day date, price numeric, u uuid,
    yes boolean, doc jsonb, tags text[], few real, short char(3), nothing int
)
"""
ROW = f"""
INSERT INTO typed SELECT
    k, 'message :a 100 %% ' || k,
    timestamptz '2026-03-29 00:59:00+00' + (k - {FIRST}) * '1 min'::interval,
    timestamp '2026-03-29 02:30' + (k - {FIRST}) * '1 ms'::interval, '2026-03-01', k / 8.0,
    gen_random_uuid(), k %% 2 = 0, '{{"a": "é"}}', '{{x,y}}', 0.1, 'a', NULL
FROM generate_series(%s::bigint, %s::bigint) AS k
"""


@pytest.fixture(scope="module")
def address():
    with postgresql() as url:
        yield url


@pytest.fixture
def database(address):
    with psycopg.connect(address.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute("DROP TABLE IF EXISTS typed")
        connection.execute(TYPED)
        yield connection


def request(address, folder, after="id", sql="SELECT * FROM typed", **how):
    (folder / "typed.sql").write_text(sql)
    database = address.replace("+psycopg", "")  # as people write it
    return FetchRequest(
        folder / "typed.sql", folder / after, after_column=after, database=database, **how
    )


@pytest.mark.parametrize("after", ["id", "text", "at", "local", "day", "price", "u"])
def test_every_kind_of_column_says_what_is_new(database, address, tmp_path, after):
    database.execute(ROW, (FIRST, FIRST + 99))
    asked = request(address, tmp_path, after)
    assert run(asked).rows == 100
    assert run(asked).rows == 0
    if after == "u":  # the next one may be smaller
        return
    database.execute(ROW, (FIRST + 100, FIRST + 104))
    assert run(asked).rows == 5
    assert run(asked).rows == 0
    ids = [row["id"] for row in fetched(tmp_path / after)]
    assert Counter(ids) == Counter(str(FIRST + k) for k in range(105))


def test_values_are_text_whatever_zone_the_session_has(database, address, tmp_path):
    database.execute(ROW, (FIRST + 1, FIRST + 1))
    run(request(address, tmp_path, "at"))
    database.execute("ALTER ROLE me SET TimeZone = 'Pacific/Auckland'")
    try:
        assert run(request(address, tmp_path, "at")).rows == 0
    finally:
        database.execute("ALTER ROLE me RESET TimeZone")
    (row,) = fetched(tmp_path / "at")
    row.pop("u")
    assert row == {
        **{
            "id": "1099511627777",
            "text": "message :a 100 % 1099511627777",
            "at": "2026-03-29T01:00:00+00:00",
        },
        **{
            "local": "2026-03-29T02:30:00.001000",
            "day": "2026-03-01",
            "price": "137438953472.12500000",
        },
        **{"yes": "False", "doc": '{"a": "é"}', "tags": '["x", "y"]', "few": "0.1"},
        **{"short": "a  ", "nothing": None},
    }


def test_since_is_a_value_of_the_columns_type(database, address, tmp_path):
    database.execute(ROW, (FIRST + 1, FIRST + 100))
    assert run(request(address, tmp_path, "id", since=str(FIRST + 91))).rows == 10
    assert run(request(address, tmp_path, "at", since="2026-03-29 02:38")).rows == 2


def test_casts_and_percent_signs_of_the_query_stay(database, address, tmp_path):
    database.execute(ROW, (FIRST, FIRST + 10))
    sql = "SELECT id::numeric AS id, "
    sql += "'12:30'::time AS t FROM typed WHERE text LIKE '%:a%' AND id % 1000 > 784; --"
    assert run(request(address, tmp_path, sql=sql)).rows == 2
    assert run(request(address, tmp_path, sql=sql)).rows == 0


def test_a_large_table_is_streamed(database, address, tmp_path):
    database.execute(ROW, (FIRST + 1, FIRST + 130_000))
    result = run(request(address, tmp_path))
    assert (result.rows, len(result.parts)) == (130_000, 2)
    # Nothing was left open.
    others = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'"
    assert database.execute(others).fetchone() == (1,)


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("SELECT * FROM absent", 'relation "absent" does not exist'),
        ("SELECT id, id FROM typed", "gives two columns 'id': name one with AS"),
        ("DELETE FROM typed RETURNING id", "syntax error"),
        ("WITH gone AS (DELETE FROM typed RETURNING id) SELECT * FROM gone", "WITH clause"),
    ],
)
def test_a_query_that_is_refused_is_one_line(database, address, tmp_path, sql, said):
    database.execute(ROW, (FIRST + 1, FIRST + 10))
    with pytest.raises(InputError, match=said) as caught:
        run(request(address, tmp_path, sql=sql))
    assert "\n" not in str(caught.value)
    assert database.execute("SELECT count(*) FROM typed").fetchone() == (10,)


def test_a_wrong_password_is_not_shown(database, address, tmp_path):
    wrong = address.replace(PASSWORD.replace("/", "%2F"), "whisper")
    with pytest.raises(InputError, match="password authentication failed") as caught:
        run(request(wrong, tmp_path))
    assert "whisper" not in str(caught.value)
