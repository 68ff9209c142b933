"""Messages of two classes, of which a part is hard to tell: their words are of both."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path

import numpy as np


def write_messages(path: Path, words: Mapping[str, str], rows: int, seed: int = 0) -> Path:
    """Write a CSV `text,topic`; three in ten messages have words of the other class as well.

    Args:
        words: of each of the two classes.
    """
    rng = np.random.default_rng(seed)
    names = list(words)
    with path.open("w", newline="") as lines:
        writer = csv.writer(lines)
        writer.writerow(["text", "topic"])
        for k in range(rows):
            own = int(rng.integers(2))
            keeps = 0.6 if rng.random() < 0.3 else 0.97
            said = [
                rng.choice(words[names[own if rng.random() < keeps else 1 - own]].split())
                for _ in range(5)
            ]
            writer.writerow([" ".join([*said, f"n{k}"]), names[own]])
    return path
