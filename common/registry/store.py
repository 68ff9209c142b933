"""Reach the tracking store, or say in one line why not."""

from __future__ import annotations

import os
import re
import sqlite3
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from common.errors import ModelUnavailable, StoreError
from common.text import first_line

# To find out soon whether a server answers at all.
PROBE = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "2",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "0",
    "MLFLOW_HTTP_REQUEST_BACKOFF_JITTER": "0",
}
LOCK_SECONDS = 600
MISSING = ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE")
_SQLITE = "sqlite:///"


def connect(uri: str | None, root: Path, create: bool = False) -> None:
    """Point MLflow at the store and make sure that it answers.

    Args:
        uri: None for the embedded store, `mlflow.db` in `root`. A relative path in `sqlite:///`
            starts at `root`.
        create: make the embedded database if there is none yet.

    Raises:
        StoreError: no such database, not a database, or a server that doesn't answer.
    """
    uri = _absolute(uri, root)
    database = _database(uri)
    if database:
        _check_database(database, create)
    os.environ["MLFLOW_TRACKING_URI"] = uri
    import mlflow

    # Advice to authors of models, such as to log an input example.
    warnings.filterwarnings("ignore", category=UserWarning, module=r"mlflow\.pyfunc")

    mlflow.set_tracking_uri(uri)
    # A first use migrates the database, and two at once crash.
    with lock(), _environment({} if database else PROBE), answering(uri):
        # The answer {} has no experiment in it: anything may answer so.
        found = mlflow.MlflowClient().get_experiment_by_name("Default")
    if found is not None and not found.experiment_id:
        raise StoreError(_no_mlflow(uri))


@contextmanager
def lock() -> Iterator[None]:
    """Hold the embedded store for this process alone; within it, as often as wanted.

    A server needs no lock: it migrates its own database.
    """
    from filelock import FileLock, Timeout

    database = _database(os.environ["MLFLOW_TRACKING_URI"])
    if not database:
        yield
        return
    path = database.with_name(database.name + ".lock")
    try:
        with FileLock(path, timeout=LOCK_SECONDS, is_singleton=True):
            yield
    except Timeout as error:
        raise StoreError(
            f"another process holds {path} for more than {LOCK_SECONDS} s: is it stuck?"
        ) from error
    except PermissionError as error:
        raise StoreError(f"{path} can't be written: {error.strerror}.") from error


@contextmanager
def answering(uri: str | None = None) -> Iterator[None]:
    """Turn every failure of the store into one line."""
    from google.protobuf.json_format import ParseError  # type: ignore[import-untyped]
    from mlflow.exceptions import MlflowException
    from requests import RequestException
    from sqlalchemy.exc import SQLAlchemyError

    uri = uri or os.environ["MLFLOW_TRACKING_URI"]
    try:
        yield
    except ModuleNotFoundError as error:
        raise StoreError(f"{uri} needs the Python package {error.name}: install it.") from error
    except ParseError as error:
        raise StoreError(_no_mlflow(uri)) from error
    except (MlflowException, RequestException, SQLAlchemyError, sqlite3.Error) as error:
        raise StoreError(_explained(uri, error)) from error


def experiment_id(name: str) -> str:
    """Id of the experiment, which is made if there is none of this name."""
    import mlflow

    with lock(), answering():
        client = mlflow.MlflowClient()
        found = client.get_experiment_by_name(name)
        if found is None:
            return str(client.create_experiment(name, artifact_location=_artifact_location()))
        if found.lifecycle_stage != "active":
            raise StoreError(
                f"experiment {name!r} was deleted: restore it in MLflow, or set another "
                "MLFLOW_EXPERIMENT_NAME."
            )
        return str(found.experiment_id)


def is_missing(error: Any) -> bool:
    """Whether an MlflowException says that a model, version or alias does not exist."""
    return error.error_code in MISSING


def is_embedded() -> bool:
    """Whether the store is a database that this process opens itself."""
    return _database(os.environ["MLFLOW_TRACKING_URI"]) is not None


def _absolute(uri: str | None, root: Path) -> str:
    if uri is None:
        return f"{_SQLITE}{root / 'mlflow.db'}"
    scheme, separator, rest = uri.partition("://")
    scheme = scheme.lower()
    if scheme.startswith("sqlite"):
        path, mark, query = rest.removeprefix("/").partition("?")
        in_file = rest.startswith("/") and path != ":memory:" and not path.startswith("file:")
        if scheme != "sqlite" or not path or not in_file:
            raise StoreError(
                f"MLFLOW_TRACKING_URI {uri} names no file to keep models in: give "
                "sqlite:///FILE.db."
            )
        return f"{_SQLITE}{root / path}{mark}{query}"
    if not separator and uri != "databricks":
        raise StoreError(
            f"MLFLOW_TRACKING_URI {uri} is no address: give sqlite:///FILE.db or http://HOST:PORT."
        )
    return f"{scheme}{separator}{rest}"


def _database(uri: str) -> Path | None:
    if not uri.startswith(_SQLITE):
        return None
    return Path(uri.removeprefix(_SQLITE).partition("?")[0])


def _artifact_location() -> str | None:
    """Beside an embedded database; a server knows its own. Fixed when the experiment is made."""
    database = _database(os.environ["MLFLOW_TRACKING_URI"])
    return (database.parent / "mlartifacts").as_uri() if database else None


def _check_database(database: Path, create: bool) -> None:
    if not database.exists():
        if not create:
            raise ModelUnavailable(f"no model yet: {database} does not exist. Run train.py first.")
        if not database.parent.is_dir():
            raise StoreError(f"{database.parent} does not exist: MLFLOW_TRACKING_URI points there.")
        return
    # MLflow would silently fill an empty file with an empty registry.
    try:
        with database.open("rb") as file:
            head = file.read(16)
    except OSError as error:
        raise StoreError(f"{database} cannot be read: {error.strerror}.") from error
    if head != b"SQLite format 3\x00":
        state = "is empty" if not head else "is no SQLite database"
        raise StoreError(f"{database} {state}: restore it from a backup, or move it away.")


@contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


def _explained(uri: str, error: Exception) -> str:
    """MLflow wraps what the connection raised, and says so only in its text."""
    text = str(error)
    if uri.startswith("http"):
        if status := re.search(r"too many (\d+) error responses", text):
            return f"the MLflow server {uri} failed: it answers HTTP {status[1]}; see its log."
        if "not in a valid JSON format" in text:
            return _no_mlflow(uri)
        if any(sign in text for sign in ("Max retries exceeded", "Connection", "timed out")):
            return (
                f"the MLflow server {uri} does not answer: is it running, and is "
                "MLFLOW_TRACKING_URI right?"
            )
    return f"the tracking store {uri} failed: {_own_words(error)}"


def _no_mlflow(uri: str) -> str:
    return f"{uri} answers, but is no MLflow server: is MLFLOW_TRACKING_URI right?"


def _own_words(error: BaseException) -> str:
    """Of the database driver's own error, where SQLAlchemy and MLflow have wrapped it."""
    own = getattr(error, "orig", None) or getattr(error.__cause__, "orig", None) or error
    return first_line(str(own).strip() or type(own).__name__)
