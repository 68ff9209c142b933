"""What import-linter can't check: scripts are not packages."""

import ast
import subprocess
import sys

from helpers import ROOT

COMMON = ROOT / "common"
SCRIPTS = ("train.py", "predict.py", "monitor.py")


def module_name(path):
    parts = path.relative_to(COMMON).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


MODULES = {module_name(path): path for path in sorted(COMMON.rglob("*.py"))}


def imported(path):
    """Absolute names of all modules that a file imports, wherever in the file."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                is_module = full.removeprefix("common.") in MODULES
                names.add(full if is_module else node.module)
    return names


def test_nothing_of_ours_imports_a_script():
    scripts = {script.removesuffix(".py") for script in SCRIPTS}
    assert not {name for name, path in MODULES.items() if imported(path) & scripts}


def test_importing_leaves_no_trace_and_scripts_load_no_heavy_library(tmp_path):
    code = """
import logging, sys
import train, predict, monitor
loaded = {name.split(".")[0] for name in sys.modules}
print(loaded & {"mlflow", "sklearn", "catboost", "pandas", "numpy", "nltk", "pyarrow", "requests"})
for name in sys.argv[1:]:
    __import__(f"common.{name}")
assert not logging.getLogger().handlers
"""
    # A program that runs in a process of its own, and needs an extra.
    names = [name for name in MODULES if name not in ("", "data.connectors.website_spider")]
    done = subprocess.run(
        [sys.executable, "-B", "-c", code, *names],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "HOME": str(tmp_path), "MLFLOW_DISABLE_TELEMETRY": "true"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "set()\n"
    assert not [
        path for path in tmp_path.rglob("*") if path.is_file() and ".cache" not in path.parts
    ]
