"""deploy/compose.yaml from nothing to a champion that answers, is backed up, lost and restored."""

import json
import re
import shutil
import sys
import urllib.request
from pathlib import Path

import podman
import pytest
from before import BEFORE, project_of
from helpers import ROOT
from podman import compose, is_healthy, wait_for

pytestmark = pytest.mark.images
SERVICES = ("postgres", "mlflow", "serve")
# Ports that no other test takes.
PORTS = {"MLFLOW_PORT": "15500", "SERVE_PORT": "18800"}


class Stack:
    """The services of a copy of deploy/, so that secrets of a checkout are not touched."""

    def __init__(self, folder):
        self.file = folder / "compose.yaml"
        self.secret = (folder / "secrets" / "postgres_password").read_text().strip()
        self.token = (folder / "secrets" / "serve_tokens").read_text().split()[2]

    def compose(self, *words, **how):
        return compose(*words, file=self.file, **PORTS, **how)

    def job(self, *words, **how):
        return self.compose("--profile", "jobs", "run", "--rm", "-T", *words, **how)

    def up(self):
        self.compose("up", "-d", "--no-build")
        # This podman does not wait for the health of others; what comes too early starts again.
        wait_for(lambda: is_healthy("triage-trio_mlflow_1"), "MLflow")

    def remove(self):
        """Remove it with all that it kept, also what a test that was stopped has left."""
        named = ("--all", "--quiet", "--filter", "name=triage-trio_")
        for container in podman.podman("ps", *named).stdout.split():
            podman.podman("rm", "--force", "--depend", container, check=False)
        both = ("--profile", "jobs", "--profile", "schedule")
        self.compose(*both, "down", "--volumes", check=False)

    def documented(self, heading):
        """Run the commands below a heading of docs/production.md, as they stand there."""
        text = (ROOT / "docs/production.md").read_text()
        section = text.split(f"### {heading}\n")[1].split("\n##")[0]
        commands = "".join(re.findall(r"^```console\n(.*?)^```", section, re.MULTILINE | re.DOTALL))
        tool = Path(sys.executable).with_name("podman-compose")
        # Docker's own compose runs a service of any profile.
        docker = 'docker() { shift; case " $* " in *" run "*) set -- --profile jobs "$@";; esac; '
        docker += f'"{tool}" --no-ansi "$@"; }}\n'
        script = commands.replace("git pull\n", "").replace(" --build", " --no-build")
        names = {"TRIAGE_IMAGE": podman.IMAGE, "POSTGRES_IMAGE": podman.POSTGRES}
        where = f"cd {self.file.parent.parent}\n"
        return podman.run("bash", "-ec", where + docker + script, timeout=600, **names, **PORTS)

    def ask(self, path, body=None, token=None):
        headers = {"content-type": "application/json", "authorization": f"Bearer {token}"}
        data = None if body is None else json.dumps(body).encode()
        url = f"http://127.0.0.1:{PORTS['SERVE_PORT']}{path}"
        request = urllib.request.Request(url, data, headers if token else {})
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read())


@pytest.fixture(scope="module")
def stack(image, tmp_path_factory):
    folder = tmp_path_factory.mktemp("project")
    shutil.copytree(ROOT / "deploy", folder / "deploy", ignore=shutil.ignore_patterns("secrets"))
    shutil.copy(ROOT / "Makefile", folder)
    podman.run("make", "-C", folder, "secrets")
    made = Stack(folder / "deploy")
    made.remove()
    made.up()
    yield made
    made.remove()


@pytest.fixture(scope="module")
def champion(stack):
    """What train says, once the server has found its champion."""
    stack.job("train", "sample", "--rows", "1500", "--class", "inbound", "--out", "/data")
    done = stack.job("train", "train", "--data", "synthetic_messages.csv", "--json")
    wait_for(lambda: is_healthy("triage-trio_serve_1"), "the server")
    return json.loads(done.stdout.splitlines()[-1])


def test_the_trio_works_over_postgresql(stack, champion):
    assert champion["promoted"] is True
    scored = stack.job("predict", "predict", "synthetic_messages.csv", "-o", "scored.csv", "--json")
    assert json.loads(scored.stdout.splitlines()[-1])["total"]["rows"]["read"] == 1500
    looked = stack.job("monitor", "monitor", "--data", "synthetic_messages.csv", check=False)
    assert looked.returncode in (0, 1, 2), looked.stderr


def test_the_server_answers_those_with_a_token(stack, champion):
    messages = {"messages": ["where is my order?"]}
    with pytest.raises(urllib.error.HTTPError, match="401"):
        stack.ask("/api/classify", messages)
    answer = stack.ask("/api/classify", messages, stack.token)
    assert json.dumps(answer).count("confidence") == 1


def test_the_password_shows_neither_in_processes_nor_in_settings(stack, champion):
    shown = [
        podman.podman("inspect", *(f"triage-trio_{name}_1" for name in SERVICES)).stdout,
        podman.podman("top", "triage-trio_mlflow_1", "args").stdout,
        podman.podman("logs", "triage-trio_mlflow_1").stderr,
        podman.podman("logs", "triage-trio_mlflow_1").stdout,
    ]
    assert not any(stack.secret in text or stack.token in text for text in shown)


def test_all_is_there_after_a_restart(stack, champion):
    before = stack.job("train", "registry", "list", "--json").stdout.splitlines()[-1]
    stack.compose("down")
    stack.up()
    assert stack.job("train", "registry", "list", "--json").stdout.splitlines()[-1] == before


def test_a_registry_of_the_version_before_goes_on(stack, champion, tmp_path):
    before = project_of(BEFORE, tmp_path / "before")
    uri = f"http://127.0.0.1:{PORTS['MLFLOW_PORT']}"
    settings = {"MLFLOW_TRACKING_URI": uri, "MODEL_NAME": "older"}
    sample = ("--rows", 1500, "--class", "inbound", "--out", tmp_path)
    podman.run(sys.executable, "-m", "common.data.synthetic", *sample, cwd=ROOT)
    trained = before.run("train.py", "--data", tmp_path / "synthetic_messages.csv", **settings)
    assert trained.returncode == 0, trained.stderr
    name = ("-e", "MODEL_NAME=older")
    versions = json.loads(
        stack.job(*name, "train", "registry", "list", "--json").stdout.splitlines()[-1]
    )
    assert "champion" in versions[0]["aliases"]
    flags = ("synthetic_messages.csv", "-o", "older.csv", "--json")
    scored = stack.job(*name, "predict", "predict", *flags)
    assert json.loads(scored.stdout.splitlines()[-1])["total"]["rows"]["read"] == 1500


def test_the_schedule_trains_scores_and_looks_when_it_is_told_to(stack, champion, schedule_image):
    shell = ("run", "--rm", "-T", "--entrypoint", "sh", "predict", "-c")
    made = "cd /data && mkdir -p incoming && cp synthetic_messages.csv incoming/"
    made += " && cp synthetic_messages.csv labelled.csv"
    stack.compose("--profile", "jobs", *shell, made)
    stack.compose("--profile", "schedule", "up", "-d", "--no-build", "prefect", "schedule")
    login = (stack.file.parent / "secrets/prefect_login").read_text().strip()
    prefect = ("exec", "-e", f"PREFECT_API_AUTH_STRING={login}", "-e", "PREFECT_HOME=/tmp/p")
    prefect += ("-e", "PREFECT_API_URL=http://prefect:4200/api")
    run = ("triage-trio_schedule_1", "/opt/flows/bin/prefect", "deployment", "run", "--watch")

    def pipeline_is_there():
        known = (*prefect, "triage-trio_schedule_1", "/opt/flows/bin/prefect", "deployment", "ls")
        return "pipeline/triage" in podman.podman(*known, check=False).stdout

    wait_for(pipeline_is_there, "the flows", 240)
    stranger = [word for word in prefect if "AUTH_STRING" not in word or word == "-e"]
    stranger.remove("-e")
    refused = podman.podman(*stranger, *run, "pipeline/triage", check=False)
    assert "Unauthorized" in refused.stdout + refused.stderr
    done = podman.podman(*prefect, *run, "pipeline/triage", timeout=600, check=False)
    assert "Completed" in done.stdout + done.stderr, done.stdout + done.stderr
    assert len(json.loads(stack.job("train", "registry", "list", "--json").stdout)) >= 2


def test_what_was_lost_is_restored_from_the_backup(stack, champion):
    listing = ("train", "registry", "list", "--json")
    question = ("/api/classify", {"messages": ["where is my order?", "thank you"]}, stack.token)
    before = stack.job(*listing).stdout.splitlines()[-1], stack.ask(*question)["answers"]
    stack.documented("Back up")
    stack.remove()
    stack.documented("Restore")
    wait_for(lambda: is_healthy("triage-trio_mlflow_1"), "MLflow")
    wait_for(lambda: is_healthy("triage-trio_serve_1"), "the server")
    after = stack.job(*listing).stdout.splitlines()[-1], stack.ask(*question)["answers"]
    assert after == before


def test_the_database_is_upgraded_as_documented(stack, champion):
    stack.documented("Upgrade")
    wait_for(lambda: is_healthy("triage-trio_mlflow_1"), "MLflow")
    assert json.loads(stack.job("train", "registry", "list", "--json").stdout.splitlines()[-1])
