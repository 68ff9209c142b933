"""The three scripts one after the other on the embedded default, as a newcomer runs them."""

import csv
import json


def test_second_training_on_the_same_data_leaves_the_champion(trained):
    done = trained.run("train.py")
    assert done.returncode == 0, done.stderr
    assert "champion stays" in done.stdout.splitlines()[-1]
    assert "version 2" in done.stdout


def test_predict_keeps_rows_order_and_columns(trained):
    source = trained.root / "data" / "synthetic_messages.csv"
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
    assert manifest["rows"] == {"read": 10000, "scored": 10000, "blank": 0, "rejected": 0}
    assert sum(manifest["classes"].values()) == 10000


def test_monitor_exit_codes_follow_the_floor(trained):
    ok = trained.run("monitor.py", "--floor", "0.5")
    critical = trained.run("monitor.py", "--floor", "0.999")
    assert (ok.returncode, critical.returncode) == (0, 2), ok.stderr + critical.stderr
    assert ok.stdout.splitlines()[-1].startswith("OK: ")
    assert "ALERT CRITICAL" in critical.stderr
    assert "ALERT CRITICAL" in trained.log("monitor")


def test_monitor_says_unknown_on_ten_rows(trained):
    source = trained.root / "data" / "synthetic_messages.csv"
    few = trained.root / "few.csv"
    few.write_text("\n".join(source.read_text().splitlines()[:11]) + "\n")
    done = trained.run("monitor.py", "--data", few)
    assert done.returncode == 3, done.stderr
    assert "UNKNOWN" in done.stdout
