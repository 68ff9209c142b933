"""What the message that a message answers is worth to a model, measured on twcs.csv.

Who wrote it, with and without handles, and whether a customer is answered; with the context and
without, on the same rows. A conversation is fitted on or tested on.

python -m common.context twcs.csv -o twcs.parquet
python -m benchmarks.conversations --data twcs.parquet
"""

from __future__ import annotations

import argparse
import re
import sys
from hashlib import blake2b
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.metrics import log_loss
from tabulate import tabulate

from common.data.conversations import CONVERSATION, IN_CONTEXT
from common.models.boosted import TextClassifier

HANDLE = re.compile(r"@\w+")
TEST_SHARE = 0.3
HEADERS = ("task", "rows", "accuracy", "with context", "log loss", "with context")


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--draws", type=int, default=4)
    args = parser.parse_args()
    table = []
    for name, (frame, labels) in tasks(pd.read_parquet(args.data)).items():
        found = np.array([_compared(frame, labels, seed) for seed in range(args.draws)])
        means, gains = found.mean(axis=0), found[:, 1] - found[:, 0]
        errors = 1.96 * gains.std(axis=0, ddof=1) / np.sqrt(args.draws)
        cells = [
            cell
            for k in range(2)
            for cell in (
                f"{means[0, k]:.4f}",
                f"{means[1, k]:.4f} ({gains[:, k].mean():+.4f} +/- {errors[k]:.4f})",
            )
        ]
        table.append((name, f"{len(frame):,}", *cells))
    sys.stdout.write(tabulate(table, HEADERS, tablefmt="github", disable_numparse=True) + "\n")
    return 0


def tasks(frame: pd.DataFrame) -> dict[str, tuple[pd.DataFrame, np.ndarray]]:
    """The rows of each task, and their classes."""
    bare = frame.assign(
        text=frame["text"].str.replace(HANDLE, "", regex=True),
        **{IN_CONTEXT: frame[IN_CONTEXT].str.replace(HANDLE, "", regex=True)},
    )
    asked = frame[frame["inbound"] == "True"]
    answered = np.where(asked["response_tweet_id"] == "", "no", "yes").astype(object)
    wrote = frame["inbound"].to_numpy(object)
    return {
        "customer or brand": (frame, wrote),
        "customer or brand, without handles": (bare, wrote),
        "is a customer answered": (asked, answered),
    }


def _compared(frame: pd.DataFrame, labels: np.ndarray, seed: int) -> list[tuple[float, float]]:
    """Accuracy and log loss without the context, and with it."""
    tested = frame[CONVERSATION].map(lambda name: _share(f"{seed}:{name}") < TEST_SHARE)
    test = tested.to_numpy(bool)
    found = []
    for column in ("text", IN_CONTEXT):
        texts = frame[column].to_numpy(object)
        model = TextClassifier().fit(texts[~test], labels[~test])
        proba = model.predict_proba(texts[test])
        right = model.classes_[proba.argmax(axis=1)] == labels[test]
        loss = log_loss(labels[test], proba, labels=model.classes_)
        found.append((float(right.mean()), float(loss)))
    return found


def _share(text: str) -> float:
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big") / 2**64


if __name__ == "__main__":
    sys.exit(main())
