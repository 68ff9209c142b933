"""What an adoption is asked for."""

from pathlib import Path

import pytest

import train
from common import adopt
from common.errors import SettingsError
from common.pipelines.adopt import AdoptRequest
from common.pipelines.train import TrainRequest
from common.registry import __main__ as registry
from common.settings import Settings
from common.settings_reader import load


def test_it_needs_messages_to_be_measured_on():
    with pytest.raises(SettingsError, match="to measure the model on: name --data"):
        AdoptRequest("model", TrainRequest())


def test_it_is_of_one_target():
    said = "one target at a time: --target-column NAME --model-name triage.NAME"
    with pytest.raises(SettingsError, match=said):
        AdoptRequest("model", TrainRequest(Path("data.csv"), target_column="topic,mood"))


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ({"fitted_on": Path("a.csv"), "unseen": True}, "--fitted-on and --unseen contradict"),
        ({"python": Path("p"), "make_environment": True}, "--python and --make-environment"),
    ],
)
def test_flags_that_contradict_each_other_are_refused(flags, said):
    with pytest.raises(SettingsError, match=said):
        AdoptRequest("model", TrainRequest(Path("data.csv")), **flags)


def request_of(script, *words):
    args = script.build_parser().parse_args(words)
    given = {field: vars(args)[field] for field in Settings.model_fields if field in vars(args)}
    settings = load(given, Path("none"))
    return (adopt if script is registry else script).build_request(args, settings)


def test_its_contest_is_asked_for_as_that_of_a_training():
    words = [
        *("--data", "a.csv", "--label-with", "file", "--labels-path", "b.csv", "--on", "id"),
        *("--target-column", "topic", "--holdout-percent", "30", "--replace-unscorable"),
        *("--auto-accuracy", "0.9", "--costs", "c.csv", "--promote-rules", "cost"),
    ]
    found = request_of(registry, "adopt", "model", *words).contest
    assert (found.labels_path.name, found.id_column) == ("b.csv", "id")
    assert found == request_of(train, *words)
