"""Requests that nobody thought of: no failure, and no answer that the schema does not know."""

import re
import subprocess
import sys

from helpers import clean_environment

HOOKS = """
import json
import schemathesis

def lines(context, value):
    rows = value if isinstance(value, list) else [value]
    return "".join(json.dumps(row) + chr(10) for row in rows).encode()

for kind in ("application/jsonlines", "application/x-ndjson"):
    schemathesis.serializer(kind)(lines)
"""


def test_schemathesis_finds_nothing(server, tmp_path):
    (tmp_path / "hooks.py").write_text(HOOKS)
    done = subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli", "run"),
            f"{server.address}/openapi.json",
            *("--checks", "not_a_server_error,status_code_conformance,content_type_conformance"),
            *("--phases", "examples,coverage,fuzzing", "--max-examples", "25"),
            *("--seed", "1", "--workers", "1", "--no-color"),
        ],
        cwd=tmp_path,
        env=clean_environment() | {"SCHEMATHESIS_HOOKS": "hooks", "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout[-6000:]
    assert int(re.search(r"(\d+) generated", done.stdout)[1]) > 300
    assert "Unforeseen" not in (server.project.root / "serving.err").read_text()
