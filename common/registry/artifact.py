"""A fitted model as it is stored: one folder from raw text to probabilities, in two flavours.

This module is a custom MLflow flavour: `Model.log(flavor=<this module>)` calls `save_model`. The
folder loads as a scikit-learn object (`predict`, `predict_proba`, `classes_`) and as a pyfunc
(a DataFrame with the text column -> columns `prediction`, `confidence`). Both read the same pickle,
which carries the code of `common.models` inside it (pickled by value): `code_paths` was seen to run
newer code on an older model.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import pickle
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cloudpickle
import mlflow
import pandas as pd
from mlflow.exceptions import MlflowException
from mlflow.models import Model, ModelSignature
from mlflow.store.artifact.models_artifact_repo import REGISTERED_MODEL_META_FILE_NAME
from mlflow.types import ColSpec, Schema
from requests import RequestException

import common.models
from common.errors import ModelUnavailable
from common.models import legacy
from common.text import first_line

REQUIREMENTS = (
    "catboost",
    "cloudpickle",
    "mlflow",
    "numpy",
    "pandas",
    "pyarrow",
    "scikit-learn",
    "scipy",
)
PICKLE = "artifacts/classifier.pkl"
CHECK_SECONDS = 300

_CHECK = """
import json, sys
import mlflow, pandas
asked = json.load(sys.stdin)
model = mlflow.pyfunc.load_model(asked["uri"])
frame = model.predict(pandas.DataFrame({asked["column"]: asked["texts"]}))
print("\\n" + json.dumps([str(label) for label in frame["prediction"]]))
"""


class Pyfunc(mlflow.pyfunc.PythonModel):
    """What MLflow's servers and Spark call; the classifier is read from the folder's artifact."""

    def load_context(self, context: Any) -> None:
        import pickle

        with open(context.artifacts["classifier"], "rb") as file:  # noqa: PTH123  pickled alone
            self.classifier = pickle.load(file)

    def predict(
        self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None
    ) -> pd.DataFrame:
        return self.classifier.predict_frame(model_input)


def save_model(path: str, classifier: Any, mlflow_model: Model | None = None) -> None:
    """Write the model's folder at `path`; `classifier` is a fitted TextClassifier."""
    requirements = [f"{name}=={importlib.metadata.version(name)}" for name in REQUIREMENTS]
    model = mlflow_model or Model()
    this_module = sys.modules[__name__]
    for module in (common.models, this_module):
        cloudpickle.register_pickle_by_value(module)
    try:
        with tempfile.TemporaryDirectory() as folder:
            pickled = Path(folder, "classifier.pkl")
            pickled.write_bytes(cloudpickle.dumps(classifier))
            mlflow.pyfunc.save_model(
                path,
                python_model=Pyfunc(),
                artifacts={"classifier": str(pickled)},
                signature=signature(classifier.text_column),
                pip_requirements=requirements,
                mlflow_model=model,
            )
    finally:
        for module in (common.models, this_module):
            cloudpickle.unregister_pickle_by_value(module)
    model.add_flavor(
        "sklearn",
        pickled_model=PICKLE,
        sklearn_version=importlib.metadata.version("scikit-learn"),
        serialization_format="cloudpickle",
        code=None,
    )
    model.save(str(Path(path, "MLmodel")))


def signature(text_column: str) -> ModelSignature:
    """A required text column in; the class and its probability out."""
    return ModelSignature(
        inputs=Schema([ColSpec("string", text_column, required=True)]),
        outputs=Schema([ColSpec("string", "prediction"), ColSpec("double", "confidence")]),
    )


@contextmanager
def fetched(uri: str) -> Iterator[Path]:
    """A copy of a stored model's folder, which goes again when the block ends.

    Raises:
        ModelUnavailable: it is gone.
    """
    with tempfile.TemporaryDirectory() as folder:
        try:
            copy = Path(mlflow.artifacts.download_artifacts(uri, dst_path=folder))
        except (MlflowException, RequestException, OSError) as error:
            raise ModelUnavailable(f"model {uri} is gone: {first_line(error)}.") from error
        if not copy.is_dir():
            raise ModelUnavailable(f"model {uri} is gone: it is no folder.")
        yield copy


def digests(folder: Path) -> dict[str, str]:
    """The SHA-256 of each file of a model's folder, by its path in it."""
    found = {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
    found.pop(REGISTERED_MODEL_META_FILE_NAME, None)  # added by a download
    return found


def size(folder: Path) -> int:
    """Bytes of a model's folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def load(uri: str, expected: Mapping[str, str]) -> Any:
    """The scikit-learn object of a stored model, if its files are what they were.

    Loading runs the artifact's code, so none is loaded before all files have been compared.

    Args:
        expected: what `digests` gave when the model was registered.

    Raises:
        ModelUnavailable: the artifact is gone, changed, or doesn't fit the installed versions.
    """
    with fetched(uri) as folder:
        _refuse_changes(uri, digests(folder), expected)
        try:
            with (folder / PICKLE).open("rb") as file:
                return legacy.adapt(pickle.load(file))
        except Exception as error:
            raise ModelUnavailable(
                f"model {uri} cannot be loaded ({type(error).__name__}: {first_line(error)})."
            ) from error


def _refuse_changes(uri: str, found: Mapping[str, str], expected: Mapping[str, str]) -> None:
    if not found:
        raise ModelUnavailable(f"model {uri} is gone: its folder is empty.")
    changed = [name for name, digest in expected.items() if found.get(name) != digest]
    added = [name for name in found if name not in expected]
    if changed or added:
        what = f"{changed[0]} was changed or removed" if changed else f"{added[0]} was added"
        raise ModelUnavailable(
            f"model {uri} is damaged or was tampered with: {what} since it was registered. "
            "None of its code was run. Restore the file, or use another version."
        )


def check_in_clean_process(
    uri: str, text_column: str, texts: list[str], expected: list[str]
) -> None:
    """Load the logged model where this project isn't, and have it answer.

    Args:
        texts: messages to ask it about.
        expected: the classes that the fitted model gives them.

    Raises:
        ModelUnavailable: it doesn't load, doesn't answer, or answers something else.
    """
    asked = json.dumps({"uri": uri, "column": text_column, "texts": texts})
    with tempfile.TemporaryDirectory() as folder:
        try:
            # -I: neither the current directory nor PYTHONPATH lead back to this project.
            done = subprocess.run(
                [sys.executable, "-I", "-c", _CHECK],
                input=asked,
                capture_output=True,
                text=True,
                cwd=folder,
                env=os.environ | {"TMPDIR": folder},
                timeout=CHECK_SECONDS,
            )
        except subprocess.TimeoutExpired as error:
            raise ModelUnavailable(
                f"the logged model {uri} gives no answer in a clean process ({CHECK_SECONDS} s)."
            ) from error
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise ModelUnavailable(f"the logged model {uri} fails in a clean process: {reason}")
    if json.loads(done.stdout.splitlines()[-1]) != expected:
        raise ModelUnavailable(
            f"the logged model {uri} answers differently in a clean process than when fitted."
        )
