"""Vectors of the user's go from the command line into a model that travels without their file."""

import csv
import subprocess
import sys
import sysconfig

import pytest
from helpers import clean_environment, copy_project, write_two_class_sample

ENCODER = """
import numpy as np

def encode(texts):
    return np.array([[len(text), text.count("!"), text.count("sorry")] for text in texts])
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    project = copy_project(tmp_path_factory.mktemp("embeddings") / "project")
    write_two_class_sample(project, rows=1200)
    return project


def test_a_file_of_word_vectors_is_needed_no_more_once_a_model_is_fitted(project):
    path = project.root / "words.vec"
    path.write_text("4 3\nsorry 1 0 0.5\nthanks 0.8 0.1 0\nyour 0.2 1 0.1\norder 0 0.3 1\n")
    done = project.run("train.py", "--embeddings", "words.vec", "--model-name", "vectors")
    assert done.returncode == 0, done.stderr
    assert "Embeddings words.vec are used, as EMBEDDINGS says: log loss" in done.stdout
    again = project.run("train.py", "--reproduce", "1", "--model-name", "vectors")
    assert (again.returncode, "identical" in again.stdout) == (0, True), again.stderr
    path.unlink()
    score = ("predict.py", project.sample, "--model-name", "vectors", "--explain", "-o", "out.csv")
    scored = project.run(*score)
    assert scored.returncode == 0, scored.stderr
    with (project.root / "out.csv").open(newline="") as file:
        assert any(row["because"] for row in csv.DictReader(file))
    gone = project.run("train.py", "--reproduce", "1", "--model-name", "vectors")
    assert gone.returncode == 3
    assert "words.vec" in gone.stderr.splitlines()[-1]


@pytest.fixture
def python(tmp_path):
    """A Python with the packages of this one, and with a module of the user's."""
    environment = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True)
    packages = next((environment / "lib").glob("python*/site-packages"))
    (packages / "shared.pth").write_text(sysconfig.get_path("purelib"))
    (packages / "our_encoder.py").write_text(ENCODER)
    return environment / "bin" / "python", packages / "our_encoder.py"


def test_an_encoder_is_found_by_stored_models_where_it_is_installed(project, python):
    interpreter, module = python

    def run(*command):
        return subprocess.run(
            [interpreter, *map(str, command)],
            cwd=project.root,
            env=clean_environment(),
            capture_output=True,
            text=True,
        )

    train = ("train.py", "--embeddings", "our_encoder:encode", "--model-name", "encoder")
    done = run(*train)
    assert done.returncode == 0, done.stderr
    assert "Embeddings our_encoder:encode are used" in done.stdout
    assert run(*train[:1], *train[3:], "--reproduce", "1").returncode == 0
    score = ("predict.py", project.sample, "--model-name", "encoder", "-o", "encoded.csv")
    scored = run(*score)
    assert scored.returncode == 0, scored.stderr
    module.unlink()
    (project.root / "our_encoder.py").write_text(ENCODER)
    refused = run(*train)
    assert refused.returncode == 2
    assert "Install it as a package" in refused.stderr.splitlines()[-1]
    (project.root / "our_encoder.py").unlink()
    lost = run(*score, "--force")
    assert lost.returncode == 4
    assert "Python finds no module 'our_encoder' here. Install it" in lost.stderr.splitlines()[-1]
