"""A fetch that is killed at any step of its writing loses no row and brings none twice."""

import os
import signal
import sqlite3
import sys
import zipfile
from collections import Counter
from contextlib import closing, contextmanager, nullcontext
from pathlib import Path

import pytest
from sources import Reply, fetched, http_api, postgresql

from common.data.connectors import landing
from common.data.files import parts
from common.errors import InputError
from common.pipelines.fetch import FetchRequest, run

pytestmark = pytest.mark.slow

ROWS = 60
STEPS = ("os.rename", "os.remove", "os.unlink", "open", "sqlite3.connect")


@contextmanager
def archive(folder):
    text = "".join(f"{k},message {k}\n" if k % 9 else f"{k}\n" for k in range(ROWS))
    with zipfile.ZipFile(folder / "a.zip", "w") as made:
        made.writestr("a.csv", "id,text\n" + text)
    yield FetchRequest(folder / "a.zip", folder / "raw")


@contextmanager
def query(folder, postgres=False):
    rows = [(k // 4, f"message {k // 2}") for k in range(ROWS)]
    (folder / "a.sql").write_text("SELECT * FROM m")
    with postgresql() if postgres else nullcontext(f"sqlite:///{folder}/a.db") as address:
        if postgres:
            import psycopg

            with psycopg.connect(address.replace("+psycopg", "")) as connection:
                connection.execute("CREATE TABLE m (id int, text text)")
                connection.cursor().executemany("INSERT INTO m VALUES (%s, %s)", rows)
        else:
            with closing(sqlite3.connect(folder / "a.db")) as connection, connection:
                connection.execute("CREATE TABLE m (id INTEGER, text TEXT)")
                connection.executemany("INSERT INTO m VALUES (?, ?)", rows)
        yield FetchRequest(folder / "a.sql", folder / "raw", after_column="id", database=address)


@contextmanager
def api(folder):
    def answer(asked):
        start = (int(asked.parameters["page"]) - 1) * 5
        records = [{"id": k // 2, "text": f"message {k // 2}"} for k in range(start, start + 5)]
        return Reply(records if start < ROWS else [])

    with http_api(answer) as server:
        (folder / "a.toml").write_text(
            f'url = "{server.url}"\nrequests_per_minute = 60_000\n'
            '[pages]\nkind = "page"\nparameter = "page"\n'
            '[records]\nkey = ["id"]\n[columns]\nid = "id"\ntext = "text"\n'
        )
        yield FetchRequest(folder / "a.toml", folder / "raw")


@pytest.fixture(autouse=True)
def _small_parts(monkeypatch):
    from common.data import reader
    from common.data.connectors import query

    monkeypatch.setattr(landing, "PART_ROWS", 12)
    monkeypatch.setattr(query, "BATCH_ROWS", 5)
    monkeypatch.setattr(reader.MessageFile.__init__, "__defaults__", (5, reader.FIND_OUT, None))


def contents(folder):
    rejects = [path.read_text() for path in parts_of(folder, ".rejects.csv")]
    rows = Counter(tuple(row.values()) for row in fetched(folder))
    return rows, sorted(line for text in rejects for line in text.splitlines() if "," in line[:4])


def parts_of(folder, suffix):
    return [path for path in folder.iterdir() if path.name.endswith(suffix)]


def die_at(step, folder):
    """Kill this process when it has opened, written, renamed, synchronised ... `step` times."""
    left = step

    def count():
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def hook(event, args):
        if event in STEPS and str(folder) in str(args[0]):
            count()

    sys.addaudithook(hook)
    real_sync, real_transaction = os.fsync, landing.transaction

    def sync(descriptor):
        count()
        real_sync(descriptor)
        count()

    @contextmanager
    def transaction(connection):
        with real_transaction(connection):
            count()
            yield
            count()
        count()

    os.fsync, landing.transaction = sync, transaction


def fetch_and_die(request, step):
    """True if the process was killed before it was done."""
    child = os.fork()
    if not child:
        try:
            die_at(step, request.folder)
            run(request)
            os._exit(0)
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFSIGNALED(status)


@pytest.mark.parametrize("source", [archive, query, api], ids=lambda source: source.__name__)
def test_a_kill_at_each_step_loses_nothing(tmp_path, source):
    with source(tmp_path) as request:
        run(request)
        expected = contents(request.folder)
        assert sum(expected[0].values()) in (ROWS, ROWS // 2, ROWS - 7)
        killed, step = 0, 0
        while True:
            step += 1
            at = FetchRequest(**{**vars(request), "folder": tmp_path / f"raw-{step}"})
            if not fetch_and_die(at, step):
                break
            killed += 1
            seen = visible(at.folder)
            # Nobody has seen a row that does not count, and may come again as another one.
            assert not seen - expected[0]
            assert sum(seen.values()) <= counted(at.folder)
            run(at)
            assert contents(at.folder) == expected
            assert {path.name for path in at.folder.glob(".*")} == {".fetch.lock"}
    assert killed > 40


def visible(folder: Path):
    try:
        return Counter(tuple(row.values()) for row in fetched(folder) if parts(folder))
    except (InputError, ValueError):
        return Counter()


def counted(folder: Path):
    if not (folder / landing.STATE).exists():
        return 0
    with closing(sqlite3.connect(folder / landing.STATE)) as state:
        if not state.execute("SELECT 1 FROM sqlite_master WHERE name = 'source'").fetchone():
            return 0
        return (state.execute("SELECT rows FROM source").fetchone() or [0])[0]


@contextmanager
def website(folder):
    def answer(asked):
        start = (int(asked.parameters.get("page", 1)) - 1) * 15
        shown = "".join(f"<p id={k // 2}>message {k // 2}</p>" for k in range(start, start + 15))
        more = start + 15 < ROWS
        text = f'{shown}<a href="?page={start // 15 + 2}">' if more else shown
        content = b"" if asked.path == "/robots.txt" else text.encode()
        return Reply(content, headers={"Content-Type": "text/html"})

    with http_api(answer) as server:
        (folder / "a.toml").write_text(
            f'start = ["{server.url}"]\ncontact = "a@example.org"\nrequests_per_minute = 60_000\n'
            'item = "p"\nnext = "a"\nkey = ["id"]\n[columns]\nid = "::attr(id)"\ntext = "p"\n'
        )
        yield FetchRequest(folder / "a.toml", folder / "raw")


def test_a_website_after_one_kill_after_another(tmp_path):
    """Each run is killed a little later, until one ends."""
    pytest.importorskip("scrapy")
    with website(tmp_path) as request:
        killed = 0
        for step in range(8, 400, 4):
            if not fetch_and_die(request, step):
                break
            killed += 1
        rows, _ = contents(request.folder)
        assert rows == Counter((str(k), f"message {k}") for k in range(ROWS // 2))
    assert killed > 3


def test_postgresql_after_one_kill_after_another(tmp_path):
    """Each run is killed a little later, until one ends."""
    with query(tmp_path, postgres=True) as request:
        killed = 0
        for step in range(10, 400, 7):
            if not fetch_and_die(request, step):
                break
            killed += 1
        run(request)
        rows, _ = contents(request.folder)
        assert rows == Counter((str(k // 4), f"message {k // 2}") for k in range(ROWS))
    assert killed > 3
