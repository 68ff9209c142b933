"""A fitted model as it is stored: one folder from raw text to probabilities, in two flavours.

This module is a custom MLflow flavour: `Model.log(flavor=<this module>)` calls `save_model`. The
folder loads as a scikit-learn object (`predict`, `predict_proba`, `classes_`) and as a pyfunc
(a DataFrame with the text column -> columns `prediction`, `confidence`). Both read the same pickle,
which carries the code of `common.model` inside it (pickled by value): `code_paths` was seen to run
newer code on an older model.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import cloudpickle
import mlflow
import pandas as pd
from mlflow.models import Model, ModelSignature
from mlflow.types import ColSpec, Schema

import common.model
from common.errors import ModelUnavailable

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
CHECK_SECONDS = 120

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
    for module in (common.model, this_module):
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
        for module in (common.model, this_module):
            cloudpickle.unregister_pickle_by_value(module)
    model.add_flavor(
        "sklearn",
        pickled_model="artifacts/classifier.pkl",
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


def load(uri: str) -> Any:
    """The scikit-learn object of a stored model. Loading runs the artifact's code.

    Raises:
        ModelUnavailable: the artifact is gone, damaged or doesn't fit the installed versions.
    """
    # A server's artifacts are copied here and go again; on the local store it loads in place.
    with tempfile.TemporaryDirectory() as folder:
        try:
            return mlflow.sklearn.load_model(uri, dst_path=folder)
        except Exception as error:
            raise ModelUnavailable(
                f"model {uri} cannot be loaded ({type(error).__name__}: "
                f"{str(error).strip().splitlines()[0] if str(error).strip() else 'no reason'})."
            ) from error


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
