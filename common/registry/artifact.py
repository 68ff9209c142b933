"""A fitted model as it is stored: one folder from raw text to probabilities, in two flavours.

The folder loads as a scikit-learn object (`predict`, `predict_proba`, `classes_`) and as a pyfunc
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
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import cloudpickle
import mlflow
import pandas as pd
from mlflow.entities import LoggedModel
from mlflow.exceptions import MlflowException
from mlflow.models import Model, ModelSignature
from mlflow.store.artifact.models_artifact_repo import REGISTERED_MODEL_META_FILE_NAME
from mlflow.types import ColSpec, Schema
from requests import RequestException

import common.models
from common import disk
from common.errors import ModelUnavailable, StoreFull
from common.models import legacy
from common.models.base import Classifier, ExportsFiles, TrainableClassifier
from common.registry import patience
from common.text import first_line

# What every stored model needs, whatever its family.
REQUIREMENTS = ("cloudpickle", "mlflow", "numpy", "pandas", "scikit-learn")
PICKLE = "artifacts/classifier.pkl"
CHECK_SECONDS = 300
_PICKLING = threading.Lock()

# Importing builds classes; the garbage collector took a sixth of this short process.
_CHECK = """
import gc, json, sys
gc.disable()
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


def save_model(
    path: str, classifier: TrainableClassifier, requirements: Sequence[str], model: Model
) -> None:
    """Write the model's folder at `path`.

    Args:
        requirements: packages that the classifier needs, beside REQUIREMENTS.
    """
    by_value = _pickling_by_value(common.models, sys.modules[__name__])
    with by_value, tempfile.TemporaryDirectory() as folder:
        pickled = Path(folder, "classifier.pkl")
        pickled.write_bytes(cloudpickle.dumps(classifier))
        mlflow.pyfunc.save_model(
            path,
            python_model=Pyfunc(),
            artifacts={"classifier": str(pickled)},
            signature=signature(classifier.text_column),
            pip_requirements=_pinned({*REQUIREMENTS, *requirements}),
            mlflow_model=model,
        )
    model.add_flavor(
        "sklearn",
        pickled_model=PICKLE,
        sklearn_version=importlib.metadata.version("scikit-learn"),
        serialization_format="cloudpickle",
        code=None,
    )
    model.save(str(Path(path, "MLmodel")))
    if isinstance(classifier, ExportsFiles):
        for name, content in classifier.exports().items():
            Path(path, name).write_bytes(content)


@contextmanager
def _pickling_by_value(*modules: ModuleType) -> Iterator[None]:
    """Have pickles carry the code of these modules.

    One thread at a time: cloudpickle keeps their names for the whole process.
    """
    with _PICKLING:
        for module in modules:
            cloudpickle.register_pickle_by_value(module)
        try:
            yield
        finally:
            for module in modules:
                cloudpickle.unregister_pickle_by_value(module)


def _pinned(packages: Iterable[str]) -> list[str]:
    """Packages with the versions that are installed, of whatever build (as in 2.13.0+cpu)."""
    versions = {name: importlib.metadata.version(name) for name in sorted(packages)}
    return [f"{name}=={version.partition('+')[0]}" for name, version in versions.items()]


def describe(logged: LoggedModel, run_id: str) -> Model:
    """The description of a model that MLflow has a record of, but no files yet."""
    return Model(
        artifact_path=logged.artifact_location,
        model_uuid=logged.model_id,
        run_id=run_id,
        model_id=logged.model_id,
    )


def signature(text_column: str) -> ModelSignature:
    """A required text column in; the class and its probability out."""
    return ModelSignature(
        inputs=Schema([ColSpec("string", text_column, required=True)]),
        outputs=Schema([ColSpec("string", "prediction"), ColSpec("double", "confidence")]),
    )


@contextmanager
def fetch(store: str, location: str, uri: str) -> Iterator[Path]:
    """A copy of a stored model's folder, deleted when the block ends.

    Args:
        store: address of the tracking store.
        location: where the store keeps the folder.
        uri: what messages call the model.

    Raises:
        ModelUnavailable: it is gone.
    """
    with tempfile.TemporaryDirectory() as folder:
        try:
            copied = patience.within(
                patience.TRANSFER_SECONDS,
                lambda: mlflow.artifacts.download_artifacts(
                    location, dst_path=folder, tracking_uri=store, registry_uri=store
                ),
                late=f"model {uri} could not be fetched: the store took too long.",
            )
        except (MlflowException, RequestException, OSError) as error:
            if disk.is_full(error):
                raise StoreFull(disk.explained(error, folder)) from error
            raise ModelUnavailable(f"model {uri} is gone: {first_line(error)}.") from error
        copy = Path(copied)
        if not copy.is_dir():
            raise ModelUnavailable(f"model {uri} is gone: it is not a folder.")
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


def load(folder: Path, uri: str, expected: Mapping[str, str]) -> Classifier:
    """The classifier in a model's folder, if its files are what they were.

    Loading runs the artifact's code, so none is loaded before all files have been compared.

    Args:
        uri: what messages call the model.
        expected: what `digests` gave when the model was registered.

    Raises:
        ModelUnavailable: the artifact is changed, or doesn't fit the installed versions.
    """
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
    store: str, uri: str, text_column: str, texts: list[str], expected: list[str]
) -> None:
    """Load the logged model in a process without this project, and have it answer.

    Args:
        store: address of the tracking store.
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
                env=os.environ | {"TMPDIR": folder, "MLFLOW_TRACKING_URI": store},
                timeout=CHECK_SECONDS,
            )
        except subprocess.TimeoutExpired as error:
            raise ModelUnavailable(
                f"the logged model {uri} gives no answer in a clean process ({CHECK_SECONDS} s)."
            ) from error
    if done.returncode:
        if disk.says_full(done.stderr):
            raise StoreFull(f"cannot write in {tempfile.gettempdir()}: no space left on the disk.")
        reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise ModelUnavailable(f"the logged model {uri} fails in a clean process: {reason}")
    if json.loads(done.stdout.splitlines()[-1]) != expected:
        raise ModelUnavailable(
            f"the logged model {uri} answers differently in a clean process than when fitted."
        )
