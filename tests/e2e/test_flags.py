"""What predict.py's flags do, as a user sees it."""

import json
import zipfile

import pytest

USAGE, INPUT = 2, 3
ROWS = "id|text\n1|where is my order?\n2|thank you\n"


@pytest.fixture(scope="module")
def project(make_trained):
    project = make_trained()
    (project.root / "in").mkdir()
    for name in ("a", "b"):
        (project.root / "in" / f"{name}.csv").write_text(ROWS.replace("|", ","))
    return project


def last_line(done):
    return done.stderr.splitlines()[-1]


def test_a_versioned_folder_is_whole_when_it_has_its_mark(project):
    (project.root / "in" / "c.csv").write_text("id,text\n1,hello\nragged\n")
    flags = ("--output-dir", "lake", "--run-date", "2026-03-01", "--run-id", "x")
    folder = project.root / "lake" / "run_date=2026-03-01" / "run_id=x"
    stopped = project.run("predict.py", "in", *flags, "--strict")
    assert stopped.returncode == INPUT
    assert "c.csv, line 3" in last_line(stopped)
    assert sorted(path.name for path in folder.glob("part-*")) == [
        "part-00000.parquet",
        "part-00001.parquet",
    ]
    assert not (folder / "_SUCCESS").exists()
    done = project.run("predict.py", "in", *flags, "--json")
    assert done.returncode == 0, done.stderr
    total = json.loads(done.stdout)["total"]
    assert (total["rows"]["scored"], total["done_already"]) == (5, 2)
    assert (folder / "_SUCCESS").exists()
    assert json.loads((folder / "_manifest.json").read_text())["rows"] == total["rows"]
    again = project.run("predict.py", "in", *flags)
    assert again.returncode == 0, again.stderr
    assert "3 were scored before" in again.stdout


def test_form_member_and_format_are_told(project):
    with zipfile.ZipFile(project.root / "week.zip", "w") as archive:
        archive.writestr("days/monday.txt", ROWS.encode("utf-16-le"))
        archive.writestr("readme.txt", "nothing to score")
    done = project.run(
        *("predict.py", "week.zip", "--member", "days/monday.txt", "--format", "jsonl"),
        *("--encoding", "utf-16-le", "--delimiter", "|", "--metrics-file", "triage.prom"),
    )
    assert done.returncode == 0, done.stderr
    lines = (project.root / "week.monday.predictions.jsonl").read_text().splitlines()
    assert [json.loads(line)["text"] for line in lines] == ["where is my order?", "thank you"]
    assert 'triage_predict_rows{outcome="scored"} 2.0' in (project.root / "triage.prom").read_text()


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (("in", "-o", "x.csv", "--output-dir", "y"), "two places"),
        (("in/a.csv", "--run-id", "x"), "are for --output-dir"),
        (("in/a.csv", "--spark-master", "local[2]"), "is for --engine spark"),
        (("-", "--engine", "spark", "-o", "x.csv"), "save it as a file"),
        (("in/a.csv", "--output-dir", "y", "--run-id", "../x"), "letters, digits"),
        (("in/a.csv", "--output-dir", "y", "--run-date", "1.3.26"), "like 2026-03-01"),
        (("in/a.csv", "--delimiter", "||"), "one ASCII character"),
        (("in/a.csv", "--output-dir", "y", "--format", "xml"), "one of csv, jsonl, parquet"),
    ],
)
def test_flags_that_can_not_be_meant_are_one_line(project, flags, says):
    done = project.run("predict.py", *flags)
    assert done.returncode == USAGE
    assert says in last_line(done)
    assert len(done.stderr.splitlines()) == 1
    assert not (project.root / "y").exists()


def test_training_and_monitoring_are_told_the_form_too(project):
    lines = project.sample.read_text().splitlines(keepends=True)
    data = project.root / "headless.csv"
    data.write_text("".join(lines[1:]))
    flags = ("--header", lines[0].strip())
    done = project.run("train.py", "--data", data, *flags, "--dry-run", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["rows"]["used"] > 9_000
    looked = project.run("monitor.py", "--data", data, *flags)
    assert looked.returncode == 0, looked.stderr
