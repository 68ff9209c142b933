"""`python -m common.fetch` as people run it: real processes, killed at random moments."""

import json
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from contextlib import closing, suppress

import pytest
from helpers import clean_environment
from sources import Reply, fetched, http_api, zip_split

MESSAGES = "".join(
    f"{k},message {k} of ann{k}@example.org about {k * 2654435761 % 2**32:x},{k % 2 == 0}\n"
    for k in range(150_000)
)


def fetch(project, *command, **env):
    return project.run("-m", "common.fetch", *command, **env)


def archive(folder, rows):
    messages = MESSAGES.splitlines(keepends=True)[:rows]
    (folder / "twcs.csv").write_text("tweet_id,text,inbound\n" + "".join(messages))
    return zip_split(folder, "64k", "twcs.csv")


@pytest.fixture
def desk(tmp_path):
    """A database, and a query of it."""
    with closing(sqlite3.connect(tmp_path / "desk.db")) as connection, connection:
        connection.execute("CREATE TABLE m (id INTEGER, text TEXT)")
        rows = ((k // 3, f"message {k}") for k in range(150_000))
        connection.executemany("INSERT INTO m VALUES (?, ?)", rows)
    (tmp_path / "m.sql").write_text("SELECT * FROM m")
    return tmp_path / "m.sql"


def test_what_was_fetched_is_trained_on(project, tmp_path):
    source = archive(tmp_path, 5000)
    done = fetch(project, source, "-o", "raw", "--mask")
    assert done.returncode == 0, done.stderr
    first, *others = done.stdout.splitlines()
    assert first.startswith("5,000 new rows of twcs.csv (CRC ")
    assert others == ["Written: raw/part-00000.parquet.", "raw has had 5,000 rows in all."]
    assert "[mail]" in fetched(project.root / "raw")[0]["text"]
    again = fetch(project, source, "-o", "raw", "--mask", "--json")
    assert json.loads(again.stdout)["rows"] == 0
    trained = project.run("train.py", "--data", "raw", "--dry-run")
    assert trained.returncode == 0, trained.stderr
    assert "True" in trained.stdout


def kill_after(project, seconds, *command, number=signal.SIGKILL, **env):
    with subprocess.Popen(
        [sys.executable, "-m", "common.fetch", *map(str, command)],
        cwd=project.root,
        env=clean_environment() | env,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        with suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
        process.send_signal(number)
        _, said = process.communicate(timeout=20)
    return process.returncode, said


@pytest.mark.slow
def test_processes_killed_at_random_moments_lose_nothing(project, tmp_path, desk):
    moments = random.Random(1)
    env = {"SOURCE_URL": f"sqlite:///{desk.parent}/desk.db"}
    for source, flags in ((archive(tmp_path, 150_000), ()), (desk, ("--after-column", "id"))):
        killed, whole = 0, 60.0
        for round_ in range(5):
            command = (source, "-o", f"{source.stem}-{round_}", *flags)
            for _ in range(2):
                start = time.monotonic()
                code, _ = kill_after(project, moments.uniform(whole / 2, whole), *command, **env)
                killed += code == -signal.SIGKILL
                if code == 0:  # it took less than was thought
                    whole = time.monotonic() - start
            done = fetch(project, *command, **env)
            assert done.returncode == 0, done.stderr
            texts = Counter(row["text"] for row in fetched(project.root / command[2]))
            assert len(texts) == 150_000
            assert set(texts.values()) == {1}
        assert killed > 2


def test_a_signal_ends_it_at_once_and_in_one_line(project, tmp_path):
    with http_api(lambda asked: Reply({}, status=429, headers={"Retry-After": "600"})) as server:
        (tmp_path / "a.toml").write_text(describe(server.url))
        start = time.monotonic()
        code, said = kill_after(project, 3, tmp_path / "a.toml", "-o", "raw", number=signal.SIGTERM)
    assert code == 128 + signal.SIGTERM
    assert said.splitlines() == [
        "The server asks to wait 600 s.",
        "fetch: interrupted by SIGTERM.",
    ]
    assert time.monotonic() - start < 10


def describe(url, token=""):
    return f"""
url = "{url}"
{token}
[pages]
kind = "link"
[records]
key = ["id"]
[columns]
id = "id"
"""


def test_secrets_are_never_shown(project, tmp_path, desk):
    (project.root / ".env").write_text("DESK_TOKEN=hush-token\n")
    with http_api(lambda asked: Reply({"seen": asked.headers["Authorization"]}, status=500)) as at:
        token = 'token = { variable = "DESK_TOKEN" }'
        (tmp_path / "a.toml").write_text(describe(at.url, token))
        code, said = kill_after(project, 3, tmp_path / "a.toml", "-o", "a", number=signal.SIGINT)
        assert code == 128 + signal.SIGINT, said
        assert at.asked[0].headers["Authorization"] == "Bearer hush-token"
    url = "postgresql://me:hush-word@127.0.0.1:1/desk"
    done = fetch(project, desk, "-o", "b", "--after-column", "id", SOURCE_URL=url)
    assert done.returncode == 3
    assert len(done.stderr.splitlines()) == 1
    assert "127.0.0.1:1/desk failed" in done.stderr
    assert "hush" not in said + done.stderr + project.log("fetch")


@pytest.mark.parametrize(
    ("command", "code", "said"),
    [
        (("m.csv", "-o", "raw"), 2, "m.csv is not a source that is known (*.zip: an archive"),
        (("m.zip", "-o", "raw"), 3, "m.zip does not exist."),
        (("m.sql", "-o", "raw", "--after-column", "id"), 2, "which database? Set SOURCE_URL"),
        (("m.sql", "-o", "raw", "--member", "a"), 2, "--member goes with a source that ends in"),
        (("m.zip",), 2, "-o/--output"),
        (("m.zip", "-o", "s3://me:hush@b/x"), 2, "a path of this machine, not s3://b/x"),
    ],
)
def test_mistakes_are_one_line(project, command, code, said):
    done = fetch(project, *command)
    assert done.returncode == code
    (line,) = done.stderr.splitlines()
    assert said in line
    assert not (project.root / "raw").exists()
