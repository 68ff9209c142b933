"""Queues of days, and then one of their folder: each message counts once."""

import csv

import numpy as np
import pytest

from common.data import split
from common.labelling.known import KnownLabels, LabelledMessage
from common.labelling.queue import Asked, ScoredColumns, draw_queue

COLUMNS = ScoredColumns("text", "prediction", "confidence", id="id")
ROWS = 400
SEEDS = 50


def write_days(folder, right_by_day):
    """A file for each day; one message in ten is a text that every day has.

    Returns whether each message, by its id, is answered right.
    """
    random = np.random.default_rng(1)
    right = {}
    for day, share in right_by_day.items():
        with (folder / f"{day}.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["id", "text", "prediction", "confidence"])
            for number in range(ROWS):
                often = number % 10 == 0
                text = f"thanks {number % 40}" if often else f"{day} message {number}"
                # What all days have is answered right: a label is that of all copies.
                right[f"{day}{number}"] = often or random.random() < share
                # Nor is it hard: hard texts stand for their copies of one day alone.
                sure = 1 if often else random.random()
                writer.writerow([f"{day}{number}", text, "a", sure])
    return right


class Labelled:
    """Stands for the file of labels: the last queue says what a message was drawn with."""

    def __init__(self):
        self.rows = {}

    def take_in(self, path, random, hard, seed):
        keys = split.keys([row.text for row in self.rows.values()]).tolist()
        known = KnownLabels(
            {
                message.id: LabelledMessage("a", key, message.why, message.probability)
                for message, key in zip(self.rows.values(), keys, strict=True)
            },
            dict.fromkeys(keys, "a"),
        )
        queue = draw_queue(path, COLUMNS, Asked(random, hard, seed), known)
        self.rows |= {message.id: message for message in queue.messages}
        return queue


@pytest.mark.parametrize("random", [150, 20], ids=["more", "fewer"])
def test_each_message_counts_once_and_the_estimate_is_that_of_all(tmp_path, random):
    """More, and fewer, of the folder than of its first days, which were drawn from before."""
    right = write_days(tmp_path, {"a": 0.9, "b": 0.3, "c": 0.6})
    messages, values = [], []
    for seed in range(SEEDS):
        labelled = Labelled()
        for day in ("a", "b"):
            labelled.take_in(tmp_path / f"{day}.csv", 60, 20, seed)
        labelled.take_in(tmp_path, random, 20, seed)
        weights = np.array([m.copies / m.probability for m in labelled.rows.values()])
        answers = np.array([right[id] for id in labelled.rows])
        messages.append(weights.sum())
        values.append(np.average(answers, weights=weights))
    assert np.mean(messages) == pytest.approx(len(right), rel=0.02)
    truth = np.mean(list(right.values()))
    error = np.std(values) / np.sqrt(SEEDS)
    assert np.mean(values) == pytest.approx(truth, abs=max(3 * error, 0.005))
