"""Reach the tracking store, or say in one line why not."""

from __future__ import annotations

import json
import logging
import os
import re
import sqlite3
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, cast

from common import disk
from common.errors import ModelUnavailable, StoreError, StoreFull
from common.logs import FILE_ONLY
from common.registry import moving, patience
from common.text import first_line, without_password

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException
    from requests import Response

LOCK_SECONDS = 600
MISSING = ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE")
_SQLITE = "sqlite:///"
_ADDRESS = "MLFLOW_TRACKING_URI"
_GLOBAL_ADDRESS = threading.Lock()
# What every MLflow server answers, whether it has this experiment or not.
_PROBE = "/api/2.0/mlflow/experiments/get-by-name"
# For one read, for all of it with a second try, and the most of an answer that is read.
_READ_SECONDS, _PROBE_SECONDS, _PROBE_BYTES = 2, 4.0, 1_000_000

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Registry:
    """A tracking store and the registered model in it; made by `connect`.

    Several may be open in one process, and several threads may use one at once: none depends on
    what MLflow's global address is.

    Attributes:
        uri: of the store, absolute.
        model_name: of the registered model.
    """

    uri: str = field(repr=False)
    model_name: str

    @cached_property
    def client(self) -> MlflowClient:
        """MLflow's client of this store."""
        from mlflow import MlflowClient
        from mlflow.tracking._model_registry import utils

        # Databricks keeps its registry elsewhere, and so may others.
        registry_uri = os.environ.get("MLFLOW_REGISTRY_URI")
        registry_uri = registry_uri or utils._get_default_registry_uri_for_tracking_uri(self.uri)
        client = MlflowClient(self.uri, registry_uri)
        if self.is_embedded:
            return client
        return cast("MlflowClient", patience.PatientClient(client, without_password(self.uri)))

    @property
    def is_embedded(self) -> bool:
        """Whether the store is a database that this process opens itself."""
        return self._database is not None

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the embedded store for this thread alone (reentrant).

        A server needs no lock: it migrates its own database.
        """
        from filelock import FileLock, Timeout

        if self._database is None:
            yield
            return
        path = self._database.with_name(self._database.name + ".lock")
        try:
            with FileLock(path, timeout=LOCK_SECONDS, is_singleton=True):
                yield
        except Timeout as error:
            raise StoreError(
                f"another process holds {path} for more than {LOCK_SECONDS} s: is it stuck?"
            ) from error
        except OSError as error:
            full = disk.is_full(error)
            raise (StoreFull if full else StoreError)(
                f"{path} can't be written: {error.strerror}."
            ) from error

    @contextmanager
    def store_errors(self) -> Iterator[None]:
        """Turn every failure of the store into a StoreError of one line."""
        from google.protobuf.json_format import ParseError  # type: ignore[import-untyped]
        from mlflow.exceptions import MlflowException
        from requests import RequestException
        from sqlalchemy.exc import SQLAlchemyError

        try:
            yield
        except ModuleNotFoundError as error:
            raise StoreError(
                f"{without_password(self.uri)} needs the Python package {error.name}: install it."
            ) from error
        except ParseError as error:
            raise StoreError(_not_mlflow(self.uri)) from error
        except (
            MlflowException,
            RequestException,
            SQLAlchemyError,
            sqlite3.Error,
            OSError,
        ) as error:
            if disk.is_full(error):
                raise StoreFull(disk.explained(error, self._shown)) from error
            raise StoreError(_explained(self.uri, error)) from error

    @contextmanager
    def tidying(self) -> Iterator[None]:
        """For calls after a failure, which matters more: they are short, and fail quietly."""
        try:
            with patience.hurried(), self.store_errors():
                yield
        except StoreError as error:
            logger.debug("Not tidied up: %s", error)

    def experiment_id(self, name: str) -> str:
        """Id of the experiment of this name, which is created if there is none.

        Raises:
            StoreError: it was deleted.
        """
        with self.lock(), self.store_errors():
            found = self.client.get_experiment_by_name(name)
            if found is None:
                return str(self.client.create_experiment(name, self._artifact_location))
            if found.lifecycle_stage != "active":
                raise StoreError(
                    f"experiment {name!r} was deleted: restore it in MLflow, or set another "
                    "MLFLOW_EXPERIMENT_NAME."
                )
            return str(found.experiment_id)

    @contextmanager
    def global_address(self) -> Iterator[None]:
        """Make this MLflow's global address while the block runs; one thread at a time.

        For calls that know no other: an embedded registry looks up the logged model of a new
        version there (as of MLflow 3.17). MLflow writes it to the environment as well.
        """
        from mlflow.tracking._tracking_service.utils import _use_tracking_uri

        with _GLOBAL_ADDRESS:
            before = os.environ.get(_ADDRESS)
            try:
                with _use_tracking_uri(self.uri):
                    yield
            finally:
                if before is None:
                    os.environ.pop(_ADDRESS, None)
                else:
                    os.environ[_ADDRESS] = before

    @property
    def _shown(self) -> str:
        return str(self._database or without_password(self.uri))

    @property
    def _database(self) -> Path | None:
        if not self.uri.startswith(_SQLITE):
            return None
        return Path(self.uri.removeprefix(_SQLITE).partition("?")[0])

    @property
    def _artifact_location(self) -> str | None:
        """Beside an embedded database; a server knows its own. Fixed with the experiment."""
        return moving.artifact_folder(self._database).as_uri() if self._database else None


def connect(uri: str | None, root: Path, model_name: str, create: bool = False) -> Registry:
    """Open the store of a registered model, and make sure that it answers.

    Args:
        uri: None for the embedded store, `mlflow.db` in `root`. A relative path in `sqlite:///`
            starts at `root`.
        create: make the embedded database if there is none yet.

    Raises:
        ModelUnavailable: there is no such database yet, and none is to be made.
        StoreError: not a database, or a server that doesn't answer.
    """
    registry = Registry(_absolute(uri, root), model_name)
    if registry._database:
        _check_database(registry._database, create)
    # A first use migrates the database, and two at once crash.
    with registry.lock(), _removed_if_it_fails(registry._database), registry.store_errors():
        if registry.uri.startswith(("http://", "https://")):
            _probe(registry.uri)
        else:
            registry.client.get_experiment_by_name("Default")
        if registry._database:
            _follow(registry._database)
    # Advice to authors of models, such as to log an input example.
    warnings.filterwarnings("ignore", category=UserWarning, module=r"mlflow\.pyfunc")
    return registry


def _follow(database: Path) -> None:
    for before in moving.follow(database):
        now = moving.artifact_folder(database)
        text = "%s was moved or copied: its artifacts are in %s now, no longer in %s."
        logger.info(text, database.name, now, before, extra={} if now.is_dir() else FILE_ONLY)


def is_missing(error: MlflowException) -> bool:
    """Whether an MlflowException says that a model, version or alias does not exist."""
    return error.error_code in MISSING


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
                f"MLFLOW_TRACKING_URI {without_password(uri)} names no file to keep models in: "
                "give sqlite:///FILE.db."
            )
        return f"{_SQLITE}{root / path}{mark}{query}"
    if not separator and uri != "databricks":
        raise StoreError(
            f"MLFLOW_TRACKING_URI {without_password(uri)} is not an address: give "
            "sqlite:///FILE.db or http://HOST:PORT."
        )
    return f"{scheme}{separator}{rest}"


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
        state = "is empty" if not head else "is not a SQLite database"
        raise StoreError(f"{database} {state}: restore it from a backup, or move it away.")


@contextmanager
def _removed_if_it_fails(database: Path | None) -> Iterator[None]:
    """A database that is made here is whole or not there: a disk may fill up meanwhile."""
    new = database is not None and not database.exists()
    try:
        yield
    except BaseException:
        if database and new:
            for ending in ("", "-journal", "-wal", "-shm"):
                database.with_name(database.name + ending).unlink(missing_ok=True)
        raise


def _probe(uri: str) -> None:
    """Find out within _PROBE_SECONDS whether an MLflow server answers, whatever is sent instead.

    The request is MLflow's own, so its user, token and certificates count.

    Raises:
        StoreError: another web server answers.
        MlflowException: nobody answers, or the server fails.
    """
    from mlflow.tracking._tracking_service.utils import get_default_host_creds
    from mlflow.utils.rest_utils import http_request, verify_rest_response

    def exchange() -> Response:
        answer: Response = http_request(
            get_default_host_creds(uri),
            _PROBE,
            "GET",
            params={"experiment_name": "Default"},
            timeout=_READ_SECONDS,
            max_retries=1,
            backoff_factor=0,
            backoff_jitter=0,
            respect_retry_after_header=False,
            stream=True,
        )
        with answer:
            step = 10_000
            parts = islice(answer.iter_content(step), _PROBE_BYTES // step)
            answer._content = b"".join(parts)
        return answer

    answer = patience.within(_PROBE_SECONDS, exchange, _silent(uri))
    if answer.status_code not in (200, 404):
        verify_rest_response(answer, _PROBE)
    if not _is_mlflow(answer.text):
        raise StoreError(_not_mlflow(uri))


def _is_mlflow(text: str) -> bool:
    """Whether the body of an answer names the experiment, or says that there is none.

    `{}` is not an MLflow answer; any web server may send it.
    """
    try:
        body = json.loads(text)
    except ValueError:
        return False
    match body:
        case {"experiment": {"experiment_id": str(found)}}:
            return bool(found)
        case {"error_code": "RESOURCE_DOES_NOT_EXIST"}:
            return True
    return False


def _explained(uri: str, error: Exception) -> str:
    """MLflow wraps what the connection raised, and says so only in its text."""
    text, shown = str(error), without_password(uri)
    if uri.startswith("http"):
        if status := re.search(r"too many (\d+) error responses", text):
            return f"the MLflow server {shown} failed: it answers HTTP {status[1]}; see its log."
        if "not in a valid JSON format" in text:
            return _not_mlflow(uri)
        if "redirects" in text:
            return f"{shown} only redirects: is MLFLOW_TRACKING_URI right?"
        if any(sign in text for sign in ("Max retries exceeded", "Connection", "timed out")):
            return _silent(uri)
    words = without_password(uri, _own_words(error))
    if words == "disk I/O error":  # SQLite's, also if a quota is used up
        words += ": is its disk full or failing?"
    return f"the tracking store {shown} failed: {words}"


def _silent(uri: str) -> str:
    return (
        f"the MLflow server {without_password(uri)} does not answer: is it running, and is "
        "MLFLOW_TRACKING_URI right?"
    )


def _not_mlflow(uri: str) -> str:
    shown = without_password(uri)
    return f"{shown} answers, but is not an MLflow server: is MLFLOW_TRACKING_URI right?"


def _own_words(error: BaseException) -> str:
    """Of the database driver's own error, if SQLAlchemy and MLflow have wrapped it."""
    own = getattr(error, "orig", None) or getattr(error.__cause__, "orig", None) or error
    return first_line(str(own).strip() or type(own).__name__)
