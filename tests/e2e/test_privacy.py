"""What is written of messages, how much of it the settings allow, and that it can be forgotten."""

import csv
import hashlib
import json
import random
import sqlite3
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from helpers import Project, copy_project, mlflow_server

CANARY = "I hate to love this"
WORDS = [
    *("late", "order", "refund", "thanks", "great", "broken", "help", "delivery", "never", "again"),
    *("slow", "love", "lost", "wrong", "nice", "always", "phone", "account", "battery", "update"),
]


def messages(path, rows=600):
    """A labelled file in which author 7 wrote every tenth message, a canary with a mail address."""
    draw = random.Random(7)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["tweet_id", "author_id", "created_at", "text", "inbound"])
        for number in range(rows):
            label = draw.choice(["angry", "calm"])
            text = " ".join(draw.sample(WORDS, 6)) + (" !!" if label == "angry" else "")
            author = 100 + number % 50
            if number % 10 == 0:
                text = f'{CANARY}, "mail" person{number}@example.org & wait {number}'
                author = 7
            day = f"2026-03-{1 + number % 28:02}T10:00:00Z"
            writer.writerow([number, author, day, text, label])
    return path


def hold(project, needle):
    """The files of a project, beside its input, that hold a text, unpacked if need be."""
    found = []
    for path in project.root.rglob("*"):
        if not path.is_file() or path.name in ("in.csv", "texts.csv") or "common" in path.parts:
            continue
        content = path.read_bytes()
        if path.suffix == ".parquet":
            table = pq.read_table(path)
            content += str(table.to_pydict()).encode() + str(table.schema.metadata).encode()
        if path.suffix == ".db":
            with sqlite3.connect(path) as connection:
                content += "\n".join(connection.iterdump()).encode()
        if needle.lower().encode() in content.lower():
            found.append(path)
    return found


def work(project, **env):
    """Train, score, monitor: all that writes something."""
    data = messages(project.root / "in.csv")
    ragged = project.root / "ragged.csv"
    ragged.write_text(data.read_text() + f'1,7,x,"{CANARY}, rejected",angry,too,many\n')
    commands = [
        ("train.py", "--data", data),
        ("predict.py", ragged, "-o", "out.csv", "--explain"),
        ("predict.py", data, "-o", "out.parquet"),
        ("predict.py", data, "-o", "out.jsonl"),
        ("predict.py", data, "--output-dir", "lake"),
        ("-m", "common.prepare", ragged, "lake", "--run-id", "prepared"),
        ("monitor.py", "--data", data, "--window", "1w", "--report", "report.html"),
    ]
    for command in commands:
        done = project.run(*command, **env)
        assert done.returncode in ((0, 1, 2) if command[0] == "monitor.py" else (0,)), done.stderr
    elsewhere = project.root.parent / "elsewhere"
    elsewhere.mkdir()
    flags = (data, "-o", "relative.csv")
    done = project.run(project.root / "predict.py", *flags, cwd=elsewhere, **env)
    assert done.returncode == 0, done.stderr
    assert CANARY in (elsewhere / "relative.csv").read_text()
    shown = project.run("monitor.py", "--data", data, "--json", **env)
    (project.root / "logs" / "monitor.jsonl").write_text(shown.stdout)
    ragged.unlink()
    return data


def forget(project, *arguments, **env):
    return project.run("-m", "common.privacy", "forget", *arguments, **env)


def digests(project):
    return {
        path: hashlib.sha256(path.read_bytes()).digest()
        for path in project.root.rglob("*")
        if path.is_file() and path.parent.name != "logs" and path.suffix not in (".lock", ".pyc")
    }


@pytest.fixture(scope="module")
def worked(tmp_path_factory):
    """A project that has done all its work, on an embedded store."""
    project = copy_project(tmp_path_factory.mktemp("worked") / "project")
    work(project)
    return project


def test_without_yes_it_is_only_said_where_messages_are(worked):
    before = digests(worked)
    done = forget(worked, "--author", "7", "--data", "in.csv", "lake", "--json")
    assert done.returncode == 0, done.stderr
    facts = json.loads(done.stdout)
    assert facts["messages"] == 60
    places = {found["name"].rpartition("/")[2]: found["places"] for found in facts["found"]}
    assert {"out.csv", "out.jsonl", "out.parquet", "out.csv.rejects.csv"} <= set(places)
    kinds = {name.rpartition(" ")[2] for name in places}
    assert {"contest.html", "reference.parquet", "worst_errors.json", "monitor.json"} <= kinds
    assert {"report.html", "monitor.jsonl"} <= kinds
    assert CANARY not in done.stdout + done.stderr
    assert digests(worked) == before


def test_an_author_is_forgotten_everywhere_and_the_models_still_work(worked):
    others = (worked.root / "out.csv").read_bytes().splitlines(keepends=True)
    others = [line for line in others if CANARY.encode() not in line]
    done = forget(worked, "--author", "7", "--data", "in.csv", "lake", "--yes")
    assert done.returncode == 0, done.stderr
    assert "Nothing was removed" not in done.stdout
    assert hold(worked, CANARY) == []
    assert hold(worked, "person10@example") == []
    assert CANARY not in (worked.root.parent / "elsewhere" / "relative.csv").read_text()
    assert (worked.root / "out.csv").read_bytes() == b"".join(others)
    noted = (worked.root / "logs" / "privacy.log").read_text()
    assert "reference.parquet: " in noted
    for name in ("out.csv", "out.parquet", "out.jsonl"):
        manifest = json.loads((worked.root / f"{name}.manifest.json").read_text())
        content = (worked.root / name).read_bytes()
        assert manifest["output"]["size"] == len(content)
        assert manifest["output"]["sha256"] == hashlib.sha256(content).hexdigest()
    again = worked.run("predict.py", "in.csv", "-o", "out.parquet", "--json")
    assert json.loads(again.stdout)["files"][0]["done_already"]
    scored = worked.run("predict.py", "in.csv", "-o", "again.csv")
    assert scored.returncode == 0, scored.stderr
    seen = worked.run("monitor.py", "--data", "in.csv", "--label-days", "9999")
    assert seen.returncode in (0, 1, 2), seen.stderr
    trained = worked.run("train.py", "--data", "in.csv", "--dry-run")
    assert trained.returncode == 0, trained.stderr
    assert "Verdict: champion stays" in trained.stdout


@pytest.mark.slow
def test_messages_are_forgotten_on_a_server_too(tmp_path):
    project = copy_project(tmp_path / "project")
    with mlflow_server(tmp_path) as address:
        project = Project(project.root, {"MLFLOW_TRACKING_URI": address})
        data = work(project)
        with data.open() as file:
            texts = [row["text"] for row in csv.DictReader(file) if row["author_id"] == "7"]
        with (project.root / "texts.csv").open("w", newline="") as file:
            csv.writer(file).writerows([["text"], *([text] for text in texts)])
        stored = Project(tmp_path / "artifacts")
        assert hold(stored, CANARY)
        done = forget(project, "--text-file", "texts.csv", "lake", "--yes")
        assert done.returncode == 0, done.stderr
        assert hold(stored, CANARY) == []
        # Its text was never in the file: only the author is known of what can't be read.
        rejects = {"out.csv.rejects.csv", "_part-00000.parquet.rejects.csv"}
        assert {path.name for path in hold(project, CANARY)} == rejects
        scored = project.run("predict.py", "in.csv", "-o", "again.csv")
        assert scored.returncode == 0, scored.stderr


@pytest.mark.slow
def test_masks_are_all_that_is_stored_of_addresses(tmp_path):
    project = copy_project(tmp_path / "project")
    work(project, MASK="true")
    assert {path.name.partition(".")[0] for path in hold(project, "@example.org")} <= {
        "out",  # the columns as they were
        "part-00000",
    }
    pages = {path.name for path in hold(project, "[mail]")}
    assert {"contest.html", "reference.parquet", "report.html", "monitor.json"} <= pages
    done = forget(project, "--author", "7", "--data", "in.csv", "lake", "--yes")
    assert done.returncode == 0, done.stderr
    assert hold(project, CANARY) == []


@pytest.mark.slow
def test_without_examples_no_message_is_kept_but_in_outputs(tmp_path):
    project = copy_project(tmp_path / "project")
    work(project, EXAMPLES="0")
    kept = {path.name.partition(".")[0] for path in hold(project, CANARY)}
    assert kept <= {"out", "part-00000", "_part-00000"}


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ((), 2, "name the messages"),
        (("--author", "7", "--yes", "--dry-run"), 2, "exclude each other"),
        (("--text-file", "missing.csv"), 3, "missing.csv does not exist"),
        (("--text-file", "none.txt"), 3, "holds no message"),
        (("--author", "nobody", "--data", "in.csv"), 3, "no message by nobody"),
        (("--author", "7", "--data", "in.csv", "--author-column", "who"), 3, "no column 'who'"),
        (("--author", "7", "nowhere"), 3, "nowhere does not exist"),
    ],
)
def test_what_names_nobody_is_refused_in_one_line(tmp_path, arguments, code, said):
    project = copy_project(tmp_path / "project")
    messages(project.root / "in.csv", rows=20)
    (project.root / "none.txt").write_text("\n \n")
    done = forget(project, *arguments)
    assert done.returncode == code, done.stderr
    (line,) = done.stderr.splitlines()
    assert said in line


def test_a_store_that_does_not_answer_is_said_before_anything_is_removed(tmp_path):
    project = copy_project(tmp_path / "project")
    messages(project.root / "in.csv", rows=20)
    address = "http://127.0.0.1:9"
    done = forget(project, "--author", "7", "--data", "in.csv", MLFLOW_TRACKING_URI=address)
    assert done.returncode == 4, done.stderr
    assert not Path(project.root, "mlflow.db").exists()
