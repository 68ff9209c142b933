"""The registry's commands, and two trainings at once, on SQLite and on a real server."""

import csv
import json
import subprocess
import sys

import pytest
from helpers import clean_environment, copy_project, mlflow_server, write_two_class_sample

ANY_GAIN = ("--champion-threshold", "-1", "--promote-rules", "accuracy")


@pytest.fixture(scope="module", params=["sqlite", "server"])
def project(request, tmp_path_factory):
    """Champions 1, 2 and 3, fitted on small data; 4 was rejected."""
    folder = tmp_path_factory.mktemp(request.param)
    project = copy_project(folder / "project")
    write_two_class_sample(project, rows=700)
    project.env["DATA_PATH"] = "data/synthetic_messages.csv"
    if request.param == "server":
        with mlflow_server(folder) as address:
            project.env["MLFLOW_TRACKING_URI"] = address
            yield trained_four_times(project)
    else:
        yield trained_four_times(project)


def trained_four_times(project):
    for seed in ("1", "2", "3"):
        assert "new champion" in train(project, *ANY_GAIN, "--seed", seed) or seed == "1"
    assert "champion stays" in train(project, "--seed", "4")
    return project


def train(project, *flags):
    done = project.run("train.py", *flags)
    assert done.returncode == 0, done.stderr
    return done.stdout


def registry(project, *command):
    return project.run("-m", "common.registry", *command)


def facts(project, *command):
    done = registry(project, *command, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def champion(project):
    return next(entry["version"] for entry in facts(project, "history") if not entry["until"])


def test_the_history_names_all_champions_and_how_they_came(project):
    entries = facts(project, "history")
    assert [(entry["version"], entry["replaced"]) for entry in entries][:3] == [
        (1, None),
        (2, 1),
        (3, 2),
    ]
    assert {entry["kind"] for entry in entries[:3]} == {"contest"}
    assert entries[0]["until"] == entries[1]["at"]
    shown = registry(project, "history").stdout
    assert "first champion: " in shown
    assert "new champion: " in shown


def test_back_and_forth(project):
    for expected in (2, 1):
        done = registry(project, "rollback", "--reason", "it was too late at night")
        assert done.returncode == 0, done.stderr
        assert champion(project) == expected
    done = registry(project, "rollback")
    assert done.returncode == 4
    assert "no champion before" in done.stderr
    done = registry(project, "promote", "4", "--reason", "approved by the team")
    assert done.returncode == 0, done.stderr
    entry = facts(project, "history")[-1]
    assert (entry["version"], entry["replaced"], entry["kind"]) == (4, 1, "manual")
    assert entry["reason"] == "approved by the team"
    again = registry(project, "promote", "4", "--reason", "x")
    assert (again.returncode, "champion already" in again.stderr) == (2, True)
    scored = project.run("predict.py", "data/synthetic_messages.csv", "--json", "--force")
    assert json.loads(scored.stdout)["files"][0]["model"]["version"] == 4


def test_a_version_shows_what_it_was_made_from(project):
    tags = facts(project, "show", "2")["tags"]
    assert tags["verdict"] == "promoted"
    assert {"promoted_at", "replaced_at", "data_sha256", "lock_sha256", "git_commit"} <= set(tags)
    assert json.loads(tags["files_sha256"])["artifacts/classifier.pkl"]
    assert "verdict" in registry(project, "show", "2").stdout


@pytest.mark.parametrize(
    ("command", "code", "said"),
    [
        (["show", "99"], 4, "no version or alias '99'"),
        (["promote", "99", "--reason", "x"], 4, "no version or alias '99'"),
        (["promote", "2"], 2, "--reason"),
        (["promote", "2", "--reason", " "], 2, "--reason is empty"),
        (["prune"], 2, "--keep"),
        (["history", "--model-name", "nobody"], 4, "no model 'nobody' yet"),
        ([], 2, "COMMAND"),
    ],
)
def test_a_mistake_is_one_line(project, command, code, said):
    done = registry(project, *command)
    assert done.returncode == code
    (line,) = done.stderr.splitlines()
    assert said in line


def test_a_challenger_shadows_the_champion(project):
    source = "data/synthetic_messages.csv"
    alone = project.run("predict.py", source, "-o", "alone.csv")
    assert alone.returncode == 0, alone.stderr
    other = project.run("predict.py", source, "-o", "other.csv", "--model", "3")
    assert other.returncode == 0, other.stderr
    done = project.run("predict.py", source, "-o", "both.csv", "--shadow", "3")
    assert done.returncode == 0, done.stderr
    files = [project.root / f"{name}.csv" for name in ("both", "alone", "other")]
    assert files[0].read_bytes() == files[1].read_bytes()
    single, second = (list(csv.DictReader(path.open(newline=""))) for path in files[1:])
    shadow = json.loads((project.root / "both.csv.manifest.json").read_text())["shadow"]
    agreeing = sum(a["prediction"] == b["prediction"] for a, b in zip(single, second, strict=True))
    assert (shadow["model"]["version"], shadow["rows"], shadow["agreeing"]) == (3, 700, agreeing)
    assert sum(entry["rows"] for entry in shadow["by_class"].values()) == 700


def test_a_version_is_fitted_again_to_the_same_answers(project):
    done = project.run("train.py", "--reproduce", "2", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["identical"] is True
    (project.root / "other.csv").write_text("text,inbound\nhello,True\nbye,False\n")
    other = project.run("train.py", "--reproduce", "2", "--data", "other.csv")
    assert other.returncode == 3
    assert "is not the file that version 2 was fitted on" in other.stderr


def test_a_person_has_the_last_word_where_that_is_set(project):
    before = champion(project)
    shown = train(project, *ANY_GAIN, "--promotion", "manual", "--seed", "5")
    assert "waiting for approval" in shown
    assert "common.registry promote 5" in shown
    assert champion(project) == before
    assert "nothing is promoted" in train(
        project, "--champion-threshold", "-1", "--promote-rules", "none", "--seed", "6"
    )
    assert champion(project) == before


def test_pruning_keeps_the_new_and_the_last_champions(project):
    dry = facts(project, "prune", "--keep", "1", "--champions", "2")
    assert dry == {"would_delete": [5, 3, 2]}
    assert facts(project, "show", "2")
    done = facts(project, "prune", "--keep", "1", "--champions", "2", "--yes")
    assert done == {"deleted": [5, 3, 2]}
    assert registry(project, "show", "2").returncode == 4
    assert champion(project) == 4
    assert facts(project, "history")[1]["version"] == 2


def test_two_trainings_at_once_leave_one_history(project):
    before = len(facts(project, "history"))
    processes = [
        subprocess.Popen(
            [sys.executable, "train.py", *ANY_GAIN, "--seed", seed, "--json"],
            cwd=project.root,
            env=clean_environment() | project.env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for seed in ("11", "12")
    ]
    results = [process.communicate(timeout=120) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], results
    versions = {json.loads(stdout)["model"]["version"] for stdout, _ in results}
    entries = facts(project, "history")
    assert len(entries) == before + 2
    assert {entry["version"] for entry in entries[before:]} == versions
    assert entries[-1]["replaced"] == entries[-2]["version"]
    assert facts(project, "show")["version"] == entries[-1]["version"]
    assert registry(project, "history", "--model-name", "triage.lock").returncode == 4


def test_an_alias_moved_by_hand_is_found_and_written_down(project):
    code = (
        "import mlflow, sys; mlflow.MlflowClient().set_registered_model_alias('triage', "
        "'champion', '4')"
    )
    uri = project.env.get("MLFLOW_TRACKING_URI", f"sqlite:///{project.root}/mlflow.db")
    done = project.run("-c", code, MLFLOW_TRACKING_URI=uri)
    assert done.returncode == 0, done.stderr
    done = project.run("train.py", "--seed", "13")
    assert done.returncode == 0, done.stderr
    assert "moved outside of this program" in done.stderr
    entry = facts(project, "history")[-1]
    assert (entry["version"], entry["kind"]) == (4, "outside")


def test_other_classes_are_no_contest_unless_the_champion_is_to_be_replaced(project):
    rows = (project.root / "data" / "synthetic_messages.csv").read_text().splitlines()
    at = rows[0].split(",").index("inbound")
    for number, row in enumerate(rows[1:], start=1):
        cells = row.split(",")
        if cells[at] in ("True", "False"):
            cells[at] = {"True": "customer", "False": "brand"}[cells[at]]
            rows[number] = ",".join(cells)
    (project.root / "renamed.csv").write_text("\n".join(rows) + "\n")
    before = champion(project)
    shown = train(project, "--data", "renamed.csv")
    assert "the classes have changed" in shown
    assert "--replace-unscorable" in shown
    assert champion(project) == before
    shown = train(project, "--data", "renamed.csv", "--replace-unscorable")
    assert "new champion, the old one is replaced untested" in shown
    assert champion(project) != before
