"""Models of several targets answer the same messages in one pass."""

import json

import pytest
from scoring_helpers import make_model, plan, read, write
from scoring_helpers import score as score_with

from common.errors import InputError
from common.scoring import file, resume
from common.scoring.file import Options
from common.scoring.manifest import Manifest
from common.scoring.model import of_targets
from common.scoring.total import total_of_manifests


@pytest.fixture(scope="module")
def second():
    return make_model("order", "praise", "other", version=3)


@pytest.fixture(scope="module")
def both(model, second):
    return of_targets([model, second], ["mood", "topic"])


@pytest.fixture
def source(tmp_path):
    rows = [
        f"{k},{('it is LOST!!', 'thank you', '')[k % 3]} {k if k % 3 < 2 else ''},"
        for k in range(60)
    ]
    return write(tmp_path / "a.csv", *rows, "ragged")


def test_each_target_has_columns_like_those_of_its_model_alone(both, model, second, source):
    job, _ = score_with(both, source, proba=True, explain=True)
    head, *rows = read(job.output)
    assert head[3:6] == ["prediction_mood", "confidence_mood", "model_version_mood"]
    assert head[6:10] == [
        "proba_mood_angry",
        "proba_mood_calm",
        'proba_mood_odd, "very"',
        "because_mood",
    ]
    assert head[10] == "prediction_topic"
    for alone, columns in ((model, slice(3, 10)), (second, slice(10, 17))):
        other, _ = score_with(
            alone, source, source.with_name("alone.csv"), proba=True, explain=True
        )
        assert [row[columns] for row in rows] == [row[3:] for row in read(other.output)[1:]]


@pytest.mark.parametrize("how", [{"chunk_rows": 7}, {"workers": 2}])
def test_chunks_and_workers_change_nothing(both, source, tmp_path, monkeypatch, how):
    monkeypatch.setattr(file, "SMALL_BYTES", 0)
    one, first = score_with(both, source, tmp_path / "one.csv")
    other, again = score_with(both, source, tmp_path / "other.csv", **how)
    assert one.output.read_bytes() == other.output.read_bytes()
    assert first.targets == again.targets


def test_an_interrupted_run_is_resumed_to_the_same_bytes_and_counts(
    both, model, source, tmp_path, monkeypatch
):
    class Interrupted(BaseException):
        pass

    def stop(units):
        nonlocal chunks
        chunks += 1
        if chunks > 3:
            raise Interrupted

    monkeypatch.setattr(resume, "SECONDS_BETWEEN_CHECKPOINTS", 0)
    one, whole = score_with(both, source, tmp_path / "one.csv", chunk_rows=7)
    chunks = 0
    with pytest.raises(Interrupted):
        score_with(both, source, tmp_path / "two.csv", chunk_rows=7, advance=stop)
    two, resumed = score_with(both, source, tmp_path / "two.csv", chunk_rows=7)
    assert two.output.read_bytes() == one.output.read_bytes()
    assert resumed.targets == whole.targets
    # What one model alone leaves is nothing to go on from for both, nor the other way round.
    alone, _ = score_with(model, source, tmp_path / "two.csv", chunk_rows=7)
    assert read(alone.output)[0][3:] == ["prediction", "confidence", "model_version"]


def test_the_manifest_counts_each_target_and_knows_it_again(both, model, second, source):
    job, manifest = score_with(both, source)
    mood, topic = manifest.targets
    assert (mood.model, topic.model) == (model.identity, second.identity)
    assert (manifest.model, manifest.classes) == (mood.model, mood.classes)
    assert sum(topic.classes.values()) == manifest.rows.scored == 40
    assert Manifest.from_json(json.loads(job.manifest.read_text())) == manifest
    assert score_with(both, source)[1].done_already
    total = total_of_manifests([manifest, manifest])
    assert [each.model.version for each in total.by_model()] == [7, 3]
    assert total.by_model()[1].classes == {name: 2 * n for name, n in topic.classes.items()}
    assert total.by_model()[1].mean_confidence == topic.mean_confidence


def test_one_model_leaves_no_trace_of_targets(model, source):
    job, manifest = score_with(model, source)
    assert manifest.targets == ()
    assert "targets" not in job.manifest.read_text()


def test_columns_of_the_same_name_are_refused(source):
    models = [make_model("b_x", "c", "d"), make_model("x", "y", "z")]
    with pytest.raises(InputError, match="already has a column 'proba_a_b_x'"):
        file.score_file(plan(source, with_proba=True), of_targets(models, ["a", "a_b"]), Options())


def test_an_input_without_rows_has_counts_of_all_targets(both, tmp_path):
    _, manifest = score_with(both, write(tmp_path / "empty.csv"))
    assert [set(each.classes.values()) for each in manifest.targets] == [{0}, {0}]
    assert [each.mean_confidence for each in manifest.targets] == [None, None]
