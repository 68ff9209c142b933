"""Manifests and totals, and that their JSON is what docs/schemas says."""

import json
import time
from dataclasses import fields

import pytest
from json_schema import problems
from prometheus_client.parser import text_string_to_metric_families
from scoring_helpers import IDENTITY, make_model, plan, write

from common.errors import InputError
from common.reports import prometheus, scoring
from common.scoring.jobs import JobSettings
from common.scoring.manifest import Identity, InputFile, Manifest, Outcomes, OutputFile
from common.scoring.total import metric_names, total_of_manifests


def manifest(scored, confidence, **classes):
    return Manifest(
        identity=Identity("00", IDENTITY, None, {}),
        model=IDENTITY,
        input=InputFile("a.csv", 9, "00"),
        output=OutputFile("b.csv", 9, "00", None),
        rows=Outcomes(read=scored + 3, scored=scored, blank=2, rejected=1),
        replaced_cells=1,
        classes=classes,
        mean_confidence=confidence,
        seconds=0.5,
        rows_per_second=2.0,
        workers=1,
        versions={},
    )


TOTAL = total_of_manifests([manifest(30, 0.9, up=10, down=20), manifest(10, 0.5, up=10, down=0)])


def test_a_total_adds_rows_and_weighs_confidence_by_them():
    assert TOTAL.rows == Outcomes(read=46, scored=40, blank=4, rejected=2)
    assert TOTAL.classes == {"up": 20, "down": 20}
    assert TOTAL.mean_confidence == pytest.approx(0.8)
    assert (TOTAL.seconds, TOTAL.rows_per_second) == (1.0, 46.0)
    assert (TOTAL.inputs, TOTAL.done_already, TOTAL.replaced_cells) == (2, 0, 2)


def test_a_total_without_scored_rows_has_no_confidence():
    assert total_of_manifests([manifest(0, None)]).mean_confidence is None


def test_every_setting_of_a_job_is_part_of_its_identity(tmp_path):
    job = plan(write(tmp_path / "a.csv"), with_route=True, only="auto")
    settings = Identity.of(job, IDENTITY, None, chunk_rows=10).to_json()["settings"]
    assert {field.name for field in fields(JobSettings)} < set(settings)


def test_what_the_first_release_noted_of_a_form_is_noted_still(tmp_path):
    """A field more or less, and what was scored before would be scored again."""
    job = plan(write(tmp_path / "a.csv"))
    settings = Identity.of(job, IDENTITY, None, chunk_rows=10).to_json()["settings"]
    first = {"delimiter", "encoding", "header", "member", "field_characters"}
    assert set(settings["reading"]) == first


@pytest.mark.parametrize("compared", [False, True])
@pytest.mark.parametrize("how", [{}, {"proba": True, "keep": ["id"], "prefix": "x_"}])
def test_what_is_written_and_shown_is_what_the_schemas_say(tmp_path, score, how, compared):
    challenger = make_model("calm", "angry", "odd", version=8) if compared else None
    manifests = []
    for name, rows in (("a", ["1,it is LOST!!,", "2,,", "3"]), ("b", [])):
        source = write(tmp_path / f"{name}.csv", *rows)
        for _ in range(2):  # the second time, it is done already
            job, found = score(source, challenger=challenger, **how)
        manifests.append(found)
        written = json.loads(job.manifest.read_text())
        assert problems(written, "predict.manifest.schema.json") == []
    assert manifests[0].done_already
    _, data = scoring.summary(manifests, total_of_manifests(manifests))
    assert problems(json.loads(json.dumps(data)), "predict.schema.json") == []
    assert ("shadow" in data["total"]) is compared


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"rows": {"read": 1}}, "$.rows"),
        ({"seconds": "1"}, "$.seconds"),
        ({"workers": 0}, "$.workers"),
        ({"new": 1}, "$.new"),
        ({"input": {"path": "a.csv", "size": 1, "sha256": "short"}}, "$.input.sha256"),
    ],
)
def test_the_schema_refuses_what_is_not_a_manifest(tmp_path, score, change, problem):
    _, made = score(write(tmp_path / "a.csv", "1,hello,"))
    found = problems(made.to_json() | change, "predict.manifest.schema.json")
    assert found
    assert found[0].startswith(problem)


def figures(path):
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(path.read_text())
        for sample in family.samples
    }


def test_prometheus_gets_the_figures_of_the_last_run(tmp_path):
    path = tmp_path / "triage.prom"
    path.write_text("old")
    prometheus.write_scoring(path, TOTAL)
    found = figures(path)
    assert found["triage_predict_rows", "blank"] == 4
    assert found["triage_predict_class_rows", "up"] == 20
    assert found["triage_predict_mean_confidence",] == pytest.approx(0.8)
    assert found["triage_predict_model_version",] == 7
    assert found["triage_predict_last_success_timestamp_seconds",] == pytest.approx(
        time.time(), abs=60
    )
    assert list(tmp_path.iterdir()) == [path]


def test_the_name_of_a_class_may_hold_anything(tmp_path):
    path = tmp_path / "triage.prom"
    name = 'a "b"\n\\{}'
    prometheus.write_scoring(path, total_of_manifests([manifest(1, 0.5, **{name: 1})]))
    assert figures(path)["triage_predict_class_rows", name] == 1


def test_a_file_that_cannot_be_written_is_one_line(tmp_path):
    with pytest.raises(InputError, match="cannot write"):
        prometheus.write_scoring(tmp_path / "nowhere" / "triage.prom", TOTAL)


def test_shares_are_called_after_their_classes_and_no_two_alike():
    assert metric_names("share", ["on time", "a/b?", "a.b!", "A.B!", "é 😀"]) == [
        "share_on time",
        "share_a_b_",
        "share_a.b_",
        "share_A.B__2",
        "share_é _",
    ]
