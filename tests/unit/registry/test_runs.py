"""What runs are called, and that none stays open."""

from dataclasses import replace
from pathlib import Path

from common.registry import runs, store


def look(version, data, status="OK"):
    return runs.MonitorSteps(
        version=version,
        data=data,
        steps=[{"rows": 30.0, "accuracy": 0.9}],
        status=status,
        window="2026-03-02",
        document={"status": status},
        report=f"<p>{data}</p>",
    )


def test_the_monitors_run_is_closed_after_each_look_and_holds_the_report(tmp_path):
    registry = store.connect(None, tmp_path, "triage", create=True)
    runs.log_monitoring(registry, "triage", look(3, "monday.csv"))
    runs.log_monitoring(registry, "triage", look(4, "tuesday.csv", "WARNING"))
    client = registry.client
    (run,) = client.search_runs([registry.experiment_id("triage")])
    assert (run.info.status, run.info.run_name) == ("FINISHED", "monitor triage")
    tags = run.data.tags
    assert (tags["triage.model"], tags["triage.version"], tags["triage.data"]) == (
        "triage",
        "4",
        "tuesday.csv",
    )
    assert len(client.get_metric_history(run.info.run_id, "accuracy")) == 2
    page = client.download_artifacts(run.info.run_id, "report.html", str(tmp_path))
    assert Path(page).read_text() == "<p>tuesday.csv</p>"


def test_a_monitoring_run_that_a_version_before_left_open_is_closed(tmp_path):
    registry = store.connect(None, tmp_path, "triage", create=True)
    tags = {runs.MONITOR_TAG: "triage"}
    registry.client.create_run(registry.experiment_id("triage"), tags=tags)
    runs.log_monitoring(registry, "triage", look(1, "monday.csv"))
    (run,) = registry.client.search_runs([registry.experiment_id("triage")])
    assert run.info.status == "FINISHED"


def test_a_scoring_names_its_version_and_file(tmp_path):
    registry = store.connect(None, tmp_path, "triage", create=True)
    scored = runs.ScoringRun(2, "a.csv and 3 more", {"share_on time": 0.5}, {}, {})
    runs.log_scoring(registry, "triage", scored)
    (run,) = registry.client.search_runs([registry.experiment_id("triage")])
    assert run.info.run_name == "predict triage v2 a.csv and 3 more"
    assert run.data.metrics == {"share_on time": 0.5}


def test_more_windows_than_fit_into_one_request_are_all_charted(tmp_path):
    registry = store.connect(None, tmp_path, "triage", create=True)
    steps = [{f"metric {k}": float(step) for k in range(30)} | {"rows": 1.0} for step in range(70)]
    runs.log_monitoring(registry, "triage", replace(look(1, "history"), steps=steps))
    (run,) = registry.client.search_runs([registry.experiment_id("triage")])
    history = registry.client.get_metric_history(run.info.run_id, "metric 29")
    assert sorted((each.step, each.value) for each in history) == [(k, k) for k in range(70)]
