"""Each tutorial's commands and code, from its first line to its last, in a folder of its own."""

import json
import re
import subprocess

import nbformat
import pandas as pd
import pytest
from helpers import ROOT, clean_environment, copy_project, link_environment
from nbclient import NotebookClient

FOLDER = ROOT / "docs" / "tutorials"
FENCE = re.compile(r"^```(console|python|text|)\n(.*?)^```", re.MULTILINE | re.DOTALL)
# An alert is what a tutorial may be about.
JUDGED = {0, 1, 2}


def play(project, page):
    """Do what the page says; each command with its outcome."""
    done = []
    for kind, block in FENCE.findall(page):
        if kind == "text":
            continue
        if kind == "":
            with (project.root / ".env").open("a") as file:
                file.write(block)
        elif kind == "python":
            ran = project.run("-c", block)
            assert ran.returncode == 0, ran.stderr
        else:
            for command in block.replace("\\\n", " ").splitlines():
                if command.startswith("make "):
                    continue
                ran = subprocess.run(
                    ["bash", "-ec", command],
                    cwd=project.root,
                    env=clean_environment(),
                    capture_output=True,
                    text=True,
                )
                assert ran.returncode in (JUDGED if "monitor.py" in command else {0}), ran.stderr
                done.append((command, ran))
    return done


@pytest.fixture
def newcomer(tmp_path):
    project = copy_project(tmp_path / "project")
    link_environment(project)
    return project


def test_from_an_archive_to_an_alert(newcomer, receiver):
    made = newcomer.run(
        "-m", "common.data.synthetic", "--class", "inbound", "--rows", "4000", "--out", "."
    )
    assert made.returncode == 0, made.stderr
    sample, archive = newcomer.root / "synthetic_messages.csv", newcomer.root / "archive.zip"
    subprocess.run(["zip", "-q", "-j", archive, sample], check=True)
    page = (FOLDER / "kaggle.md").read_text()
    assert "https://example.com/hook" in page
    done = play(newcomer, page.replace("https://example.com/hook", receiver.url))
    codes = [ran.returncode for command, ran in done if "monitor.py" in command]
    assert codes == [0, 0, 2]
    test, alert = receiver.bodies
    assert "test" in json.dumps(test).lower()
    assert "CRITICAL" in json.dumps(alert)
    assert (newcomer.root / "report.html").exists()
    assert len(list((newcomer.root / "scored").glob("*.predictions.csv"))) == len(
        list((newcomer.root / "days").iterdir())
    )


def test_a_spreadsheet_in_another_language(newcomer):
    done = play(newcomer, (FOLDER / "another-language.md").read_text())
    trained = next(ran for command, ran in done if "train.py" in command)
    assert "the champion" in trained.stdout
    scored = (newcomer.root / "anfragen.predictions.csv").read_bytes().decode("cp1252")
    assert scored.startswith("Nummer;Eingang;Anfrage;Thema;prediction;")


def test_people_know_better_than_a_rule(newcomer):
    before, people, after = (FOLDER / "labels.md").read_text().partition("\nHow right is")
    play(newcomer, before)
    drawn = pd.read_csv(newcomer.root / "to_label.csv", dtype=str, keep_default_na=False)
    sample = pd.read_csv(newcomer.root / "data" / "synthetic_messages.csv", dtype=str)
    urgent = dict(zip(sample["tweet_id"], sample["urgency"] == "high", strict=True))
    drawn["label"] = ["critical" if urgent[number] else "normal" for number in drawn["tweet_id"]]
    drawn.to_csv(newcomer.root / "labelled.csv", index=False)
    done = play(newcomer, people + after)
    assert any("Verdict: new champion" in ran.stdout for _, ran in done)


@pytest.mark.slow
def test_a_promise_breaks_is_noticed_and_holds_again(newcomer):
    done = play(newcomer, (ROOT / "docs" / "loop.md").read_text())
    looks = [ran for command, ran in done if "monitor.py" in command]
    # Two days after the change at the latest.
    assert [look.returncode for look in looks] == [0, 2]
    assert "that nobody looked at are right, promised are 95 %: fewer beyond" in looks[1].stdout
    assert "route 1 --accuracy 0.95 --by-class billing:1" in looks[1].stdout
    assert any("Verdict: new champion" in ran.stdout for _, ran in done)
    days = pd.read_csv(newcomer.root / "loop.csv", index_col="day")
    right, automatic = days["of it right"], days["automatic"]
    assert (right[["2026-01-11", "2026-01-12"]] < 0.9).all()
    assert (right[["2026-01-13", "2026-01-14"]] > 0.94).all()
    assert right["2026-01-15":].mean() > 0.95
    assert automatic["2026-01-15":].min() > 0.5
    assert (newcomer.root / "loop.png").exists()


@pytest.mark.slow
def test_the_notebook_runs_from_top_to_bottom(newcomer):
    made = newcomer.run("-m", "common.data.synthetic", "--rows", "1500")
    assert made.returncode == 0, made.stderr
    notebook = nbformat.read(FOLDER / "explore.ipynb", as_version=4)
    assert not any(cell.get("outputs") for cell in notebook.cells)
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": newcomer.root}}).execute()
    shown = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    assert [output for output in shown if output.get("name") == "stderr"] == []
    assert sum("image/png" in output.get("data", {}) for output in shown) == 4
