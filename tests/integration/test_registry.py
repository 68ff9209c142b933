"""The registry's commands, and two trainings at once, on SQLite and on a real server."""

import csv
import json
import subprocess

import pytest
from helpers import (
    Project,
    clean_environment,
    copy_project,
    mlflow_server,
    warm_python,
    write_two_class_sample,
)

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
    assert done.returncode == 0, done.stdout + done.stderr
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


def test_the_list_says_how_each_version_did_and_which_waits(project):
    rows = facts(project, "list")
    assert [row["version"] for row in rows] == [4, 3, 2, 1]
    assert [row["aliases"] for row in rows] == [["challenger"], ["champion"], [], []]
    assert [row["verdict"] for row in rows] == ["rejected", *["promoted"] * 3]
    assert [row["waits"] for row in rows] == [True, False, False, False]
    for row in rows:
        assert 0.5 < row["holdout_accuracy"] <= 1
        assert 0.5 < row["macro_f1"] <= 1
        assert row["data"] == "synthetic_messages.csv"
        assert row["trained_at"].endswith("+00:00")
    shown = registry(project, "list").stdout
    assert "challenger  rejected" in shown
    assert "Challenger: version 4 (champion stays: accuracy" in shown
    assert '--reason "..." --yes' in shown


def test_back_and_forth(project):
    for expected in (2, 1):
        done = registry(project, "rollback", "--reason", "it was too late at night")
        assert done.returncode == 0, done.stderr
        assert champion(project) == expected
    done = registry(project, "rollback")
    assert done.returncode == 4
    assert "no champion before" in done.stderr
    approved = ("promote", "4", "--reason", "approved by the team")
    for refused in (("promote", "4"), approved):
        done = registry(project, *refused)
        assert done.returncode == 2
        (line,) = done.stderr.splitlines()
        assert "version 4 lost its contest (champion stays: accuracy" in line
        assert "python -m common.registry promote 4 --reason" in line
        assert line.endswith("--yes")
        assert champion(project) == 1
    done = registry(project, *approved, "--yes")
    assert done.returncode == 0, done.stderr
    assert facts(project, "history")[-1]["reason"] == "approved by the team"
    assert facts(project, "show", "4")["tags"]["promoted_reason"] == "approved by the team"
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
        (["list", "--model-name", "nobody"], 4, "no model 'nobody' yet"),
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
    waiting = [row["version"] for row in facts(project, "list") if row["waits"]]
    assert waiting == [5]
    assert champion(project) == before
    assert "nothing is promoted" in train(
        project, "--champion-threshold", "-1", "--promote-rules", "none", "--seed", "6"
    )
    assert champion(project) == before


def test_pruning_keeps_what_rollback_needs_unless_it_is_told(project):
    """Champions were 1, 2, 3, after rollbacks 1, and then 4: rollback goes to 1."""
    told = facts(project, "prune", "--keep", "1", "--champions", "1")
    assert told == {"would_delete": [5, 3, 2, 1], "lost_to_rollback": [1]}
    said = registry(project, "prune", "--keep", "1", "--champions", "1").stdout
    assert "Rollback could no longer go back to 1." in said
    assert facts(project, "prune", "--keep", "1")["would_delete"] == [5]
    dry = facts(project, "prune", "--keep", "1", "--champions", "2")
    assert dry == {"would_delete": [5, 3, 2], "lost_to_rollback": []}
    assert facts(project, "show", "2")
    done = facts(project, "prune", "--keep", "1", "--champions", "2", "--yes")
    assert done == {"deleted": [5, 3, 2], "lost_to_rollback": []}
    assert registry(project, "show", "2").returncode == 4
    assert champion(project) == 4
    assert facts(project, "history")[1]["version"] == 2


def test_two_trainings_at_once_leave_one_history(project):
    before = len(facts(project, "history"))
    processes = [
        subprocess.Popen(
            [*warm_python(), "train.py", *ANY_GAIN, "--seed", seed, "--json"],
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


OWN = {
    "angry": ("my order {} is lost", "refund {} now, this is a scam", "late again, ticket {}"),
    "calm": ("thanks for {}, all is well", "great team, {} times", "how do I change seat {}?"),
}


def own_file(project, name, classes, rows=400):
    """A user's file, whose two classes are called so."""
    with (project.root / name).open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "inbound"])
        for row in range(rows):
            angry = row % 2 == 0
            texts = OWN["angry" if angry else "calm"]
            writer.writerow([texts[row % 3].format(row), classes[not angry]])
    return name


def test_a_champion_of_synthetic_data_is_replaced_and_none_of_other_classes_without_consent(
    project,
):
    project = Project(project.root, project.env | {"MODEL_NAME": "own", "DATA_PATH": ""})
    assert "first champion" in train(project)
    mine = own_file(project, "mine.csv", ("True", "False"))
    shown = train(project, "--data", mine)
    assert "new champion, the one of synthetic data is replaced" in shown
    before = champion(project)
    back = registry(project, "rollback")
    assert back.returncode == 4, back.stdout
    assert "was fitted on synthetic messages" in back.stderr
    synthetic = project.run("train.py")
    assert synthetic.returncode == 5, synthetic.stderr
    assert "this model on synthetic ones" in synthetic.stdout
    assert champion(project) == before

    other = own_file(project, "other.csv", ("brand", "customer"))
    done = project.run("train.py", "--data", other)
    assert done.returncode == 5, done.stderr
    assert "the classes have changed (new: brand, customer; gone: False, True)" in done.stdout
    assert "train.py --replace-unscorable" in done.stdout
    number = done.stdout.partition("own version ")[2].partition(",")[0]
    assert f"common.registry promote {number} --reason" in done.stdout
    assert champion(project) == before
    shown = train(project, "--data", other, "--replace-unscorable")
    assert "new champion, the old one is replaced untested" in shown
    assert champion(project) != before
