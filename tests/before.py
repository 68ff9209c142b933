"""The project as it was before, out of the repository's history, and its upgrade in place."""

from __future__ import annotations

import io
import shutil
import subprocess
import tarfile
from pathlib import Path

from helpers import ROOT, SCRIPTS, Project

# The last version with flat modules in common/; its models share a cache between threads.
BEFORE = "abb5738cb829d843d237a8c8110f8e7986c835aa"


def project_of(commit: str, target: Path) -> Project:
    """The scripts of a commit in a folder of their own; needs the repository's whole history."""
    done = subprocess.run(
        ["git", "-C", ROOT, "archive", commit, "common", *SCRIPTS, ".env.example"],
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, f"{done.stderr.decode()} (a shallow clone? git fetch --unshallow)"
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
        # Older patch releases of Python 3.11 have no filters.
        archive.extraction_filter = getattr(tarfile, "data_filter", lambda member, path: member)
        archive.extractall(target)
    (target / "logs").mkdir()
    return Project(target)


def upgrade(project: Project) -> None:
    """Replace the code by that of today; everything else stays as the version before left it."""
    shutil.rmtree(project.root / "common")
    ignored = shutil.ignore_patterns("__pycache__")
    for package in ("common", "serving"):
        shutil.copytree(ROOT / package, project.root / package, ignore=ignored)
    for name in SCRIPTS:
        shutil.copy(ROOT / name, project.root / name)
