"""The process that runs a model made elsewhere, with the packages that the model needs.

`adopted` starts this program with a Python of its own: it gets the model's files as a zip archive,
then a line of JSON for each question, and answers with a line of JSON. It ends with the line
`null`, or when nobody writes to it any more. Imports nothing of ours: MLflow and what the model
needs are enough.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import sys
import tempfile
import zipfile
from typing import Any, BinaryIO

Answer = dict[str, Any]


class Foreign:
    """A model of MLflow, whatever made it.

    Attributes:
        column: the column of a DataFrame that the texts go into; None: it takes no DataFrame.
    """

    def __init__(self, folder: str, column: str | None) -> None:
        import mlflow.pyfunc

        self.model = mlflow.pyfunc.load_model(folder)
        self.raw: Any = None
        # A flavour that can't give its model is asked as MLflow asks it.
        with contextlib.suppress(Exception):
            self.raw = self.model.get_raw_model()
        self.column = column or self._own_column()

    def classes(self) -> list[str] | None:
        """The classes as the model names them; None if it doesn't."""
        found = getattr(self.raw, "classes_", None) if self._has_probabilities() else None
        return None if found is None else [str(name) for name in found]

    def answer(self, texts: list[str]) -> Answer:
        """What the model says to the texts: `scores` (n, K) or `labels` (n,), or columns."""
        if self._has_probabilities():
            return _as_answer(self.raw.predict_proba(self._given(texts)))
        kinds = [kind.__module__.partition(".")[0] for kind in type(self.raw).__mro__]
        if "torch" in kinds:
            import torch

            with torch.no_grad():
                return _as_answer(self.raw.eval()(list(texts)).cpu().numpy())
        if "keras" in kinds:
            import tensorflow as tf

            shape = self.raw.input_shape
            given = tf.constant(texts)
            given = given[:, None] if len(shape) > 1 else given
            return _as_answer(self.raw.predict(given, verbose=0))
        return _as_answer(self.model.predict(self._given(texts)))

    def _has_probabilities(self) -> bool:
        return hasattr(self.raw, "predict_proba") and hasattr(self.raw, "classes_")

    def _own_column(self) -> str | None:
        """The one column that the model says it takes; None if it says nothing."""
        named = getattr(self.raw, "feature_names_in_", None)
        if named is None and not self._has_probabilities():
            schema = self.model.metadata.get_input_schema()
            named = schema.input_names() if schema and schema.has_input_names() else None
        return str(named[0]) if named is not None and len(named) == 1 else None

    def _given(self, texts: list[str]) -> Any:
        if self.column is None:
            return texts
        import pandas as pd

        return pd.DataFrame({self.column: texts})


def _as_answer(said: Any) -> Answer:
    """What a model gives back, as JSON can hold it."""
    import numpy as np

    if hasattr(said, "columns"):
        return {"columns": {str(name): _listed(said[name]) for name in said.columns}}
    array = np.asarray(said)
    if array.ndim == 1 and array.dtype.kind == "f":
        array = array[:, None]
    if array.ndim == 2 and array.dtype.kind in "fiub" and array.size:
        return {"scores": array.astype(float).tolist()}
    return {"labels": [str(label) for label in array.reshape(-1).tolist()]}


def _listed(column: Any) -> list[Any]:
    values = column.tolist()
    return values if all(isinstance(value, float) for value in values) else list(map(str, values))


def _read_exactly(stream: BinaryIO, size: int) -> bytes:
    found = stream.read(size)
    if len(found) < size:
        raise EOFError
    return found


def main() -> int:
    """Load the model that stdin holds, then answer a question a line until stdin ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for whoever asks
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a model prints is not an answer

    def say(answer: Answer) -> None:
        answers.write(json.dumps(answer) + "\n")
        answers.flush()

    header = json.loads(sys.stdin.buffer.readline())
    archive = zipfile.ZipFile(io.BytesIO(_read_exactly(sys.stdin.buffer, header["bytes"])))
    with tempfile.TemporaryDirectory() as folder:
        archive.extractall(folder)
        try:
            model = Foreign(folder, header["column"])
        except Exception as error:  # noqa: BLE001  whatever its code raises
            say({"error": type(error).__name__, "detail": str(error)})
            return 1
        say({"classes": model.classes(), "column": model.column})
        for line in sys.stdin.buffer:
            if (texts := json.loads(line)) is None:
                break
            try:
                say(model.answer(texts))
            except Exception as error:  # noqa: BLE001  the same: it is told, not hidden
                say({"error": type(error).__name__, "detail": str(error)})
    return 0


if __name__ == "__main__":
    sys.exit(main())
