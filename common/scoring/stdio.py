"""Standard input as a file, and a file to standard output, for shell pipelines.

Input is read twice, and output appears whole or not at all, so both go through a temporary folder.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from common.errors import InputError

STANDARD = Path("-")
INPUT, OUTPUT = "standard input", "standard output"


@contextmanager
def standard_streams(
    inputs: Sequence[Path], output: Path | None
) -> Iterator[tuple[list[Path], Path | None]]:
    """Yield inputs and output as files.

    `-` is standard input; its output goes to standard output when the block ends, unless `output`
    names a file.

    Raises:
        InputError: standard input can't be read, or the disk is full.
    """
    if STANDARD not in inputs:
        yield list(inputs), output
        return
    with tempfile.TemporaryDirectory() as folder:
        source = _spool(Path(folder))
        target = output or Path(folder, "stdout.csv")
        try:
            yield [source], target
        except InputError as error:
            text = str(error).replace(str(source), INPUT)
            raise InputError(text if output else text.replace(str(target), OUTPUT)) from error
        if output is None:
            with target.open("rb") as file:
                _print(file)


def _print(file: BinaryIO) -> None:
    try:
        shutil.copyfileobj(file, sys.stdout.buffer, 1 << 20)
        sys.stdout.buffer.flush()
    except BrokenPipeError:  # the reader has left
        raise
    except OSError as error:
        raise InputError(f"cannot write to stdout: {error.strerror}.") from error


def _spool(folder: Path) -> Path:
    """Save standard input as a file; the ending of its name says whether it is JSON lines."""
    path = folder / "stdin"
    try:
        with path.open("wb") as file:
            shutil.copyfileobj(sys.stdin.buffer, file, 1 << 20)
        with path.open("rb") as file:
            ending = ".jsonl" if file.read(64).lstrip().startswith(b"{") else ".csv"
        return path.rename(path.with_suffix(ending))
    except OSError as error:
        raise InputError(f"standard input can't be saved in {folder}: {error.strerror}.") from error
