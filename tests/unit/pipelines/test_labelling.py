"""Queues of what predict.py wrote, whatever its columns are called."""

import csv

import pytest

from common.errors import InputError
from common.pipelines import labelling
from common.pipelines.labelling import QueueRequest

ADDED = ("prediction", "confidence", "model_version", "route")


def queue_of(tmp_path, prefix="", ending="", told="", written_with=",", **more):
    """A queue of a file with these columns; its rows."""
    scored = tmp_path / "scored.csv"
    with scored.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, delimiter=written_with)
        writer.writerow(["tweet_id", "text", *(f"{prefix}{name}{ending}" for name in ADDED)])
        writer.writerows([n, f"für {n}", "a", n / 20, 1, "auto"] for n in range(20))
    output = tmp_path / "queue.csv"
    store = f"sqlite:///{tmp_path}/none.db"  # nobody has trained
    request = QueueRequest(
        output, scored, number=8, tracking_uri=store, prefix=told, target_column="topic", **more
    )
    labelling.draw(request)
    with output.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize(("prefix", "ending"), [("", ""), ("new_", ""), ("new_", "_topic")])
def test_answers_are_found_by_prefix_and_target_and_the_route_comes_along(tmp_path, prefix, ending):
    rows = queue_of(tmp_path, prefix, ending, told=prefix)
    assert {row["prediction"] for row in rows} == {"a"}
    assert {row[f"{prefix}route{ending}"] for row in rows} == {"auto"}
    assert [row["why"] for row in rows].count("uncertain") == 4


def test_a_prefix_that_was_not_told_is_named(tmp_path):
    with pytest.raises(InputError, match=r"no column 'prediction'.*a --prefix, say the same here"):
        queue_of(tmp_path, "new_")


@pytest.mark.parametrize(("written_with", "told"), [(",", ";"), (";", None), ("|", "|")])
def test_predictions_are_read_as_they_were_written_whatever_form_the_messages_had(
    tmp_path, written_with, told
):
    rows = queue_of(tmp_path, written_with=written_with, delimiter=told)
    assert {row["text"][:4] for row in rows} == {"für "}
