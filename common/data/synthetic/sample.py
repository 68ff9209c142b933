"""The sample that train.py takes where no data is given: one file of synthetic messages."""

from __future__ import annotations

from itertools import chain, islice
from pathlib import Path
from typing import Any

from common import DATA
from common.data.atomic import make_folder, write_csv
from common.data.synthetic.inbound import INBOUND
from common.data.synthetic.messages import DEFAULT_SEED
from common.data.synthetic.scenarios import Kind
from common.data.synthetic.topics import TOPICS
from common.data.synthetic.variety import varied

FILE_NAME = "synthetic_messages.csv"
FOLDER = DATA
DEFAULT_ROWS = 10_000
# By the class that is asked for; the first is the usual one.
KINDS: dict[str, Kind[Any]] = {kind.target: kind for kind in (TOPICS, INBOUND)}


def write_sample(
    directory: Path,
    rows: int = DEFAULT_ROWS,
    seed: int = DEFAULT_SEED,
    kind: Kind[Any] = TOPICS,
    vary: bool = False,
) -> Path:
    """Write `synthetic_messages.csv` into `directory`, which is made if need be.

    The same seed gives the same bytes, and a larger sample starts with the smaller one.

    Args:
        vary: messages with the variety of real ones, for measuring speed and memory.

    Raises:
        InputError: the directory or the file can't be written.
    """
    make_folder(directory)
    path = directory / FILE_NAME
    width = len(kind.columns)
    blocks = varied(kind.blocks(seed), seed) if vary else kind.blocks(seed)
    messages = islice(chain.from_iterable(blocks), rows)
    write_csv(path, kind.columns, (message[:width] for message in messages))
    return path
