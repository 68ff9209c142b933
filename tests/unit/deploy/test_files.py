"""What is in deploy/ passes the linters of those who made the formats."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from helpers import ROOT

BIN = Path(sys.executable).parent


def passes(*command, cwd=ROOT):
    done = subprocess.run(
        [str(word) for word in command], cwd=cwd, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_dockerfiles_are_clean():
    # Both images end as an ordinary user; to add to the first one takes root in between.
    passes(BIN / "hadolint", "deploy/Dockerfile", "deploy/schedule.Dockerfile")
    # A stand-in for tests takes the newest PostgreSQL of Debian, whose user is called so.
    ignored = ("--ignore", "DL3008", "--ignore", "DL3066")
    passes(BIN / "hadolint", *ignored, "tests/images/postgres.Dockerfile")


def test_the_compose_file_is_valid():
    passes(
        BIN / "check-jsonschema", "--builtin-schema", "vendor.compose-spec", "deploy/compose.yaml"
    )


def test_every_service_is_limited_hardened_and_on_loopback():
    services = yaml.safe_load((ROOT / "deploy/compose.yaml").read_text())["services"]
    for name, service in services.items():
        assert "mem_limit" in service, name
        assert "healthcheck" in service or name == "serve", name  # serve has that of its image
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", [])), name
        if name != "postgres":
            assert service["read_only"] is True, name
            assert service["cap_drop"] == ["ALL"], name


@pytest.mark.parametrize("overlay", ["minikube", "production"])
def test_the_manifests_are_valid(overlay, tmp_path):
    if not shutil.which("kubectl"):
        pytest.skip("there is no kubectl")
    shutil.copytree(ROOT / "deploy/k8s", tmp_path / "k8s")
    folder = tmp_path / "k8s/overlays" / overlay
    (folder / "tokens").write_text("page classify 0123456789abcdef0123456789abcdef\n")
    rendered = tmp_path / "rendered.yaml"
    rendered.write_text(passes("kubectl", "kustomize", folder))
    passes(BIN / "kubernetes-validate", "--strict", rendered)
    for found in yaml.safe_load_all(rendered.read_text()):
        if found["kind"] in ("Deployment", "CronJob"):
            spec = found["spec"]
            pod = spec.get("jobTemplate", {}).get("spec", spec)["template"]["spec"]
            assert pod["automountServiceAccountToken"] is False
            assert pod["securityContext"]["runAsNonRoot"] is True
            (container,) = pod["containers"]
            assert container["securityContext"]["readOnlyRootFilesystem"] is True
            assert "memory" in container["resources"]["limits"]


def test_an_image_takes_what_the_lock_files_name_and_nothing_else():
    text = (ROOT / "deploy/Dockerfile").read_text()
    installed = set(re.findall(r"-r /locks/(\S+)", text))
    (copied,) = re.findall(r"^COPY (requirements\.lock .*) /locks/$", text, re.M)
    assert installed == set(copied.split())
    assert "--require-hashes" in text
