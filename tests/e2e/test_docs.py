"""What the documents tell people to type does what they say."""

import re
import sqlite3
import subprocess
import zipfile
from contextlib import closing

import pandas as pd
import pytest
from helpers import ROOT, clean_environment, copy_project, link_environment

from common.data.synthetic.origin import BRANDS

DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
# Tutorials are played from top to bottom by test_tutorials.py.
WITH_TUTORIALS = [*DOCUMENTS, *sorted((ROOT / "docs" / "tutorials").glob("*.md"))]
# Commands that ask servers, which tests of their own start (e2e/serving, e2e/flows), or a cluster;
# and a story, which test_tutorials.py plays.
OF_OTHERS = {"serving.md", "orchestration.md", "kubernetes.md", "loop.md"}


def blocks(language):
    pattern = re.compile(rf"^```{language}\n(.*?)^```", re.MULTILINE | re.DOTALL)
    documents = [path for path in DOCUMENTS if path.name not in OF_OTHERS]
    return [block for path in documents for block in pattern.findall(path.read_text())]


@pytest.fixture(scope="module")
def newcomer(tmp_path_factory):
    """A project as a newcomer has it after `make train`, with twcs.csv and labelled.csv in it."""
    project = copy_project(tmp_path_factory.mktemp("newcomer") / "project")
    link_environment(project)
    assert project.run("train.py", timeout=600).returncode == 0
    flags = ("--class", "inbound", "--rows", "3000", "--out", "more")
    # What is looked at later are other messages than those that the champion is fitted on.
    for name, seed in (("twcs.csv", "7"), ("labelled.csv", "8")):
        made = project.run("-m", "common.data.synthetic", *flags, "--seed", seed)
        assert made.returncode == 0, made.stderr
        text = (project.root / "more" / "synthetic_messages.csv").read_text()
        for number, brand in enumerate(BRANDS):  # whoever writes for ours is known as synthetic
            text = text.replace(brand, f"brand_{number}")
        (project.root / name).write_text(text)
    return project


@pytest.fixture(scope="module")
def with_own_champion(newcomer):
    """The same, where the messages of twcs.csv have the champion."""
    trained = newcomer.run("train.py", "--data", "twcs.csv")
    assert trained.returncode == 0, trained.stderr
    return newcomer


def shell(project, command):
    return subprocess.run(
        ["bash", "-ec", command],
        cwd=project.root,
        env=clean_environment(),
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize("block", [b for b in blocks("bash") if not b.startswith("make ")])
def test_commands_run(newcomer, block):
    done = shell(newcomer, block)
    assert done.returncode == 0, done.stderr


# Commands that need what a test has not: a cluster, a bucket, an hour; forgetting for good has
# tests of its own.
ELSEWHERE = re.compile(
    r"git clone|registry ui|bin/triage|bin/mlflow|forget .*--yes|s3://|HOST|spark|^make |"
    r"-m benchmarks|-m pip|^for |^done$|--rows 125000|zendesk|registry adopt|"
    # tests/e2e/test_labelling.py has queues that people fill in
    r"common\.labelling|"
    # tests/images has the services that these are for
    # tests/e2e/test_targets.py has several targets
    r"topic,sentiment|triage\.topic|"
    r"docker|^export TRIAGE_MESSAGES|^sudo|^mkdir -p backup|^cp -r deploy|^git pull|^umask"
)


@pytest.fixture(scope="module")
def veteran(with_own_champion):
    """The same after some weeks: a challenger, days of messages, predictions, labels of later."""
    newcomer, root = with_own_champion, with_own_champion.root
    assert newcomer.run("predict.py", "labelled.csv", "-o", "scored.csv").returncode == 0
    messages = pd.read_csv(root / "labelled.csv", dtype=str, keep_default_na=False)
    messages.drop(columns="inbound").to_csv(root / "new.csv", index=False)
    messages[["tweet_id", "inbound"]].to_csv(root / "labels.csv", index=False)
    for folder in ("scored", "reports"):
        (root / folder).mkdir(exist_ok=True)
    (root / "messages.txt").write_text("where is my order?\n")
    for folder in ("days", "history", "labels", "parts"):
        (root / folder).mkdir()
        for day in range(2):
            path = root / folder / f"2026-03-0{day + 1}.csv"
            messages.iloc[day * 500 : day * 500 + 500].to_csv(path, index=False)
    tickets = messages.rename(columns={"text": "message", "inbound": "topic"})
    tickets.to_csv(root / "tickets.csv", index=False)
    with zipfile.ZipFile(root / "archive.zip", "w") as archive:
        archive.write(root / "twcs.csv", "twcs/twcs.csv")
    with closing(sqlite3.connect(root / "desk.db")) as desk:
        tickets.to_sql("tickets", desk)
    (root / "tickets.sql").write_text("SELECT * FROM tickets")
    (root / ".env").write_text(f"SOURCE_URL=sqlite:///{root}/desk.db\n")
    return newcomer


@pytest.mark.parametrize("block", blocks("console"))
def test_commands_shown_run_too(veteran, block):
    for command in block.replace("\\\n", " ").splitlines():
        if ELSEWHERE.search(command):
            continue
        assert command.startswith(".venv/bin/python "), command
        done = shell(veteran, command)
        judged = range(3) if "monitor.py" in command else [0]
        assert done.returncode in judged, f"{command}\n{done.stderr}"


def test_python_from_top_to_bottom(with_own_champion, tmp_path):
    """In one process and in another directory, as in a notebook."""
    newcomer = with_own_champion
    code = "\n".join(blocks("python")).replace("/srv/triage-trio", str(newcomer.root))
    (tmp_path / "twcs.csv").write_bytes((newcomer.root / "twcs.csv").read_bytes())
    done = newcomer.run("-c", code, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "majority class" in done.stdout or "champion" in done.stdout
    assert "because" in done.stdout
    assert "OK: triage" in done.stdout
    assert re.search(r"^OK 0\.\d+$", done.stdout, re.MULTILINE)
    left = sorted(path.name for path in tmp_path.iterdir())
    assert left == ["scored.parquet", "scored.parquet.manifest.json", "twcs.csv"]


def test_make_targets_exist():
    targets = re.findall(
        r"\bmake ([a-z-]+)", "\n".join(path.read_text() for path in WITH_TUTORIALS)
    )
    assert {"train", "test"} <= set(targets)
    for target in targets:
        done = subprocess.run(["make", "-n", target], cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr


def test_the_cron_line_runs(with_own_champion):
    newcomer = with_own_champion
    (line,) = set(blocks("cron"))
    command = re.sub(r"^(\S+ ){5} *", "", line).replace("/srv/triage-trio", str(newcomer.root))
    # Blocks before it may have opened incidents.
    (newcomer.root / "monitor.db").unlink(missing_ok=True)
    done = shell(newcomer, command)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (newcomer.root / "logs" / "monitor.jsonl").read_text().count("\n") == 1


def test_links_between_documents_lead_somewhere():
    for path in WITH_TUTORIALS:
        for link in re.findall(r"\]\(([^)]+)\)", path.read_text()):
            if "://" not in link:
                assert (path.parent / link.partition("#")[0]).exists(), f"{path.name}: {link}"


def test_files_that_documents_name_are_there():
    for path in WITH_TUTORIALS:
        for name in re.findall(r"`((?:tests|common|docs)/[a-z_0-9/.]+)`", path.read_text()):
            assert (ROOT / name).exists(), f"{path.name}: {name}"


@pytest.mark.parametrize("script", ["train.py", "predict.py", "monitor.py"])
def test_the_examples_in_help_are_valid_command_lines(script, newcomer):
    shown = newcomer.run(script, "--help").stdout
    examples = re.findall(rf"^    (?:\w+=\S+ )?python {script}(.*)$", shown, re.MULTILINE)
    assert len(examples) >= 3
    for example in examples:
        code = f"import {script[:-3]} as s; s.build_parser().parse_args({example.split()!r})"
        done = newcomer.run("-c", code)
        assert done.returncode == 0, done.stderr
