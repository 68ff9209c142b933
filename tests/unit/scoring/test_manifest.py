import time

import pytest
from prometheus_client.parser import text_string_to_metric_families

from common.errors import InputError
from common.reports import prometheus
from common.scoring import manifest as totals


def manifest(scored, confidence, **classes):
    return {
        "model": {"name": "triage", "version": 3, "run_id": "abc"},
        "input": {"path": "a.csv", "size": 9, "sha256": "00"},
        "output": {"path": "b.csv"},
        "rows": {"read": scored + 3, "scored": scored, "blank": 2, "rejected": 1},
        "replaced_cells": 1,
        "classes": classes,
        "mean_confidence": confidence,
        "seconds": 0.5,
    }


TOTAL = totals.of([manifest(30, 0.9, up=10, down=20), manifest(10, 0.5, up=10, down=0)])


def test_a_total_adds_rows_and_weighs_confidence_by_them():
    assert TOTAL["rows"] == {"read": 46, "scored": 40, "blank": 4, "rejected": 2}
    assert TOTAL["classes"] == {"up": 20, "down": 20}
    assert TOTAL["mean_confidence"] == pytest.approx(0.8)
    assert (TOTAL["seconds"], TOTAL["rows_per_second"]) == (1.0, 46.0)
    assert (TOTAL["inputs"], TOTAL["done_already"]) == (2, 0)


def test_a_total_without_scored_rows_has_no_confidence():
    assert totals.of([manifest(0, None)])["mean_confidence"] is None


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
    assert found["triage_predict_model_version",] == 3
    assert found["triage_predict_last_success_timestamp_seconds",] == pytest.approx(
        time.time(), abs=60
    )
    assert list(tmp_path.iterdir()) == [path]


def test_the_name_of_a_class_may_hold_anything(tmp_path):
    path = tmp_path / "triage.prom"
    name = 'a "b"\n\\{}'
    prometheus.write_scoring(path, totals.of([manifest(1, 0.5, **{name: 1})]))
    assert figures(path)["triage_predict_class_rows", name] == 1


def test_a_file_that_cannot_be_written_is_one_line(tmp_path):
    with pytest.raises(InputError, match="cannot write"):
        prometheus.write_scoring(tmp_path / "nowhere" / "triage.prom", TOTAL)
