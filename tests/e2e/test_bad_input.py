"""Whatever a user gets wrong ends in one line that says what, where and what to do."""

import gzip
import socket
import subprocess
import time
from pathlib import Path

import pytest
from helpers import free_port

USAGE, INPUT, STORE = 2, 3, 4
HEADER = "tweet_id,inbound,text\n"


def make_missing(path: Path) -> None:
    pass


def make_empty(path: Path) -> None:
    path.touch()


def make_directory(path: Path) -> None:
    path.mkdir()


def make_corrupt_gzip(path: Path) -> None:
    path.write_bytes(gzip.compress((HEADER + "1,True,hi\n" * 9_999).encode())[:-200])


def make_corrupt_zip(path: Path) -> None:
    path.write_bytes(b"PK\x03\x04 this is no archive")


def make_corrupt_parquet(path: Path) -> None:
    path.write_bytes(b"PAR1 this is no table PAR1")


def make_binary(path: Path) -> None:
    path.write_bytes(bytes(range(256)) * 40)


def make_without_text_column(path: Path) -> None:
    path.write_text("tweet_id,inbound,texte\n1,True,hi\n")


def make_header_only(path: Path) -> None:
    path.write_text(HEADER)


def make_one_class(path: Path) -> None:
    path.write_text(HEADER + "".join(f"{i},True,message {i}\n" for i in range(200)))


def make_two_rows(path: Path) -> None:
    path.write_text(HEADER + "1,True,hi\n2,False,hello\n")


UNREADABLE = [
    make_missing,
    make_empty,
    make_directory,
    make_corrupt_gzip,
    make_corrupt_zip,
    make_corrupt_parquet,
    make_binary,
    make_without_text_column,
]


def only_line(done: subprocess.CompletedProcess[str]) -> str:
    """The one line of a failure; what was done before it may have been told."""
    assert "Traceback" not in done.stderr + done.stdout
    assert not done.stdout
    *_, line = done.stderr.splitlines()
    return line


@pytest.mark.parametrize("make", UNREADABLE, ids=lambda make: make.__name__.removeprefix("make_"))
def test_each_script_names_the_file_it_cannot_use(trained, make):
    path = trained.root / "messages.csv"
    make(path)
    commands = {
        "train": (["train.py", "--data", path], INPUT),
        "predict": (["predict.py", path], INPUT),
        "monitor": (["monitor.py", "--data", path], 3),
    }
    for script, (command, code) in commands.items():
        done = trained.run(*command)
        line = only_line(done)
        assert done.returncode == code, done.stderr
        assert line.startswith(f"{script}: ")
        assert str(path) in line
    assert not list(trained.root.glob("*.predictions.csv*"))


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (make_header_only, "no row to learn from"),
        (make_one_class, "too few classes"),
        (make_two_rows, "too few"),
    ],
)
def test_training_says_what_the_data_lacks(trained, make, says):
    path = trained.root / "messages.csv"
    make(path)
    done = trained.run("train.py", "--data", path)
    assert done.returncode == INPUT
    assert says in only_line(done)


def test_a_file_with_a_header_alone_is_scored_to_a_header_alone(trained):
    path = trained.root / "messages.csv"
    make_header_only(path)
    done = trained.run("predict.py", path)
    assert done.returncode == 0, done.stderr
    output = path.with_name("messages.predictions.csv")
    assert output.read_text() == "tweet_id,inbound,text,prediction,confidence,model_version\n"


@pytest.mark.parametrize(
    ("command", "names"),
    [
        (["train.py", "--colour"], "--colour"),
        (["train.py", "--data"], "--data"),
        (["train.py", "--holdout-percent", "80"], "HOLDOUT_PERCENT"),
        (["train.py", "--champion-threshold", "lots"], "CHAMPION_THRESHOLD"),
        (["predict.py"], "INPUT"),
        (["predict.py", "x.csv", "--chunk-size", "0"], "--chunk-size"),
        (["monitor.py", "--floor", "80"], "ACCURACY_FLOOR"),
        (["monitor.py", "--alert-urls", "hook.example"], "ALERT_URLS"),
    ],
)
def test_wrong_usage_names_the_flag(project, command, names):
    done = project.run(*command)
    assert done.returncode == (3 if command[0] == "monitor.py" else USAGE)
    assert names in only_line(done)
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("command", "code"),
    [(["predict.py", "few.csv"], STORE), (["monitor.py", "--data", "few.csv"], 3)],
)
def test_without_a_model_the_remedy_is_to_train(project, command, code):
    make_two_rows(project.root / "few.csv")
    done = project.run(*command)
    assert done.returncode == code
    assert "Run train.py first" in only_line(done)


@pytest.mark.parametrize("which", ["7", "best"])
def test_a_version_that_is_not_there_is_named(trained, which):
    done = trained.run("predict.py", trained.sample, "--model", which)
    assert done.returncode == STORE
    assert repr(which) in only_line(done)


@pytest.mark.parametrize("content", [b"", b"not a database, just some text in a file"])
def test_a_damaged_database_is_left_alone(trained, content):
    database = trained.root / "mlflow.db"
    database.write_bytes(content)
    for command in (["train.py"], ["predict.py", trained.sample], ["monitor.py"]):
        done = trained.run(*command)
        assert done.returncode == (3 if command[0] == "monitor.py" else STORE)
        assert str(database) in only_line(done)
    assert database.read_bytes() == content


def test_a_model_whose_files_are_gone_is_one_line(trained, tmp_path):
    import sqlite3

    with sqlite3.connect(trained.root / "mlflow.db") as database:
        database.execute(
            "update model_versions set source = ?, storage_location = ?",
            (tmp_path.as_uri(), tmp_path.as_uri()),
        )
    done = trained.run("predict.py", trained.sample)
    assert done.returncode == STORE
    assert "is gone" in only_line(done)


@pytest.mark.parametrize("accepts", [False, True], ids=["closed port", "server that never answers"])
def test_a_silent_server_ends_each_script_within_ten_seconds(project, accepts):
    make_two_rows(project.root / "few.csv")
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        if accepts:
            server.listen()
        address = f"http://127.0.0.1:{server.getsockname()[1] if accepts else free_port()}"
        for command in (["train.py"], ["predict.py", "few.csv"], ["monitor.py"]):
            started = time.monotonic()
            done = project.run(*command, MLFLOW_TRACKING_URI=address)
            assert time.monotonic() - started < 10
            assert done.returncode == (3 if command[0] == "monitor.py" else STORE)
            assert "does not answer" in only_line(done)
