"""A training as one function: of a table, of a file, dry, manual, and once more."""

import csv
import json
from dataclasses import fields, replace
from datetime import date
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest
from json_schema import problems

from common.errors import InputError, SettingsError
from common.evaluation.profile import Profile
from common.models.families import FAMILIES
from common.pipelines import train
from common.pipelines.train import FITTED_WITH, TrainRequest, reproduce, run
from common.registry import history, runs, store, versions
from common.reports import console
from common.settings import Settings
from common.training import tournament

pytestmark = pytest.mark.usefixtures("warm_clean_process")

ANGRY, CALM = "my order {} is lost and late, I want a refund", "thanks {}, all is well, great team"


def table(rows=400):
    texts = [(ANGRY, CALM)[row % 2].format(row) for row in range(rows)]
    wrong = {row for row in range(rows) if row % 17 == 0}
    moods = [("angry", "calm")[(row % 2) ^ (row in wrong)] for row in range(rows)]
    return pd.DataFrame({"message": texts, "mood": moods})


@pytest.fixture(scope="module")
def request_(tmp_path_factory):
    """To train on a table, into a store of its own."""
    folder = tmp_path_factory.mktemp("store")
    return TrainRequest(
        table(),
        text_column="message",
        target_column="mood",
        tracking_uri=f"sqlite:///{folder}/mlflow.db",
    )


@pytest.fixture(scope="module")
def first(request_):
    """The first training, whose model is champion."""
    return run(request_)


@pytest.fixture
def registry(first, request_, tmp_path):
    return store.connect(request_.tracking_uri, tmp_path, request_.model_name)


def as_json(summary):
    _, facts = summary
    return json.loads(json.dumps(facts, allow_nan=False))


def test_a_table_becomes_a_champion(first, registry):
    assert first.contest.verdict.outcome == "promoted"
    assert first.version.number == 1
    assert (first.counts.read, first.synthetic) == (400, False)
    assert first.metrics["accuracy"] > 0.85
    assert versions.champion(registry) == versions.find(registry, "1")
    assert history.read(registry).champion == 1
    assert isinstance(runs.reference(registry, first.version.run_id), Profile)


def test_the_version_says_what_it_was_made_from(first, registry, request_):
    tags = versions.find(registry, "1").tags
    assert tags["model_family"] == "boosted"
    assert tags["text_column"] == "message"
    params = runs.params(registry, first.version.run_id)
    assert params["data_path"] == "DataFrame"
    assert params["seed"] == "42"
    assert "None" not in params.values()
    run = registry.client.get_run(first.version.run_id)
    assert run.info.run_name == "train triage v1 DataFrame"
    described = {name: run.data.tags[f"triage.{name}"] for name in ("model", "version", "data")}
    assert described == {"model": "triage", "version": "1", "data": "DataFrame"}
    assert "sqlite" not in str(params)
    (dataset,) = registry.client.get_run(first.version.run_id).inputs.dataset_inputs
    assert dataset.dataset.name == "DataFrame"
    assert dataset.dataset.digest == tags["data_sha256"][:32]


def test_the_pages_of_the_model_and_its_version_say_who_is_champion(first, registry):
    model = registry.client.get_registered_model("triage")
    assert model.description.startswith("Champion: version 1.")
    assert "| won its contest | first champion: " in model.description
    version = registry.client.get_model_version("triage", "1")
    assert version.description.startswith("First champion: ")


def test_the_result_is_what_the_schema_describes(first, request_):
    assert not problems(as_json(console.training(first)), "train.schema.json")
    assert problems(as_json(console.training(first)) | {"new": 1}, "train.schema.json")


def test_families_compete_and_the_best_challenges(first, request_, monkeypatch):
    monkeypatch.setattr(tournament, "FEW_ROWS", 0)  # one part left out is enough here
    done = run(replace(request_, model_family="all", dry_run=True))
    text, facts = console.training(done)
    assert not problems(json.loads(json.dumps(facts)), "train.schema.json")
    held = facts["tournament"]
    with_torch = [] if FAMILIES["neural"].lacks() else ["neural"]
    assert [one["family"] for one in held["families"]] == ["linear", "boosted", *with_torch]
    assert held["winner"] == facts["family"] == done.family
    assert "Left out: MODEL_FAMILY=embedding needs vectors" in text
    assert text.count("challenges") == 2


def test_a_family_that_cannot_be_fitted_here_is_refused(request_):
    with pytest.raises(SettingsError, match="set EMBEDDINGS"):
        run(replace(request_, model_family="embedding"))


def test_a_dry_run_registers_nothing(first, request_, registry):
    result = run(replace(request_, dry_run=True))
    assert result.version is None
    assert result.contest.champion_number == 1
    assert result.contest.verdict.outcome == "rejected"
    assert len(versions.list_versions(registry)) == 1
    facts = as_json(console.training(result))
    assert not problems(facts, "train.schema.json")
    assert (facts["model"], facts["promoted"]) == (None, False)


def test_a_challenger_may_wait_for_a_person(first, request_, registry):
    easy = replace(request_, champion_threshold=-1, promote_rules=("accuracy",), seed=7)
    result = run(replace(easy, promotion="manual"))
    assert result.contest.verdict.outcome == "waiting"
    assert history.read(registry).champion == 1
    text, facts = console.training(result)
    assert f"common.registry promote {result.version.number}" in text
    assert not problems(facts, "train.schema.json")


@pytest.mark.parametrize(
    "kind", [lambda frame: frame, pa.Table.from_pandas], ids=["pandas", "Arrow"]
)
def test_a_version_is_fitted_again_from_the_same_table(first, request_, kind):
    again = replace(request_, data=kind(table()), target_column="mood", holdout_percent=50, seed=9)
    found = reproduce(again, "1")
    assert found.identical
    assert found.version.number == 1
    assert not problems(as_json(console.reproduction(found)), "train.schema.json")


def test_a_version_is_fitted_again_with_the_words_of_its_release(tmp_path, monkeypatch):
    frame = table(200)
    frame["message"] += [(" ส่งช้า", " ดีมาก", " 配送很慢", " 非常好")[row % 4] for row in range(200)]
    request = TrainRequest(
        frame,
        text_column="message",
        target_column="mood",
        tracking_uri=f"sqlite:///{tmp_path}/mlflow.db",
    )
    today = train._recipe
    with monkeypatch.context() as before:
        before.setattr(train, "_recipe", lambda of: replace(today(of), all_scripts=False))
        old = run(request)
    assert reproduce(request, str(old.version.number)).identical


def test_a_champion_of_single_messages_is_not_tested_on_conversations(first, request_):
    frame = table()
    frame["message"] += [f"\x1e\x1e{row * 7919:016x}" for row in range(len(frame))]
    verdict = run(replace(request_, data=frame, dry_run=True)).contest.verdict
    assert not verdict.promote
    assert "its holdout was chosen by text, the challenger's by conversation" in verdict.reason
    assert any("--replace-unscorable" in way for way in verdict.ways_out)


def test_other_data_is_no_reproduction(first, request_):
    with pytest.raises(InputError, match="DataFrame is not the file that version 1 was fitted on"):
        reproduce(replace(request_, data=table(300)), "1")


def test_the_version_says_what_became_of_the_lexicon_and_of_labels(first, registry, request_):
    params = runs.params(registry, first.version.run_id)
    assert (params["lexicon"], params["lexicon_used"]) == ("auto", "none")
    assert (params["scaled_start"], params["all_scripts"]) == ("True", "True")
    text, facts = console.training(first)
    assert "Lexicon vader is not used: no gain beyond chance (log loss" in text
    assert not facts["lexicon"]["used"]
    assert f"Labels worth a second look: {first.doubts}, in labels_to_check.csv of its run." in text
    client, run_id = registry.client, first.version.run_id
    table = Path(client.download_artifacts(run_id, "labels_to_check.csv")).read_text()
    rows = list(csv.DictReader(table.splitlines()))
    assert len(rows) == first.doubts > request_.examples
    turned = {("lost" in row["text"], row["label"]) for row in rows[: request_.examples]}
    assert turned == {(True, "calm"), (False, "angry")}, "all were labelled wrongly on purpose"
    card = client.download_artifacts(run_id, "model_card.md")
    assert "Lexicon vader is not used" in Path(card).read_text()
    assert (
        "Labels worth a second look"
        in Path(client.download_artifacts(run_id, "contest.html")).read_text()
    )


def test_a_version_is_fitted_again_with_its_list_of_words_and_no_other(request_, tmp_path):
    words = tmp_path / "words.csv"
    words.write_text("lost,-2\nwell,1\n")
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    request = replace(request_, lexicon=str(words), tracking_uri=uri)
    result = run(request)
    assert (result.lexicon_use.name, result.lexicon_use.gain) == ("words.csv", None)
    assert reproduce(replace(request, lexicon="none"), "1").identical
    words.write_text("lost,-1\nwell,1\n")
    with pytest.raises(
        InputError, match=r"words.csv is not the file of LEXICON that version 1 was"
    ):
        reproduce(request, "1")


def test_a_list_of_words_that_is_not_there_is_named_before_anything_is_fitted(request_, tmp_path):
    with pytest.raises(InputError, match=r"cannot read .*none.csv"):
        run(replace(request_, lexicon=str(tmp_path / "none.csv")))


def test_a_version_says_what_vectors_gained_and_is_fitted_again_with_them(request_, tmp_path):
    words = tmp_path / "words.vec"
    words.write_text("lost 1 0.2\nwell 0.1 1\nteam 0.3 0.9\n")
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    request = replace(request_, embeddings=str(words), tracking_uri=uri)
    result = run(request)
    text, facts = console.training(result)
    assert "Embeddings words.vec are used, as EMBEDDINGS says: log loss 0.0" in text
    assert not problems(json.loads(json.dumps(facts)), "train.schema.json")
    registry = store.connect(uri, tmp_path, request.model_name)
    params = runs.params(registry, result.version.run_id)
    assert params["embeddings"] == str(words)
    assert params["embeddings_gain"].startswith(f"{result.embeddings_use.gain:.4f} +/- ")
    card = registry.client.download_artifacts(result.version.run_id, "model_card.md")
    assert "Embeddings words.vec are used" in Path(card).read_text()
    assert reproduce(replace(request, embeddings="none"), "1").identical
    words.write_text("lost 1 0.3\nwell 0.1 1\nteam 0.3 0.9\n")
    with pytest.raises(InputError, match=r"words.vec is not the file of EMBEDDINGS that version 1"):
        reproduce(request, "1")


@pytest.mark.parametrize(
    ("embeddings", "error", "said"),
    [
        ("none.vec", InputError, r"cannot read .*none.vec"),
        ("no_such_module:f", SettingsError, "no module 'no_such_module' that a stored model would"),
        ("statistics:nothing", SettingsError, "has no attribute 'nothing'"),
        ("statistics:mean", SettingsError, "the function fails on [0-9]+ texts"),
        ("numpy:array", SettingsError, "the function gives no array of numbers"),
    ],
)
def test_embeddings_that_cannot_be_used_are_named_in_one_line(
    request_, tmp_path, embeddings, error, said
):
    setting = embeddings if ":" in embeddings else str(tmp_path / embeddings)
    with pytest.raises(error, match=said) as raised:
        run(replace(request_, embeddings=setting, dry_run=True))
    assert "\n" not in str(raised.value)


def changed_table(rows=2400, recent=400):
    """Words that turn from calm to angry and back, for the last messages."""
    frame = table(rows)
    turned = {"angry": "calm", "calm": "angry"}
    frame.loc[rows - recent :, "mood"] = frame["mood"].iloc[rows - recent :].map(turned)
    frame["created_at"] = ["2026-03-01"] * (rows - recent) + ["2026-03-10"] * recent
    return frame


def test_where_the_world_has_changed_recent_messages_decide(tmp_path):
    before = changed_table()
    request = TrainRequest(
        before[before["created_at"] == "2026-03-01"],
        text_column="message",
        target_column="mood",
        tracking_uri=f"sqlite:///{tmp_path}/mlflow.db",
    )
    assert run(request).contest.verdict.promote
    request = replace(request, data=before)
    everything = run(replace(request, dry_run=True)).contest.verdict
    assert not everything.promote, "old messages outvote new ones"
    day = date(2026, 3, 10)
    recent = run(replace(request, since=day, contest_since=day))
    assert recent.contest.verdict.promote
    assert "shared holdout rows since 2026-03-10" in recent.contest.verdict.reason
    assert (recent.counts.used, recent.counts.older) == (400, 2000)
    assert reproduce(request, str(recent.version.number)).identical


def test_too_few_recent_messages_do_not_decide(request_, first):
    frame = table()
    frame["created_at"] = ["2026-03-01"] * 390 + ["2026-03-10"] * 10
    found = run(replace(request_, data=frame, dry_run=True, contest_since=date(2026, 3, 10)))
    assert "since" not in found.contest.verdict.reason
    assert found.contest.shared.all()


def test_a_table_that_lacks_a_column_is_refused_before_the_store_is_made(request_, tmp_path):
    uri = f"sqlite:///{tmp_path}/none.db"
    with pytest.raises(InputError, match="TARGET_COLUMN"):
        run(replace(request_, target_column="x", tracking_uri=uri))
    assert not list(tmp_path.iterdir())


def test_a_request_has_the_defaults_of_the_settings():
    names = {"data": "data_path", "experiment": "mlflow_experiment_name"}
    names["tracking_uri"] = "mlflow_tracking_uri"
    without = {"dry_run", "mask_rule_words", "replace_unscorable"}
    without |= {"target_column", "since", "contest_since"}
    request = TrainRequest()
    for field in fields(request):
        if field.name not in without:
            setting = Settings.model_fields[names.get(field.name, field.name)]
            value = getattr(request, field.name)
            assert (value or None) == (setting.default or None), field.name
    assert request.target_column is None, "the data decides"
    assert set(FITTED_WITH) <= {field.name for field in fields(request)}


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"model_family": "x"}, "MODEL_FAMILY 'x' is unknown: take linear, boosted"),
        ({"holdout_percent": 60}, "HOLDOUT_PERCENT must be 5 to 50"),
        ({"class_weight": "x"}, "CLASS_WEIGHT"),
        ({"promotion": "x"}, "PROMOTION"),
        ({"promote_rules": ("accuracy", "x")}, "PROMOTE_RULES"),
        ({"label_with": "x"}, "LABEL_WITH"),
    ],
)
def test_a_request_that_cannot_be_meant_is_refused(values, said):
    with pytest.raises(SettingsError, match=said):
        TrainRequest(**values)


def test_a_request_shows_no_address_of_the_store():
    assert "s3cret" not in repr(TrainRequest(tracking_uri="http://ann:s3cret@mlflow.example"))
