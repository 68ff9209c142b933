import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest

from common.evaluation import profile
from common.monitoring.advice import Look
from common.monitoring.checks.catalogue import CHECKS
from common.monitoring.checks.finding import Status
from common.monitoring.checks.suite import Baseline
from common.monitoring.examples import worst_examples
from common.monitoring.feed import Feed
from common.monitoring.incidents.book import open_book
from common.monitoring.result import (
    WatchedModel,
    charts,
    monitoring_result,
    with_steps,
)
from common.monitoring.run import judge_windows, record_windows
from common.reports import console

FIRST = datetime(2026, 3, 2, 6, tzinfo=UTC)
TEXTS = [f"{a} {b} {c}" for a in ("my", "the", "your") for b in ("order", "bill", "app", "card")
         for c in ("is late", "is fine", "broke", "works", "again")]  # fmt: skip
MODEL = WatchedModel("triage", 3, "abc")
FEED = Feed("triage", source="days", window="1 days", floor=0.85)


class Classifier:
    classes_ = np.array(["a", "b"], object)


def seen(rows, correct, seed=0, labelled=True, texts=TEXTS, **more):
    """`rows` messages of which `correct` are answered right."""
    random = np.random.default_rng(seed)
    labels = random.choice(["a", "b"], rows).astype(object)
    wrong = np.arange(rows) >= correct
    predicted = np.where(wrong, np.where(labels == "a", "b", "a"), labels)
    found = profile.of_rows(
        pa.array(random.choice(texts, rows), pa.large_string()),
        labels if labelled else np.full(rows, "", object),
        predicted.astype(object),
        random.choice([0.85, 0.9, 0.95], rows),
        seed=seed,
    )
    return profile.with_unread(found, **{"rejected": 0, "blank": 0} | more)


@pytest.fixture
def book(tmp_path):
    with open_book(tmp_path / "monitor.db") as book:
        yield book


HOLDOUT = seen(2000, 1800, seed=99)


@pytest.fixture
def monitor(book):
    """Monitor windows on the morning after the last of them; gives the run, and what is new."""

    def monitor(
        windows,
        at=None,
        reference=HOLDOUT,
        floor=0.85,
        label_days=7,
        version=3,
        **how,
    ):
        run = judge_windows(
            replace(FEED, floor=floor),
            version,
            windows,
            Baseline(Classifier(), reference, floor),
            book,
            at or FIRST + timedelta(days=len(windows) - 1),
            days=1,
            label_days=label_days,
            **how,
        )
        return run, record_windows(run, book, channels=[], remind_hours=24)

    return monitor


def result_of(run, book, file="a.csv"):
    return monitoring_result(run, MODEL, file, None, book)


def days(*counts, start=1):
    """Windows of consecutive days from (rows, correct)."""
    return {
        f"2026-03-{start + k:02}": seen(rows, correct, seed=k)
        for k, (rows, correct) in enumerate(counts)
    }


def test_a_stable_day_is_ok_and_nothing_is_told(monitor):
    run, new = monitor(days((300, 272)))
    assert (run.status, new) == (Status.OK, [])
    assert {finding.name for finding in run.findings} > {"accuracy", "degradation", "text"}


def test_a_great_drop_is_told_once_however_many_findings_see_it(monitor):
    run, new = monitor(days((300, 270), (300, 200)))
    assert run.status is Status.CRITICAL
    bad = [finding.name for finding in run.findings if finding.status is not Status.OK]
    assert {"accuracy", "degradation"} <= set(bad)
    (notice,) = [notice for notice in new if notice.finding == "accuracy"]
    assert (notice.change, notice.window) == ("opened", "2026-03-02")
    _, again = monitor(days((300, 270), (300, 200)))
    assert again == []


def test_an_incident_recovers_after_two_good_days(monitor):
    windows = days((300, 200), (300, 270), (300, 272))
    changes = []
    for number in (1, 2, 3):
        _, new = monitor(dict(list(windows.items())[:number]))
        changes.append([notice.change for notice in new if notice.finding == "accuracy"])
    assert changes == [["opened"], [], ["recovered"]]


def test_a_window_is_judged_again_when_its_labels_come(monitor):
    unlabelled = {"2026-03-01": seen(300, 200, labelled=False)}
    run, new = monitor(unlabelled)
    assert (run.status, new) == (Status.UNKNOWN, [])
    run, new = monitor({"2026-03-01": seen(300, 200)}, FIRST + timedelta(days=3))
    assert run.status is Status.CRITICAL
    assert [notice.change for notice in new if notice.finding == "accuracy"] == ["opened"]


def test_without_any_label_the_estimate_decides(monitor, book):
    run, new = monitor({"2026-03-01": seen(300, 270, labelled=False)}, unlabelled=True)
    assert (run.status, new) == (Status.OK, [])
    result = result_of(run, book)
    assert result.unlabelled
    assert result.reason.startswith("estimated accuracy 0.")
    assert "rows without labels gives nothing to warn of" in result.reason
    shown = console.monitoring(result)
    assert "OK       The model gives the answers it gave" in shown
    assert "Confidence of the answers: " in shown


def test_an_estimate_below_the_floor_warns_and_is_never_critical(monitor):
    run, _ = monitor({"2026-03-01": seen(300, 0, labelled=False)}, floor=0.99, unlabelled=True)
    assert run.status is Status.WARNING
    assert run.findings[0].name == "estimated_accuracy"


def test_drift_warns_where_there_are_no_labels(monitor):
    foreign = [f"quite another subject {word}" for word in TEXTS]
    foreign = seen(300, 270, labelled=False, texts=foreign)
    run, _ = monitor({"2026-03-01": foreign}, unlabelled=True)
    assert run.status is Status.WARNING
    assert "text" in [f.name for f in run.findings if f.status is Status.WARNING]


@pytest.mark.parametrize("rows", [1, 29])
def test_few_rows_without_labels_are_unknown(monitor, rows):
    run, _ = monitor({"2026-03-01": seen(rows, rows, labelled=False)}, unlabelled=True)
    assert run.status is Status.UNKNOWN


def test_without_a_reference_nothing_is_estimated(monitor):
    window = {"2026-03-01": seen(300, 270, labelled=False)}
    run, _ = monitor(window, reference=None, unlabelled=True)
    assert run.status is Status.UNKNOWN


def test_an_estimate_does_not_end_an_incident_of_accuracy(monitor, book):
    _, new = monitor(days((300, 200)))
    assert "accuracy" in [notice.finding for notice in new]
    for day in range(2, 6):
        window = {f"2026-03-{day:02}": seen(300, 270, seed=day, labelled=False)}
        run, new = monitor(window, FIRST + timedelta(days=day - 1), unlabelled=True)
        assert (run.status, new) == (Status.OK, [])
    of_accuracy = [
        i for i in book.incidents(replace(FEED, floor=0.85)) if i.changes[0].finding == "accuracy"
    ]
    assert [incident.is_open for incident in of_accuracy] == [True]


def test_a_window_that_was_estimated_is_judged_again_when_its_labels_come(monitor):
    monitor({"2026-03-01": seen(300, 200, labelled=False)}, unlabelled=True)
    run, new = monitor({"2026-03-01": seen(300, 200)}, FIRST + timedelta(days=3))
    assert run.status is Status.CRITICAL
    assert [notice.change for notice in new if notice.finding == "accuracy"] == ["opened"]


def test_windows_that_have_not_changed_are_not_judged_again(monitor):
    windows = days((300, 270), (300, 272), (300, 271))
    monitor(windows)
    run, _ = monitor(windows)
    assert list(run.judged) == ["2026-03-03"]


def test_accuracy_is_that_of_the_newest_day_with_labels(monitor):
    windows = days((300, 200)) | {"2026-03-02": seen(300, 270, labelled=False)}
    run, _ = monitor(windows)
    assert (run.measured, run.newest) == ("2026-03-01", "2026-03-02")
    assert run.status is Status.CRITICAL


def test_small_days_add_up(monitor):
    """30 rows can't tell .75 from .85, five days of them can."""
    statuses = []
    windows = days(*[(40, 28)] * 5)
    for number in range(1, 6):
        run, _ = monitor(dict(list(windows.items())[:number]))
        statuses.append(run.status)
    assert statuses[-1] is Status.CRITICAL
    assert any(finding.name == "accuracy_pooled" for finding in run.findings[:2])


def test_few_rows_are_unknown_and_drift_findings_do_not_make_them_so(monitor):
    assert monitor(days((10, 10)))[0].status is Status.UNKNOWN
    assert monitor(days((45, 42)))[0].status is Status.OK


def test_a_window_without_a_reference_is_held_against_the_floor_alone(monitor):
    run, _ = monitor(days((300, 200)), FIRST, reference=None)
    assert run.status is Status.CRITICAL
    names = {finding.name for finding in run.findings}
    assert names == {"accuracy", "accuracy_pooled", "row_count"}


def test_bad_rows_and_foreign_words_are_told_apart(monitor):
    foreign = [f"zorp {word} quux{k}" for word in ("blim", "flarn", "glop") for k in range(60)]
    windows = {"2026-03-01": seen(400, 362, texts=TEXTS + foreign, rejected=100)}
    run, new = monitor(windows)
    assert run.status is Status.WARNING
    assert [notice.finding for notice in new] == ["data"]
    assert "rejected rows" in new[0].reason
    windows["2026-03-02"] = seen(400, 362, seed=1, texts=TEXTS + foreign)
    _, new = monitor(windows)
    assert [notice.finding for notice in new] == ["drift"], "drift is told when it lasts"


def test_no_message_at_all_is_unknown(monitor, book):
    run, new = monitor({})
    assert (run.status, run.newest, new) == (Status.UNKNOWN, None, [])
    assert "no message" in result_of(run, book).text


def test_undated_rows_are_counted_and_not_judged(monitor):
    run, _ = monitor(days((300, 270)) | {"undated": seen(50, 0)})
    assert (run.newest, run.status) == ("2026-03-01", Status.OK)
    assert run.total.rows == 350


@pytest.mark.parametrize(("undated", "status"), [(3, Status.OK), (4, Status.WARNING)])
def test_more_than_one_row_in_a_hundred_without_a_time_opens_an_incident(monitor, undated, status):
    windows = {"2026-03-01": profile.with_unread(seen(300, 270), 0, 0, undated)}
    run, new = monitor(windows)
    (finding,) = [finding for finding in run.findings if finding.name == "undated"]
    assert finding.status is status
    assert [notice.finding for notice in new] == (["data"] if status else [])


def test_a_day_ends_at_midnight_in_its_zone(monitor):
    at = datetime(2026, 3, 1, 22, 30, tzinfo=UTC)
    for zone, over in (("UTC", False), ("Europe/Berlin", False), ("Asia/Tokyo", True)):
        run, _ = monitor(days((300, 270)), at, zone=zone)
        assert ("row_count" in {finding.name for finding in run.findings}) == over


@pytest.mark.parametrize("windows", [days((300, 200)), days((10, 5)), {}, days((300, 270))])
def test_a_result_is_strict_json_and_the_summary_ends_with_the_verdict(monitor, book, windows):
    run, _ = monitor(windows)
    result = with_steps(result_of(run, book, "my data.csv"), Look(["--data", "my data.csv"]))
    facts = result.to_json()
    assert json.loads(json.dumps(facts, allow_nan=False)) == facts
    last = console.monitoring(result).splitlines()[-1]
    assert last.startswith(f"{run.status.name}: triage version 3 on my data.csv: ")
    assert facts["exit_code"] == result.exit_code == run.status
    assert all(np.isfinite(value) for row in charts(run, 3) for value in row.values())


def test_examples_are_the_errors_that_the_model_is_surest_of():
    found = worst_examples(seen(300, 250), 12)
    assert len(found) == 12
    assert all(example.true != example.predicted for example in found)
    confidences = [example.confidence for example in found]
    assert confidences == sorted(confidences, reverse=True)


def test_every_finding_is_in_the_catalogue(monitor):
    run, _ = monitor(days((300, 200)))
    assert {finding.name for finding in run.findings} <= set(CHECKS)


def test_labels_that_stop_coming_are_told(monitor):
    newest = np.datetime64("2026-03-01T12:00:00", "s")
    windows = {"2026-03-01": replace(seen(300, 270), newest_label=newest)}
    run, new = monitor(windows, FIRST + timedelta(days=10))
    assert run.status is Status.WARNING
    assert [notice.finding for notice in new] == ["data"]
    assert "days old" in new[0].reason


def test_labels_that_come_later_than_they_did_are_told(monitor):
    def delayed(days, seed):
        random = np.random.default_rng(seed)
        rows = 300
        labels = np.full(rows, "a", object)
        return profile.of_rows(
            pa.array(random.choice(TEXTS, rows), pa.large_string()),
            labels,
            labels,
            random.choice([0.85, 0.9, 0.95], rows),
            delay_days=random.gamma(4, days / 4, rows),
            seed=seed,
        )

    windows = {f"2026-03-{day:02}": delayed(2.0, day) for day in range(1, 10)}
    windows["2026-03-10"] = delayed(6.0, 10)
    at = datetime(2026, 4, 1, tzinfo=UTC)
    run, _ = monitor(windows, at, reference=None, floor=0.5, label_days=30)
    names = {finding.name: finding.status for finding in run.findings}
    assert names["label_delay"] is Status.WARNING


def test_an_estimate_warns_only_where_nothing_is_measured(monitor):
    sample = seen(300, 270)
    doubtful = pa.array(np.full(300, 0.55))

    def with_doubt(profile_):
        column = profile_.sample.schema.get_field_index("confidence")
        return replace(profile_, sample=profile_.sample.set_column(column, "confidence", doubtful))

    measured, _ = monitor({"2026-03-01": with_doubt(sample)})
    by_name = {finding.name: finding.status for finding in measured.findings}
    assert by_name["estimated_accuracy"] is Status.OK


def test_a_challenger_that_would_win_is_told_and_wakes_nobody(monitor):
    won = replace(seen(300, 270), versus=(2, 20))
    run, new = monitor({"2026-03-01": won})
    (finding,) = [finding for finding in run.findings if finding.name == "challenger"]
    assert finding.status is Status.OK
    assert finding.detail["wins"]
    assert finding.value == pytest.approx(18 / 300)
    assert new == []


@pytest.mark.parametrize(
    ("hours", "newest"), [(10, "2026-03-01"), (13, "2026-03-02"), (-5, "2026-03-02")]
)
def test_a_day_that_has_only_begun_is_not_judged_and_one_to_come_is(monitor, hours, newest):
    windows = days((300, 270), (300, 200))
    run, _ = monitor(windows, datetime(2026, 3, 2, tzinfo=UTC) + timedelta(hours=hours))
    assert run.newest == newest
