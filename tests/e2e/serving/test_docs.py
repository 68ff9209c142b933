"""The commands of docs/serving.md, asked of a real server."""

import re
import subprocess

import pytest
from helpers import ROOT, clean_environment, copy_project
from serving_helpers import served

DOCUMENT = (ROOT / "docs" / "serving.md").read_text()


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", DOCUMENT, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def of_sample(tmp_path_factory):
    """The server as `make serve` starts it, which keeps what it answers."""
    project = copy_project(tmp_path_factory.mktemp("serve") / "project")
    trained = project.run("train.py", timeout=600)
    assert trained.returncode == 0, trained.stderr
    with served(project, "--serve-capture", "text") as server:
        yield server


@pytest.mark.parametrize("block", blocks("bash"))
def test_commands_get_an_answer(of_sample, block):
    command = block.replace("http://127.0.0.1:8000", of_sample.address)
    done = subprocess.run(
        ["bash", "-ec", command],
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout
    assert "about:blank" not in done.stdout


@pytest.mark.parametrize("block", blocks("python"))
def test_python_gets_an_answer(of_sample, block):
    code = block.replace("http://127.0.0.1:8000", of_sample.address)
    done = of_sample.project.run("-c", code)
    assert done.returncode == 0, done.stderr


def test_the_monitor_reads_labels_and_kept_messages(of_sample):
    texts = [f"where is my order {n}?" for n in range(40)]
    answer = of_sample.post("/api/classify", json={"messages": texts}).json()
    for index, text in enumerate(texts):
        about = {"request_id": answer["request_id"], "index": index}
        given = {"text": text, "label": "delivery", **about}
        assert of_sample.post("/api/feedback", json=given).status_code == 201
    commands = [line for block in blocks("console") for line in block.splitlines()]
    of_monitor = [line.split()[1:] for line in commands if "monitor.py" in line]
    assert len(of_monitor) == 2
    for command in of_monitor:
        done = of_sample.project.run(*command)
        assert done.returncode in (0, 1, 2), done.stderr


def test_flags_shown_are_flags(of_sample):
    shown = set(re.findall(r"--serve-[a-z-]+|SERVE_[A-Z_]+", DOCUMENT))
    known = of_sample.project.run("-m", "serving", "--help").stdout
    named = {"--" + name.lower().replace("_", "-") for name in shown if name.startswith("SERVE")}
    assert {name for name in shown | named if name.startswith("--")} <= set(
        re.findall(r"--serve-[a-z-]+", known)
    ) | {"--serve-"}
