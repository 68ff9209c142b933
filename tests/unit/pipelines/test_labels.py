"""Trainings whose classes a rule makes, or a file of labels has, and looks at their versions."""

from dataclasses import replace

import pandas as pd
import pytest
from json_schema import problems

from common.data import rules
from common.errors import InputError, SettingsError
from common.pipelines.monitor import MonitorRequest
from common.pipelines.monitor import run as monitor
from common.pipelines.train import TrainRequest, reproduce, run
from common.registry import runs, store, versions
from common.reports import console
from common.reports import monitoring as page

pytestmark = pytest.mark.usefixtures("warm_clean_process")

SAID = rules.agreement("critical")


def messages(first=0, rows=240):
    """Half of them are critical; without the word, one in three of the others looks the same."""
    places = ("of the bank", "from the shop", "at home")
    texts = [
        f"order {row // 2} " + (places[row // 2 % 3] if row % 2 else f"stolen {places[0]}")
        for row in range(first, first + rows)
    ]
    return pd.DataFrame({"id": [f"m{first + row}" for row in range(rows)], "text": texts})


@pytest.fixture(scope="module")
def request_(tmp_path_factory):
    uri = f"sqlite:///{tmp_path_factory.mktemp('store')}/mlflow.db"
    return TrainRequest(messages(), label_with="critical", id_column="id", tracking_uri=uri)


@pytest.fixture(scope="module")
def trained(request_):
    return run(request_)


def test_a_version_of_a_rule_says_so_wherever_it_is_seen(trained, request_, tmp_path):
    registry = store.connect(request_.tracking_uri, tmp_path, "triage")
    version = versions.find(registry, "1")
    assert version.tags["labels"] == SAID
    assert version.tags["label_with"] == "critical"
    params = runs.params(registry, version.run_id)
    assert params["label_with"] == "critical"
    assert SAID in registry.client.get_model_version("triage", "1").description
    registry.client.download_artifacts(version.run_id, "", str(tmp_path))
    written = {path.name: path.read_text("utf-8") for path in tmp_path.glob("**/*.[mh][dt]*")}
    assert "agreement with the rule, not with people" in written["model_card.md"]
    assert "agreement with the rule, not with people" in written["contest.html"]
    said, facts = console.training(trained)
    assert SAID in said
    assert SAID in facts["remarks"]


def test_the_monitor_labels_by_the_rule_of_the_version_and_says_so(trained, request_, tmp_path):
    look = MonitorRequest(
        messages(first=500), tracking_uri=request_.tracking_uri, state=tmp_path / "book.db"
    )
    result = monitor(look)
    assert result.counts.used == 240
    assert set(result.classes.by_class) == {"critical", "normal"}
    assert SAID in console.monitoring(result)
    assert SAID in page.render(result)
    assert not problems(result.to_json(), "monitor.schema.json")
    by_people = replace(
        look, data=messages(first=500).assign(label="normal"), target_column="label"
    )
    assert SAID not in console.monitoring(monitor(by_people))


def test_masked_words_show_what_is_learnt_beyond_the_rule(trained, request_, tmp_path):
    result = run(replace(request_, mask_rule_words=True))
    beyond = result.beyond_rule
    assert beyond.accuracy_with == trained.metrics["accuracy"] == 1
    assert beyond.majority < beyond.accuracy_without < 1
    assert beyond.emptied == 0
    said, facts = console.training(result)
    assert beyond.sentence() in said
    assert "nothing was logged or registered" in said
    assert not problems(facts, "train.schema.json")
    registry = store.connect(request_.tracking_uri, tmp_path, "triage")
    assert len(versions.list_versions(registry)) == 1


def test_a_version_is_fitted_again_with_all_its_words(request_):
    with pytest.raises(SettingsError, match="--mask-rule-words and --reproduce"):
        reproduce(replace(request_, mask_rule_words=True), "1")


def test_a_version_of_one_of_several_targets_is_looked_for_in_its_own_model(trained, request_):
    with pytest.raises(SettingsError, match="names several columns: name one"):
        reproduce(replace(request_, target_column="a,b", model_name="none"), "1")


@pytest.mark.parametrize("label_with", ["column", "file"])
def test_there_are_no_words_to_mask_of_labels_by_people(label_with):
    with pytest.raises(SettingsError, match="--mask-rule-words is for labels made by a rule"):
        TrainRequest(mask_rule_words=True, label_with=label_with)


def test_a_file_of_labels_is_joined_counted_and_looked_at_again(request_, tmp_path):
    labels = tmp_path / "labels.csv"
    filed = messages().assign(mood=["angry", "calm"] * 120)
    more = pd.DataFrame({"id": ["m0", "x1"], "mood": ["calm", "calm"]})
    pd.concat([filed[["id", "mood"]].iloc[:200], more]).to_csv(labels, index=False)
    request = replace(
        request_,
        label_with="file",
        labels_path=labels,
        target_column="mood",
        model_name="moods",
    )
    result = run(request)
    assert (result.counts.used, result.counts.unlabelled) == (200, 40)
    remarks = "\n".join(result.remarks)
    assert "1 of 201 ids in labels.csv have different labels: the last one counts." in remarks
    assert "1 of 201 ids in labels.csv are of no message." in remarks
    assert "40 of 240 rows have no class" in remarks
    assert "labels" not in result.version.tags
    look = MonitorRequest(
        messages(),
        model_name="moods",
        tracking_uri=request.tracking_uri,
        state=tmp_path / "book.db",
    )
    # Of what it was fitted on, the held-out rows are looked at.
    assert monitor(look).counts.used == result.holdout_rows > 30
    # All but the places of files is as it was then, whatever the settings say now.
    now = replace(
        request,
        label_with="column",
        target_column="a,b",
        labels_path=None,
        model_family="embedding",
    )
    assert reproduce(now, "1").identical
    labels.rename(tmp_path / "gone.csv")
    assert reproduce(replace(now, labels_path=tmp_path / "gone.csv"), "1").identical
    with pytest.raises(InputError, match=r"labels\.csv is not the file .* --labels-path"):
        reproduce(now, "1")
    assert monitor(replace(look, no_labels=True)).counts.used == 0
    with pytest.raises(InputError, match=r"labels\.csv"):
        monitor(look)
    (tmp_path / "gone.csv").rename(labels)
    labels.write_text(labels.read_text() + "m1,angry\n")
    with pytest.raises(InputError, match="is not the file of LABELS_PATH that version 1"):
        reproduce(request, "1")
