"""The image does everything without network, capabilities and a file system to write to."""

import json

import podman
import pytest
from podman import HARDENED, hardened, is_healthy, wait_for

pytestmark = pytest.mark.images
VOLUMES = ("--volume", "triage-test-state:/state", "--volume", "triage-test-data:/data")


@pytest.fixture(scope="module")
def trained(image):
    """Volumes with 1,500 messages and a champion."""
    podman.podman("volume", "rm", "--force", "triage-test-state", "triage-test-data", check=False)
    hardened(*VOLUMES, image, "sample", "--rows", 1500, "--class", "inbound", "--out", "/data")
    done = hardened(*VOLUMES, image, "train", "--data", "synthetic_messages.csv", "--json")
    yield json.loads(done.stdout)
    podman.podman("volume", "rm", "--force", "triage-test-state", "triage-test-data")


def test_help_is_what_it_says_without_a_command(image):
    done = hardened(image)
    assert "triage COMMAND" in done.stdout
    assert "The project's folder is /state" in done.stdout


def test_a_model_is_trained_promoted_and_known_by_its_commit(trained, image):
    assert trained["promoted"] is True
    shown = json.loads(hardened(*VOLUMES, image, "registry", "show", "--json").stdout)
    assert shown["champion"] is True
    assert shown["tags"]["git_commit"] == "test"
    assert len(shown["tags"]["lock_sha256"]) == 64


def test_messages_are_scored_and_monitored(trained, image):
    files = ("synthetic_messages.csv", "-o", "scored.csv")
    scored = json.loads(hardened(*VOLUMES, image, "predict", *files, "--json").stdout)
    assert scored["total"]["rows"]["read"] == 1500
    hardened(*VOLUMES, "--entrypoint", "test", image, "-s", "/data/scored.csv")
    flags = ("--data", "synthetic_messages.csv", "--report", "/state/report.html")
    looked = hardened(*VOLUMES, image, "monitor", *flags, check=False)
    assert looked.returncode in (0, 1, 2), looked.stderr
    hardened(*VOLUMES, "--entrypoint", "test", image, "-s", "/state/report.html")


def test_the_champion_answers_and_the_health_check_knows(trained, image):
    started = podman.podman(
        *("run", "--detach", *HARDENED, *VOLUMES, "--env", "SERVE_PORT=8123"),
        *(image, "serve", "--serve-drain", "0"),
    )
    name = started.stdout.strip()
    try:
        assert not is_healthy(name)  # its model is being loaded
        wait_for(lambda: is_healthy(name), "the server")
        ask = "import urllib.request as r; print(r.urlopen(r.Request("
        ask += "'http://127.0.0.1:8123/api/classify', b'{\"messages\": [\"where is it?\"]}', "
        ask += "{'content-type': 'application/json'})).read().decode())"
        answer = json.loads(podman.podman("exec", name, "python", "-c", ask).stdout)
        assert json.dumps(answer).count("confidence") == 1
    finally:
        stopped = podman.podman("stop", "--time", "20", name)
    assert "SIGKILL" not in stopped.stderr  # it ends by itself when it is asked to


def test_a_job_is_healthy_as_long_as_it_runs(image):
    job = podman.podman("run", "--detach", *HARDENED, "--entrypoint", "sleep", image, 60)
    assert is_healthy(job.stdout.strip())
    podman.podman("kill", job.stdout.strip())


def test_nobody_in_it_is_root_or_can_build_or_install(image):
    for tool in ("gcc", "cc", "make", "git", "curl"):
        found = hardened("--entrypoint", "which", image, tool, check=False)
        assert found.returncode != 0, tool
    code = "import os; print(os.getuid(), os.getgid(), os.access('/app/train.py', os.W_OK))"
    assert hardened("--entrypoint", "python", image, "-c", code).stdout.split() == [
        *("10001", "10001", "False")
    ]
    assert hardened("--entrypoint", "python", image, "-m", "pip", check=False).returncode != 0


def test_it_holds_no_packages_of_tests_and_no_more_than_it_says(image):
    find = ("find", "/opt/venv", "-path", "*/tests/test_*.py", "-not", "-path", "*/mlflow/*")
    assert hardened("--entrypoint", find[0], image, *find[1:]).stdout == ""
    size = int(podman.podman("image", "inspect", "--format", "{{.Size}}", image).stdout)
    assert size < 1.45e9
