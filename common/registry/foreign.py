"""A model of MLflow that was made elsewhere: fetched, packed, and the environment that it needs."""

from __future__ import annotations

import hashlib
import importlib.metadata
import io
import subprocess
import sys
import venv
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock
from mlflow.exceptions import MlflowException
from packaging.requirements import InvalidRequirement, Requirement

from common.data import atomic
from common.errors import InputError, ModelUnavailable, SettingsError
from common.registry import artifact
from common.registry.store import Registry, is_missing
from common.text import listed, one_line, redact

REQUIREMENTS = "requirements.txt"
ENVIRONMENTS = "environments"
SHOWN = 5
# What MLflow shows of a model's input, often messages; the model answers without them.
_EXAMPLES = ("input_example", "serving_input_example")
# Zip files know no time before this; without the true ones equal models are equal archives.
_TIME = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True)
class Foreign:
    """A model that was made elsewhere.

    Attributes:
        archive: its folder as a zip archive, without the example of an input. Not compressed, so
            that messages are found in it (`privacy.stored`).
        requirements: text of its requirements.txt; "" if it has none.
    """

    archive: bytes
    requirements: str

    @property
    def sha256(self) -> str:
        """Digest of all its files."""
        return hashlib.sha256(self.archive).hexdigest()


def fetch(registry: Registry, model: str) -> Foreign:
    """Fetch a model.

    Args:
        model: a folder, or an address that MLflow knows: `models:/NAME/3`, `runs:/ID/model`.

    Raises:
        InputError: it isn't a model of MLflow.
        ModelUnavailable: the store hasn't got it.
    """
    shown = redact(model)
    local = Path(model)
    remote = ":/" in model and not local.exists()
    if not remote and not local.is_dir():
        raise InputError(f"{shown} is not a folder: name one that mlflow.*.save_model has made.")
    fetched = _stored(registry, model, shown) if remote else nullcontext(local)
    with fetched as folder:
        if not (folder / "MLmodel").is_file():
            raise InputError(
                f"{shown} has no file MLmodel: name the folder that mlflow.*.save_model has made."
            )
        requirements = folder / REQUIREMENTS
        text = requirements.read_text("utf-8") if requirements.is_file() else ""
        return Foreign(_packed(folder), text)


@contextmanager
def _stored(registry: Registry, model: str, shown: str) -> Iterator[Path]:
    with ExitStack() as stack:
        try:
            folder = stack.enter_context(artifact.fetch(registry.uri, model, shown))
        except ModelUnavailable as error:
            if isinstance(error.__cause__, MlflowException) and is_missing(error.__cause__):
                raise ModelUnavailable(f"there is no model {shown}.") from error
            raise
        yield folder


def program() -> str:
    """The source of the program that runs a model, in a process of its own."""
    return Path(__file__).with_name("adopted_worker.py").read_text("utf-8")


def _packed(folder: Path) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        for path in sorted(folder.rglob("*")):
            name = path.relative_to(folder).as_posix()
            if path.is_file() and not name.startswith(_EXAMPLES):
                archive.writestr(zipfile.ZipInfo(name, _TIME), path.read_bytes())
    return packed.getvalue()


def unmet(requirements: str) -> list[str]:
    """What of a requirements.txt the installed packages don't meet, such as `torch==2.9 (not
    installed)`."""
    found = []
    for line in requirements.splitlines():
        try:
            wanted = Requirement(line.partition(" #")[0].strip())
        except InvalidRequirement:  # a comment, a flag of pip, a file
            continue
        if wanted.marker and not wanted.marker.evaluate():
            continue
        try:
            installed = importlib.metadata.version(wanted.name)
        except importlib.metadata.PackageNotFoundError:
            found.append(f"{wanted} (not installed)")
            continue
        if not wanted.specifier.contains(installed, prereleases=True):
            found.append(f"{wanted} (installed: {installed})")
    return found


def refuse_unmet(foreign: Foreign) -> None:
    """Raise SettingsError if the installed packages are not those that a model needs."""
    clashes = unmet(foreign.requirements)
    if clashes:
        more = [f"{len(clashes) - SHOWN} more"] if len(clashes) > SHOWN else []
        raise SettingsError(
            f"the model needs other packages than are installed: "
            f"{listed([*clashes[:SHOWN], *more])}. Name a Python that has them (--python), or have "
            "an environment made (--make-environment)."
        )


def make_environment(foreign: Foreign, root: Path) -> Path:
    """Make an environment with the packages that a model needs, if there is none; its Python.

    While another process makes it, this one waits.

    Args:
        root: of the project; models with the same requirements share an environment there.

    Raises:
        InputError: the packages can't be installed, or the model does not say which it needs.
        SettingsError: there is no pip.
    """
    if not foreign.requirements.strip():
        raise InputError("the model does not say which packages it needs: name a --python.")
    digest = hashlib.sha256(foreign.requirements.encode()).hexdigest()[:16]
    folder = root / ENVIRONMENTS / digest
    whole = folder / "whole"
    if not whole.is_file():
        pip = _pip()
        atomic.make_folder(folder)
        with FileLock(folder.with_suffix(".lock")):
            if not whole.is_file():
                _install(pip, foreign.requirements, folder)
                whole.touch()
    return _python_in(folder)


def _pip() -> list[str]:
    """What installs into other environments.

    An environment may have no pip of its own, as in the image, but the Python that it was made of.
    """
    for python in (sys.executable, sys._base_executable):  # type: ignore[attr-defined]
        pip = [python, "-m", "pip"]
        if not subprocess.run([*pip, "--version"], capture_output=True).returncode:
            return pip
    raise SettingsError(
        "--make-environment needs pip, and neither this Python nor that of which its environment "
        "was made has it: make an environment elsewhere, and name its --python."
    )


def _install(pip: Sequence[str], requirements: str, folder: Path) -> None:
    venv.create(folder, clear=True)
    listing = folder / REQUIREMENTS
    listing.write_text(requirements, "utf-8")
    into = ["--python", str(_python_in(folder)), "--disable-pip-version-check"]
    done = subprocess.run(
        [*pip, *into, "install", "--quiet", "-r", listing], capture_output=True, text=True
    )
    if done.returncode:
        reason = one_line(_last(done.stderr.splitlines()))
        raise InputError(f"the packages of the model can't be installed: {redact(reason)}")


def _python_in(folder: Path) -> Path:
    return folder / "bin" / "python"


def python_of(path: Path) -> str:
    """The path of an interpreter, as a model keeps it.

    Raises:
        SettingsError: it isn't one, or has no MLflow.
    """
    # Not resolved: the python of an environment is a link to one outside.
    python = str(path.absolute())
    try:
        done = subprocess.run([python, "-I", "-c", "import mlflow.pyfunc"], capture_output=True)
    except OSError as error:
        raise SettingsError(f"--python {path} can't be run: {error.strerror}.") from error
    if done.returncode:
        raise SettingsError(f"--python {path} has no MLflow, with which the model is loaded.")
    return python


def _last(lines: Sequence[str]) -> str:
    return lines[-1] if lines else "no reason given"
