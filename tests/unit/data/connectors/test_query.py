"""SQLite; PostgreSQL has tests of its own in integration/."""

import sqlite3
from collections import Counter
from contextlib import closing, suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sources import fetched

from common.data.connectors import landing, query
from common.errors import InputError, MissingColumn, SettingsError
from common.pipelines.fetch import FetchRequest, run


class Database:
    def __init__(self, folder):
        self.path, self.folder = folder / "support desk.db", folder
        self.sql = folder / "messages.sql"
        self.sql.write_text("SELECT * FROM messages;\n")
        self.execute("CREATE TABLE messages (id INTEGER, text TEXT)")

    def execute(self, statement, *rows):
        with closing(sqlite3.connect(self.path)) as connection, connection:
            connection.executemany(statement, rows) if rows else connection.execute(statement)

    def insert(self, *rows):
        self.execute("INSERT INTO messages VALUES (?, ?)", *rows)

    def fetch(self, folder="raw", after="id", **how):
        request = FetchRequest(
            self.sql,
            self.folder / folder,
            after_column=after,
            database=f"sqlite:///{self.path}",
            **how,
        )
        return run(request)

    def rows(self, folder="raw"):
        return [tuple(row.values()) for row in fetched(self.folder / folder)]


@pytest.fixture
def database(tmp_path):
    return Database(tmp_path)


def test_only_what_is_new_is_fetched(database):
    database.insert((1, "a"), (2, None))
    assert database.fetch().rows == 2
    assert database.fetch().rows == 0
    database.insert((3, "c"))
    assert database.fetch().rows == 1
    assert database.rows() == [("1", "a"), ("2", None), ("3", "c")]


def test_rows_with_the_last_value_that_come_later_are_fetched_once(database):
    database.insert((1, "a"), (1, "b"), (1, "b"))
    database.fetch()
    database.insert((1, "b"), (1, "c"), (2, "a"))
    assert database.fetch().rows == 3
    assert database.fetch().rows == 0
    assert Counter(database.rows()) == Counter(
        [("1", "a"), ("1", "b"), ("1", "b"), ("1", "b"), ("1", "c"), ("2", "a")]
    )


ROW = st.tuples(st.integers(0, 3), st.sampled_from("ab"))


@settings(max_examples=25)
@given(
    rounds=st.lists(st.lists(ROW, max_size=12), min_size=1, max_size=4),
    batch_rows=st.integers(1, 5),
    part_rows=st.integers(1, 5),
    stops=st.lists(st.integers(1, 6), max_size=4),
)
def test_ties_are_never_lost_and_never_twice(
    tmp_path_factory, rounds, batch_rows, part_rows, stops
):
    """Rows come in rounds, none with a value below the last one; runs stop after some batches."""
    database = Database(tmp_path_factory.mktemp("ties"))
    least, stops = 0, list(stops)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(query, "BATCH_ROWS", batch_rows)
        patch.setattr(landing, "PART_ROWS", part_rows)
        add = landing.Landing.add
        for new in rounds:
            rows = [(least + value, text) for value, text in new]
            least = max([value for value, _ in rows], default=least)
            if rows:
                database.insert(*rows)
            if stops:
                left = iter(range(stops.pop()))

                def stopping(self, batch, left=left):
                    if next(left, None) is None:
                        raise KeyboardInterrupt
                    return add(self, batch)

                patch.setattr(landing.Landing, "add", stopping)
                with suppress(KeyboardInterrupt):
                    database.fetch()
                patch.setattr(landing.Landing, "add", add)
        database.fetch()
    with closing(sqlite3.connect(database.path)) as connection:
        there = connection.execute("SELECT CAST(id AS TEXT), text FROM messages").fetchall()
    kept = database.rows() if there else []
    assert Counter(kept) == Counter(there)


def test_since_leaves_out_what_is_older(database):
    database.insert((1, "a"), (2, "b"), (3, "c"))
    assert database.fetch(since="2").rows == 2
    with pytest.raises(SettingsError, match="--since 'x' is not a value like those of 'id', such"):
        database.fetch("other", since="x")


def test_times_as_text_grow_as_text(database):
    database.execute("CREATE TABLE timed (at TEXT, text TEXT)")
    database.sql.write_text("SELECT * FROM timed -- all of them\n; -- end\n")
    database.execute("INSERT INTO timed VALUES (?, ?)", ("2026-03-01T06:00:00", "a"))
    database.fetch(after="at")
    database.execute("INSERT INTO timed VALUES (?, ?)", ("2026-03-01T07:00:00", "b"))
    assert database.fetch(after="at").rows == 1


def test_what_looks_like_a_parameter_in_the_query_stays_as_it_is(database):
    database.insert((1, "a"), (2, "b"))
    odd = "'at 12:30 :last, 100 % %s %(x)s \\:y ::z'"
    database.sql.write_text(f"SELECT id, {odd} AS text FROM messages WHERE text LIKE '%b'")
    database.fetch()
    database.fetch()
    assert database.rows() == [("2", odd.strip("'"))]


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("SELECT * FROM absent", "no such table: absent"),
        ("DELETE FROM messages", 'near "DELETE"'),
        ("SELECT 1; DROP TABLE messages", "near"),
        ("", "failed"),
    ],
)
def test_a_query_that_is_refused_is_one_line(database, sql, said):
    database.sql.write_text(sql)
    with pytest.raises(InputError, match=said) as caught:
        database.fetch()
    assert "\n" not in str(caught.value)


def test_a_column_that_cannot_say_what_is_new_is_refused(database):
    database.insert((1, "a"), (None, "b"), (None, "c"))
    with pytest.raises(InputError, match="2 rows have no 'id'"):
        database.fetch()
    with pytest.raises(MissingColumn, match=r"has no column 'idd' .did you mean 'id'"):
        database.fetch(after="idd")
    with pytest.raises(SettingsError, match="needs --after-column NAME"):
        database.fetch(after=None)
    database.sql.write_text("SELECT id + 0.5 AS id FROM messages WHERE id IS NOT NULL")
    with pytest.raises(InputError, match="holds float, which can't be compared exactly"):
        database.fetch("other")


def test_rows_without_a_value_that_come_later_are_not_passed_over_in_silence(database):
    database.insert((1, "a"))
    database.fetch()
    database.insert((None, "b"))
    with pytest.raises(InputError, match="1 rows have no 'id'"):
        database.fetch()


def test_bytes_are_refused_with_their_column(database):
    database.insert((1, b"\xff"))
    with pytest.raises(InputError, match="column 'text' holds bytes: turn it into text"):
        database.fetch()


def test_text_that_is_not_utf8_is_not_quoted(database):
    database.execute("INSERT INTO messages VALUES (1, CAST(X'41FF42' AS TEXT))")
    with pytest.raises(InputError, match="Could not decode to UTF-8 column 'text'") as caught:
        database.fetch()
    assert "with text" not in str(caught.value)


def test_another_query_does_not_go_into_the_same_folder(database):
    database.fetch()
    database.sql.write_text("SELECT id, text FROM messages WHERE id > 5")
    with pytest.raises(InputError, match=r"holds rows of query \w+ by id of sqlite:///"):
        database.fetch()


def test_a_missing_database_is_not_made(tmp_path, database):
    request = FetchRequest(
        database.sql, tmp_path / "raw", after_column="id", database=f"sqlite:///{tmp_path}/no.db"
    )
    with pytest.raises(InputError, match=r"no.db of SOURCE_URL does not exist"):
        run(request)
    assert not (tmp_path / "no.db").exists()


def test_a_relative_path_is_that_of_the_current_folder(database, monkeypatch):
    database.insert((1, "a"))
    monkeypatch.chdir(database.folder)
    request = FetchRequest(
        database.sql,
        database.folder / "raw",
        after_column="id",
        database="sqlite:///support desk.db",
    )
    assert run(request).source.endswith(f"of sqlite:///{database.path}")
    database.insert((2, "b"))
    assert database.fetch().rows == 1


def test_a_project_that_is_moved_goes_on(database, monkeypatch):
    database.insert((1, "a"))
    for place in ("first", "second"):
        root = database.folder / place
        root.mkdir()
        database.path = database.path.rename(root / database.path.name)
        monkeypatch.setattr(query, "ROOT", root)
        result = database.fetch()
        assert result.source.endswith(" of sqlite:///support desk.db")
    assert (result.rows, result.rows_in_all) == (0, 1)


@pytest.mark.parametrize(
    "written", ["support desk.db", "./support desk.db", "../../x/../support desk.db"]
)
def test_a_folder_of_the_time_when_paths_were_kept_as_they_were_written_is_gone_on_with(
    database, written
):
    database.insert((1, "a"))
    database.fetch()
    with closing(sqlite3.connect(database.folder / "raw" / "_fetch.db")) as state, state:
        (now,) = state.execute("SELECT identity FROM source").fetchone()
        then = now.replace(f"{database.path}", written)
        state.execute("UPDATE source SET identity = ?", (then,))
    database.insert((2, "b"))
    assert database.fetch().rows == 1
    with closing(sqlite3.connect(database.folder / "raw" / "_fetch.db")) as state:
        assert state.execute("SELECT identity FROM source").fetchone() == (now,)
    other = database.path.with_name("other.db")
    other.write_bytes(database.path.read_bytes())
    database.path = other
    with pytest.raises(InputError, match="fetch into a new folder"):
        database.fetch()


@pytest.mark.parametrize(
    "url",
    ["me:hush@host/x", "nothing://me:hush@host/x", "mysql+none://me:hush@host/x", "sqlite://"],
)
def test_an_address_that_is_none_is_not_shown(tmp_path, database, url):
    request = FetchRequest(database.sql, tmp_path / "raw", after_column="id", database=url)
    with pytest.raises((SettingsError, InputError), match="SOURCE_URL") as caught:
        run(request)
    assert "hush" not in str(caught.value)
    assert "hush" not in repr(request)
