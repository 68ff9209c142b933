"""Accuracy from queues is that of the whole file, whatever people were shown."""

import csv

import numpy as np
import pytest

from common.data import split
from common.evaluation import weighted
from common.labelling.known import KnownLabels, LabelledMessage
from common.labelling.queue import Asked, ScoredColumns, draw_queue

COLUMNS = ScoredColumns("text", "prediction", "confidence", id="id")
QUEUES = 300


def write_world(path, right_when_sure, seed=1):
    """Messages whose confidences are too high, with copies that differ by case and mentions.

    Returns whether each row, by its id, is answered right; copies are not all answered alike.
    """
    random = np.random.default_rng(seed)
    rows = []
    for text in range(1000):
        copies = 1 + int(2 * random.pareto(1.1)) if text % 3 == 0 else 1
        confidence = random.beta(4, 1.5) * 0.6 + 0.4
        for _ in range(min(copies, 200)):
            chance = right_when_sure * confidence**1.5 if copies < 5 else right_when_sure
            mention = f"@user{random.integers(99)} " if random.random() < 0.5 else ""
            words = f"message {text}" if random.random() < 0.7 else f"MESSAGE {text}"
            right = random.random() < chance
            noise = float(np.clip(confidence + random.normal(0, 0.01), 0, 1))
            rows.append((f"{mention}{words}", noise, right))
    random.shuffle(rows)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "text", "prediction", "confidence"])
        writer.writerows((n, text, "a", sure) for n, (text, sure, _) in enumerate(rows))
    return np.array([right for _, _, right in rows])


def estimates(path, right):
    for seed in range(QUEUES):
        asked = Asked(random=100, hard=100, seed=seed)
        queue = draw_queue(path, COLUMNS, asked, KnownLabels())
        strata = np.array([message.why for message in queue.messages], object)
        weights = np.array([m.copies / m.probability for m in queue.messages])
        answers = right[[int(message.id) for message in queue.messages]]
        found = weighted.estimate(weighted.count(strata, weights, answers))
        yield found, answers[strata != "random"].mean(), answers.mean()


@pytest.mark.slow
@pytest.mark.parametrize("right_when_sure", [0.99, 0.75], ids=["easy", "hard"])
def test_accuracy_from_queues_is_that_of_the_file(tmp_path, right_when_sure):
    path = tmp_path / "scored.csv"
    right = write_world(path, right_when_sure)
    truth = right.mean()
    found, hard, plain = zip(*estimates(path, right), strict=True)
    values = np.array([each.value for each in found])
    assert abs(values.mean() - truth) < 0.005
    covered = np.mean([each.lower <= truth <= each.upper for each in found])
    assert covered >= 0.93
    below = np.mean([each.bound < truth for each in found])
    assert below <= 0.08
    # What people were shown because it is hard says nothing of the file.
    assert truth - np.mean(hard) > 0.1
    assert truth - np.mean(plain) > 0.05


def test_a_label_of_the_page_takes_no_copies_out_of_what_is_estimated(tmp_path):
    random = np.random.default_rng(1)
    often = np.arange(1000) < 200
    right = often | (random.random(1000) < 0.7)
    texts = ["thanks!" if same else f"message {n}" for n, same in enumerate(often)]
    sure = np.where(often, 1.0, random.random(1000))
    path = tmp_path / "scored.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "text", "prediction", "confidence"])
        writer.writerows([n, texts[n], "a", sure[n]] for n in range(1000))
    (key,) = split.keys(["thanks!"]).tolist()
    known = KnownLabels({"7": LabelledMessage("a", key)}, {key: "a"})
    found = []
    for seed in range(30):
        messages = draw_queue(path, COLUMNS, Asked(60, 20, seed), known).messages
        weights = [message.copies / message.probability for message in messages]
        answers = [right[int(message.id)] for message in messages]
        found.append(np.average(answers, weights=weights))
    error = np.std(found) / np.sqrt(len(found))
    assert np.mean(found) == pytest.approx(right.mean(), abs=3 * error)
    assert 3 * error < 0.04
