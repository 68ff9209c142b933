"""What is installed is pinned; workflows take nothing that can change under them."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from helpers import ROOT
from packaging.requirements import Requirement
from packaging.version import Version

BIN = Path(sys.executable).parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]
ENTRY = re.compile(r"^([a-z0-9][\w.-]*)==([^\s;\\]+)", re.MULTILINE)
# These solve alone: no test uses them, or they are too large for all who run tests.
ALONE = {"apprise", "bench", "neural", "transformer"}


def pins(name):
    """Package -> its versions, one for each range of Python."""
    found = {}
    for package, version in ENTRY.findall((ROOT / name).read_text()):
        found.setdefault(package, set()).add(Version(version))
    return found


def lock_of(extra):
    return f"requirements-{extra}.lock"


@pytest.mark.parametrize("extra", ["", *EXTRAS])
def test_lock_files_have_what_the_project_asks_for(extra):
    asked = map(Requirement, EXTRAS[extra] if extra else PROJECT["dependencies"])
    pinned = pins("requirements.lock") | (pins(lock_of(extra)) if extra else {})
    for requirement in asked:
        versions = pinned[requirement.name.lower().replace("_", "-")]
        assert all(version in requirement.specifier for version in versions), requirement


@pytest.mark.parametrize("extra", sorted({*EXTRAS, ""} - {"dev", *ALONE}))
def test_lock_files_agree_with_each_other(extra):
    everything = pins("requirements-dev.lock")
    mine = pins(lock_of(extra) if extra else "requirements.lock")
    assert {name: everything[name] for name in mine} == mine


def test_every_pin_has_a_hash_and_no_lock_file_an_address():
    for path in ROOT.glob("**/*.lock"):
        if ".venv" not in path.parts[len(ROOT.parts)]:
            text = path.read_text()
            hashed = re.findall(r"^[a-z0-9].*\\\n +--hash=sha256:", text, re.MULTILINE)
            assert len(hashed) == len(ENTRY.findall(text)), path
            assert "://" not in text, path


def test_workflows_are_clean():
    checks = (
        ("zizmor", "--offline", "--no-progress", ".github"),
        ("check-jsonschema", "--builtin-schema", "vendor.dependabot", ".github/dependabot.yml"),
        (
            *("check-jsonschema", "--builtin-schema", "vendor.github-workflows"),
            *sorted((ROOT / ".github/workflows").glob("*.yml")),
        ),
    )
    for tool, *words in checks:
        done = subprocess.run([BIN / tool, *words], cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


def test_actions_are_named_by_their_content():
    for path in (ROOT / ".github/workflows").glob("*.yml"):
        for action in re.findall(r"uses: (.*)", path.read_text()):
            pinned = re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v[\d.]+", action)
            assert pinned or action.startswith("$/"), action  # or a file of this repository


def test_no_workflow_waits_for_the_one_that_calls_it():
    # In a workflow that is called, github.workflow is the caller's: GitHub ends both as a deadlock.
    groups = [
        yaml.safe_load(path.read_text())["concurrency"]["group"]
        for path in (ROOT / ".github/workflows").glob("*.yml")
    ]
    assert len(groups) == len({group.partition("-")[0] for group in groups}) == 2
    assert not any(group.startswith("$") for group in groups)


def test_every_extra_is_installed_by_ci_and_renewed_by_make():
    text = (ROOT / ".github/workflows/ci.yml").read_text()
    (listed,) = re.findall(r"extra: \[(.*)\]", text)
    assert set(listed.split(", ")) == set(EXTRAS) - {"dev"}
    (renewed,) = re.findall(r"^EXTRAS := (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert set(renewed.split()) == set(EXTRAS)
