"""The three scripts one after the other on the embedded default, as a newcomer runs them."""

import csv
import gzip
import json
import os
import sqlite3
import subprocess

import pyarrow.csv
import pyarrow.parquet
import pytest
from helpers import clean_environment, warm_python
from json_schema import problems


def test_second_training_on_the_same_data_leaves_the_champion(trained):
    done = trained.run("train.py")
    assert done.returncode == 0, done.stderr
    assert "champion stays" in done.stdout.splitlines()[-1]
    assert "version 2" in done.stdout


def test_a_negative_threshold_lets_an_equal_challenger_win_and_the_next_scoring_uses_it(trained):
    done = trained.run("train.py", "--champion-threshold", "-0.01", "--json")
    assert done.returncode == 0, done.stderr
    (line,) = done.stdout.splitlines()
    result = json.loads(line)
    assert result["verdict"] == "promoted"
    assert result["model"]["version"] == 2
    scored = trained.run("predict.py", trained.sample)
    assert "scored with version 2" in scored.stdout
    first = trained.run("predict.py", trained.sample, "--model", "1")
    assert "scored with version 1" in first.stdout


def test_a_dry_run_registers_nothing(trained):
    done = trained.run("train.py", "--dry-run")
    assert done.returncode == 0, done.stderr
    assert "Dry run" in done.stdout
    latest = trained.run("predict.py", trained.sample, "--model", "latest")
    assert "scored with version 1" in latest.stdout


def test_predict_keeps_rows_order_and_columns(trained):
    source = trained.sample
    done = trained.run("predict.py", source, "--json")
    assert done.returncode == 0, done.stderr
    output = source.with_name("synthetic_messages.predictions.csv")
    rows_in = list(csv.reader(source.open(newline="")))
    rows_out = list(csv.reader(output.open(newline="")))
    assert [row[:7] for row in rows_out] == rows_in
    assert rows_out[0][7:] == ["prediction", "confidence", "model_version"]
    assert {row[9] for row in rows_out[1:]} == {"1"}
    manifest = json.loads(output.with_name(output.name + ".manifest.json").read_text())
    assert json.loads(done.stdout)["files"] == [manifest]
    assert problems(manifest, "predict.manifest.schema.json") == []
    assert problems(json.loads(done.stdout), "predict.schema.json") == []
    assert manifest["rows"] == {"read": 10000, "scored": 10000, "blank": 0, "rejected": 0}
    assert sum(manifest["classes"].values()) == 10000


def test_predict_scores_many_files_into_a_folder_and_parquet_to_parquet(trained, tmp_path):
    table = pyarrow.csv.read_csv(trained.sample).slice(0, 500)
    for name in ("monday", "tuesday"):
        pyarrow.parquet.write_table(table, tmp_path / f"{name}.parquet")
    scored = tmp_path / "scored"
    scored.mkdir()
    inputs = [tmp_path / "monday.parquet", tmp_path / "tuesday.parquet"]
    done = trained.run("predict.py", *inputs, "-o", scored, "--proba", "--prefix", "ml_")
    assert done.returncode == 0, done.stderr
    result = pyarrow.parquet.read_table(scored / "tuesday.predictions.parquet")
    assert result.select(table.column_names).equals(table)
    added = ["ml_prediction", "ml_confidence", "ml_model_version"]
    assert result.column_names == [*table.column_names, *added, "ml_proba_False", "ml_proba_True"]


def test_strict_writes_nothing_when_a_row_cannot_be_read(trained):
    path = trained.root / "ragged.csv"
    path.write_text("id,text\n1,hello\n2\n3,bye\n")
    done = trained.run("predict.py", path, "--strict")
    assert done.returncode == 3
    assert f"{path}, line 3: expected 2 fields, found 1" in done.stderr
    assert not list(trained.root.glob("*.predictions*"))


def test_scripts_work_from_any_directory_and_flags_start_there(trained, tmp_path):
    (tmp_path / "new.csv").write_text("text\nwhere is my order?!\n")
    done = trained.run(trained.root / "predict.py", "new.csv", cwd=tmp_path, HOME=str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "new.predictions.csv").read_text().splitlines()[1].endswith(",1")
    assert not (tmp_path / "mlflow.db").exists()
    assert not (tmp_path / ".config").exists(), "MLflow's telemetry is on"


def test_monitor_exit_codes_follow_the_floor(trained):
    ok = trained.run("monitor.py", "--floor", "0.5")
    critical = trained.run("monitor.py", "--floor", "0.999")
    assert (ok.returncode, critical.returncode) == (0, 2), ok.stderr + critical.stderr
    assert ok.stdout.splitlines()[-1].startswith("OK: ")
    assert "ALERT CRITICAL" in critical.stderr
    assert "ALERT CRITICAL" in trained.log("monitor")


def test_monitor_says_unknown_on_ten_rows(trained):
    few = trained.root / "few.csv"
    few.write_text("\n".join(trained.sample.read_text().splitlines()[:11]) + "\n")
    done = trained.run("monitor.py", "--data", few)
    assert done.returncode == 3, done.stderr
    assert "UNKNOWN" in done.stdout


@pytest.mark.parametrize("floor", ["0.5", "0.999"])
def test_an_alert_with_the_facts_reaches_its_receiver_when_the_floor_is_broken(
    trained, receiver, floor
):
    address = f"{receiver.url}/hook?token=very-secret-token"
    done = trained.run(
        *("monitor.py", "--data", trained.sample, "--floor", floor, "--json"), ALERT_URLS=address
    )
    if floor == "0.5":
        assert (done.returncode, receiver.bodies) == (0, [])
        return
    assert done.returncode == 2, done.stderr
    (alert,) = receiver.bodies
    facts = json.loads(done.stdout)
    assert alert["look"]["metrics"] == facts["metrics"]
    assert [incident["id"] for incident in facts["incidents"]] == [alert["incident"]]
    accuracy = f"{facts['metrics']['accuracy']:.1%}".replace("%", " %")
    messages = f"{facts['windows'][-1]['rows']:,} messages"
    for fact in ("version 1", "synthetic_messages.csv", accuracy, "99.9 %", messages):
        assert fact in alert["text"]
    assert f"{facts['metrics']['accuracy']:.4f}" in alert["reason"]
    assert alert["story"]["examples"][0]["text"] in trained.sample.read_text()
    assert "very-secret-token" not in done.stderr + done.stdout + trained.log("monitor")


def test_a_file_whose_name_is_no_text_is_trained_on_and_monitored(trained):
    path = trained.root / os.fsdecode(b"caf\xe9.csv")
    path.write_text("".join(trained.sample.read_text().splitlines(keepends=True)[:600]))
    for command in (["train.py"], ["monitor.py", "--floor", "0.1"]):
        done = trained.run(*command, "--data", path)
        assert done.returncode == 0, done.stderr
        assert "missing in MLflow" not in done.stderr


def test_monitoring_the_training_data_is_called_flattering(trained):
    done = trained.run("monitor.py", "--data", trained.sample)
    assert "was fitted on" in done.stderr


def test_log_lines_carry_time_level_and_run(trained):
    trained.run("monitor.py")
    lines = trained.log("monitor").splitlines()
    stamps, levels, runs, _ = zip(*(line.split(" ", 3) for line in lines), strict=True)
    assert all(stamp.endswith("Z") and "T" in stamp for stamp in stamps)
    assert set(levels) == {"INFO"}
    assert len(set(runs)) == 1
    assert " OK: triage version 1 " in lines[-1]


def test_a_result_that_cannot_be_logged_is_shown_all_the_same(trained):
    with sqlite3.connect(trained.root / "mlflow.db") as database:
        database.execute(
            "create trigger refuse before insert on metrics begin select raise(abort, 'full'); end"
        )
    done = trained.run("monitor.py", "--floor", "0.999", "--json")
    assert done.returncode == 2, done.stderr
    assert json.loads(done.stdout)["status"] == "CRITICAL"
    assert "this run is missing in MLflow" in done.stderr


def pipe(project, text, *flags):
    return subprocess.run(
        [*warm_python(), "predict.py", "-", *flags],
        cwd=project.root,
        env=clean_environment(),
        input=text,
        capture_output=True,
        timeout=120,
    )


@pytest.mark.parametrize("packed", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_a_pipe_comes_out_as_a_file_would(trained, packed):
    text = b'id,text\n1,"where is\nmy order?"\n2,\n'
    (trained.root / "a.csv").write_bytes(text)
    assert trained.run("predict.py", "a.csv").returncode == 0
    done = pipe(trained, packed(text))
    assert done.returncode == 0, done.stderr
    assert done.stdout == (trained.root / "a.predictions.csv").read_bytes()
    assert not list(trained.root.glob("*stdin*"))


def test_json_lines_may_come_through_a_pipe_and_rejects_need_a_file(trained):
    lines = b'{"text": "hello"}\nbroken\n'
    done = pipe(trained, lines)
    assert (done.returncode, done.stdout) == (3, b"")
    assert b"standard input, line 2: not a JSON object" in done.stderr
    assert b"Name a file with -o" in done.stderr
    done = pipe(trained, lines, "-o", "piped.jsonl")
    assert done.returncode == 0, done.stderr
    assert json.loads((trained.root / "piped.jsonl").read_text())["text"] == "hello"
    assert "broken" in (trained.root / "piped.jsonl.rejects.csv").read_text()
    manifest = json.loads((trained.root / "piped.jsonl.manifest.json").read_text())
    assert manifest["input"]["path"] == "standard input"


@pytest.mark.parametrize(
    "text", [b"", b"a,b\n1,2\n", b"\x1f\x8bbroken", b"text\n" + b"\xff\xfe" * 9]
)
def test_a_pipe_is_called_standard_input_in_every_message(trained, text):
    done = pipe(trained, text)
    assert b"stdin.csv" not in done.stderr
    assert done.returncode == 0 or b"standard input" in done.stderr.splitlines()[-1]


def test_a_folder_is_scored_to_a_folder_that_is_made(trained):
    (trained.root / "days").mkdir()
    for day in ("monday", "tuesday"):
        (trained.root / "days" / f"{day}.csv").write_text("text\nhello\n")
    done = trained.run("predict.py", "days/", "-o", "scored/")
    assert done.returncode == 0, done.stderr
    made = sorted(path.name for path in (trained.root / "scored").glob("*.csv"))
    assert made == ["monday.predictions.csv", "tuesday.predictions.csv"]
    done = trained.run("predict.py", "days/monday.csv", "-o", "one/", "--text-column", "nope")
    assert done.returncode == 3
    assert not (trained.root / "one").exists(), "nothing was scored"


@pytest.mark.parametrize("flags", [("--json",), ("a.csv",)])
def test_a_pipe_that_can_only_be_mixed_up_is_refused(trained, flags):
    (trained.root / "a.csv").write_text("text\nhello\n")
    done = pipe(trained, b"text\nhello\n", *flags)
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.count(b"\n") == 1
