"""The structure that docs/architecture.md promises is the one that the code has."""

import ast
import re
import subprocess
import sys
from graphlib import TopologicalSorter

import pytest
from conftest import ROOT

COMMON = ROOT / "common"
SCRIPTS = ("train.py", "predict.py", "monitor.py")
ROW = re.compile(r"^\| `([\w.]+)` \|[^|]+\|([^|]*)\|$", re.MULTILINE)


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


def imported_of_ours(path):
    return {
        name.removeprefix("common.")
        for name in imported(path)
        if name.startswith("common.") and name.removeprefix("common.") in MODULES
    }


def documented():
    text = (ROOT / "docs" / "architecture.md").read_text()
    return {name: set(re.findall(r"`([\w.]+)`", cell)) for name, cell in ROW.findall(text)}


def test_the_import_table_is_what_the_code_does():
    with_code = {name: path for name, path in MODULES.items() if path.name != "__init__.py"}
    assert documented() == {name: imported_of_ours(path) for name, path in with_code.items()}


def test_imports_have_no_cycle():
    order = list(TopologicalSorter(documented()).static_order())
    assert set(order) >= set(documented())


@pytest.mark.parametrize("name", [name for name in MODULES if not name.startswith("registry")])
def test_the_registry_alone_talks_to_mlflow(name):
    assert not {other for other in imported(MODULES[name]) if other.split(".")[0] == "mlflow"}


def test_nothing_of_ours_imports_a_script():
    scripts = {script.removesuffix(".py") for script in SCRIPTS}
    assert not {name for name, path in MODULES.items() if imported(path) & scripts}


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_script_stays_a_table_of_contents(script):
    assert len((ROOT / script).read_text().splitlines()) <= 110


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
    names = [name for name in MODULES if name]
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
