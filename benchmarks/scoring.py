"""Measure predict.py from CSV to CSV: rows a second, and peak memory as the file grows.

Trains on the synthetic sample in a folder of its own, so that no registry is touched.

    python benchmarks/scoring.py
    python benchmarks/scoring.py --rows 10000 100000 1000000
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

from tabulate import tabulate

ROOT = Path(__file__).resolve().parent.parent
LIBRARIES = ("catboost", "scikit-learn", "pyarrow", "mlflow")


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, nargs="+", default=[10_000, 100_000])
    rows_asked = parser.parse_args().rows
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder, "project")
        shutil.copytree(ROOT / "common", project / "common")
        for script in ("train.py", "predict.py"):
            shutil.copy(ROOT / script, project)
        (project / "logs").mkdir()
        run(project, "train.py")
        table = [measure(project, rows) for rows in rows_asked]
    headers = ("rows", "end-to-end s", "rows/s", "scoring rows/s", "peak MB")
    versions = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    sys.stdout.write(tabulate(table, headers, intfmt=",", floatfmt=",.1f") + "\n\n")
    sys.stdout.write(f"{os.cpu_count()} cores, Python {platform.python_version()}, {versions}\n")
    return 0


def measure(project: Path, rows: int) -> tuple[int, float, float, float, float]:
    """Score a sample of `rows`: seconds and rates of the whole process, and its peak memory."""
    out = project / f"rows{rows}"
    run(project, "-m", "common.sample", "--rows", rows, "--out", out)
    script = (
        "import json, resource, subprocess, sys, time\n"
        "start = time.perf_counter()\n"
        "done = subprocess.run(sys.argv[1:], check=True, stdout=subprocess.PIPE)\n"
        "seconds = time.perf_counter() - start\n"
        "peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss\n"
        "rate = json.loads(done.stdout)['files'][0]['rows_per_second']\n"
        "print(json.dumps([seconds, rate, peak]))\n"
    )
    command = [sys.executable, "predict.py", str(out / "synthetic_messages.csv"), "--json"]
    answer = run(project, "-c", script, *command)
    seconds, rate, peak = json.loads(answer)
    shutil.rmtree(out)
    return rows, seconds, rows / seconds, rate, peak / 1024


def run(project: Path, *command: object) -> str:
    """Run `python <command>` in `project`; its progress goes to stderr."""
    return subprocess.run(
        [sys.executable, *map(str, command)],
        cwd=project,
        env=os.environ | {"MLFLOW_TRACKING_URI": ""},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    ).stdout


if __name__ == "__main__":
    sys.exit(main())
