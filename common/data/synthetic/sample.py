"""The sample that train.py takes where no data is given: one file of synthetic messages."""

from __future__ import annotations

from itertools import chain
from pathlib import Path

from common import ROOT
from common.data.atomic import make_folder, write_csv
from common.data.synthetic.messages import COLUMNS, DEFAULT_SEED, generate

FILE_NAME = "synthetic_messages.csv"
FOLDER = ROOT / "data"
DEFAULT_ROWS = 10_000


def write_sample(directory: Path, rows: int = DEFAULT_ROWS, seed: int = DEFAULT_SEED) -> Path:
    """Write `synthetic_messages.csv` into `directory`, which is made if need be.

    Raises:
        InputError: the directory or the file can't be written.
    """
    make_folder(directory)
    path = directory / FILE_NAME
    write_csv(path, COLUMNS, chain.from_iterable(generate(rows, seed)))
    return path
