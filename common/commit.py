"""Which commit of the project a result was made with."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path


def git_commit(root: Path) -> str:
    """The commit the project is at, with `-dirty` if files differ from it.

    TRIAGE_COMMIT where that is set: an image has no git. "unknown" outside of a git checkout.
    """
    if commit := os.environ.get("TRIAGE_COMMIT"):
        return commit
    try:
        described = subprocess.run(
            ["git", "-C", root, "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"],
            capture_output=True,
            text=True,
            timeout=10,
        )
    except (OSError, subprocess.TimeoutExpired):
        return "unknown"
    return described.stdout.strip() if described.returncode == 0 else "unknown"
