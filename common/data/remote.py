"""Files behind an address that fsspec knows (s3://, gs://, https://): found, fetched and written.

Their paths are those of universal_pathlib, which has what pathlib has; it comes with the extra
`cloud`.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from common.data import runs
from common.errors import InputError, SettingsError

_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]+://", re.IGNORECASE)


def parse_location(text: str) -> Path:
    """A path of this machine, or behind an address.

    Raises:
        SettingsError: what reads such addresses is not installed.
    """
    if not _ADDRESS.match(text):
        return Path(text)
    for name in ("botocore", "aiobotocore"):  # they tell where they found credentials
        logging.getLogger(name).setLevel(logging.WARNING)
    try:
        from upath import UPath

        path = UPath(text)
        _ = path.fs  # imports what it needs
    except ImportError as error:
        raise SettingsError(
            f"{without_secrets(text)} needs more packages: make cloud "
            f"({error.name or error} is missing)."
        ) from error
    except ValueError as error:
        raise SettingsError(f"{without_secrets(text)}: {error}.") from error
    return path


def is_remote(path: Path) -> bool:
    """Whether a path is behind an address."""
    return not isinstance(path, Path)


def without_secrets(address: object) -> str:
    """An address without what may be a secret: user, password, signature.

    >>> without_secrets("https://me:secret@example.org/a.csv?signature=secret")
    'https://example.org/a.csv'
    """
    if not _ADDRESS.match(str(address)):
        return str(address)
    parts = urlsplit(str(address))
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def file_name(path: Path) -> str:
    """The last part of a path, without the query of an address."""
    return urlsplit(str(path)).path.rpartition("/")[2] if is_remote(path) else path.name


def matches(path: Any) -> list[Path]:
    """The files of a folder or of a pattern, sorted; a file itself.

    Hidden files, marks of others (`_SUCCESS`) and runs without a mark are left out.

    Raises:
        InputError: it can't be reached, or a folder has no run that is complete.
    """
    if path.protocol in ("http", "https"):
        return [path]
    with remote_errors(path):
        if any(sign in path.path for sign in "*?["):
            found = path.fs.glob(path.path)
        elif path.fs.isfile(path.path):
            return [path]
        else:
            found = path.fs.find(path.path)
            if found and runs.run_of(PurePosixPath(path.path, "file")):
                above = (f"{folder}/{runs.SUCCESS}" for folder in PurePosixPath(path.path).parents)
                found += filter(path.fs.exists, above)
    unfinished = runs.unfinished(map(PurePosixPath, found))
    skipped = (".", "_")
    names = [name for name in found if not name.rpartition("/")[2].startswith(skipped)]
    complete = [name for name in names if runs.run_of(PurePosixPath(name)) not in unfinished]
    if names and not complete:
        runs.refuse_unfinished(without_secrets(path))
    for run in sorted(unfinished):
        runs.say_skipped(f"{path.protocol}://{run}")
    return [parse_location(f"{path.protocol}://{name}") for name in sorted(complete)]


def fetch(path: Any, target: Path) -> bool:
    """Copy a remote file to this machine; False where there is none."""
    with remote_errors(path):
        try:
            path.fs.get_file(path.path, str(target))
        except FileNotFoundError:
            target.unlink(missing_ok=True)
            return False
    return True


def put(source: Path, path: Any) -> None:
    """Copy a file to a remote place; an object store shows it when it is whole."""
    with remote_errors(path):
        path.fs.put_file(str(source), path.path)


def remove(path: Any) -> None:
    """Remove a remote file, if it is there."""
    with remote_errors(path):
        path.fs.invalidate_cache()
        if path.fs.exists(path.path):
            path.fs.rm_file(path.path)


@contextmanager
def remote_errors(path: Path) -> Iterator[None]:
    """One line for whatever a store or the way to it can raise: each has its own exceptions."""
    try:
        yield
    except Exception as error:
        reason = " ".join(str(error).replace(str(path), without_secrets(path)).split()) or repr(
            error
        )
        raise InputError(f"{without_secrets(path)} can't be reached: {reason}.") from error
