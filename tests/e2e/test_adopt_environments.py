"""Models that need other packages than ours, in an environment of their own."""

import csv
import importlib.metadata
import json
import subprocess
import tempfile
from pathlib import Path

import pytest

from common.errors import InputError
from common.registry.foreign import Foreign, make_environment

pytestmark = pytest.mark.slow
MLFLOW = importlib.metadata.version("mlflow")
GOOD, BAD = ("thanks", "great", "love"), ("broken", "late", "refund")

# Made from counts of words: both give a figure for "good".
KERAS = """
import sys
import keras, mlflow, numpy as np, tensorflow as tf
words = sys.argv[2].split()
count = keras.layers.TextVectorization(vocabulary=words, output_mode="multi_hot")
sure = keras.layers.Dense(1, activation="sigmoid")
model = keras.Sequential([keras.Input(shape=(1,), dtype="string"), count, sure])
weights = np.zeros((len(count.get_vocabulary()), 1), "float32")
for word in words:
    weights[count.get_vocabulary().index(word)] = 3 if word in words[:3] else -3
sure.set_weights([weights, np.zeros(1, "float32")])
mlflow.keras.save_model(model, sys.argv[1])
"""
TORCH = """
import sys
from typing import Dict, List
import mlflow, torch
words = sys.argv[2].split()

class Words(torch.nn.Module):
    def __init__(self, places: Dict[str, int]):
        super().__init__()
        self.places = places
        self.weights = torch.nn.Parameter(torch.tensor([3.0] * 3 + [-3.0] * 3))

    def forward(self, texts: List[str]) -> torch.Tensor:
        rows: List[torch.Tensor] = []
        for text in texts:
            counts = torch.zeros(len(self.places))
            for word in text.split(" "):
                if word in self.places:
                    counts[self.places[word]] += 1
            rows.append(torch.stack([torch.zeros(()), (counts * self.weights).sum()]))
        return torch.stack(rows)

scripted = torch.jit.script(Words({word: at for at, word in enumerate(words)}))
mlflow.pytorch.save_model(scripted, sys.argv[1], serialization_format="pickle")
"""


def environment(*packages):
    """The Python of an environment with these packages; kept, as it takes minutes to make."""
    root = Path(tempfile.gettempdir(), "triage-environments")
    wanted = "\n".join((f"mlflow=={MLFLOW}", *packages, ""))
    try:
        return make_environment(Foreign(b"", wanted), root)
    except InputError as error:
        pytest.skip(f"needs {', '.join(packages)}: {error}")


@pytest.mark.parametrize(
    ("packages", "program", "flags"),
    [
        (("tensorflow-cpu",), KERAS, ()),
        # From PyTorch's own index alone; what others have under this name is 5 GB.
        (("torch==2.13.0+cpu", "setuptools"), TORCH, ("--scores", "logits")),
    ],
    ids=["keras", "torchscript"],
)
def test_a_model_with_packages_of_its_own(project, tmp_path, packages, program, flags):
    python, model = environment(*packages), tmp_path / "model"
    script = tmp_path / "make.py"
    script.write_text(program)  # torch.jit reads its source again
    made = subprocess.run(
        [python, "-W", "ignore", script, model, " ".join(GOOD + BAD)],
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert made.returncode == 0, made.stderr
    rows = [
        (f"{k} words {(GOOD if k % 2 else BAD)[k % 3]}", "good" if k % 2 else "bad")
        for k in range(300)
    ]
    with (project.root / "messages.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("text", "mood"), *rows])
    adopt = ("-m", "common.registry", "adopt", model, "--data", "messages.csv", "--json")
    adopt += ("--target-column", "mood", "--labels", "bad,good", "--unseen", *flags)
    done = project.run(*adopt)
    assert done.returncode == 2
    assert "the model needs other packages than are installed" in done.stderr
    done = project.run(*adopt, "--python", python, timeout=900)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["verdict"], found["metrics"]["accuracy"]) == ("promoted", 1)
    done = project.run("predict.py", "messages.csv", "-o", "out.csv", timeout=900)
    assert done.returncode == 0, done.stderr
    with (project.root / "out.csv").open(newline="") as file:
        scored = list(csv.DictReader(file))
    assert [row["prediction"] for row in scored] == [mood for _, mood in rows]
    assert all(abs(float(row["confidence"]) - 0.9526) < 1e-3 for row in scored)  # 1 / (1 + e^-3)
