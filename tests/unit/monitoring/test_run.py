import json
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest

from common.evaluation import profile
from common.monitoring import facts as monitor_facts
from common.monitoring import run as monitoring
from common.monitoring.checks.finding import Status
from common.monitoring.incidents import book as incident_book
from common.reports import console

FIRST = datetime(2026, 3, 2, 6, tzinfo=UTC)
TEXTS = [f"{a} {b} {c}" for a in ("my", "the", "your") for b in ("order", "bill", "app", "card")
         for c in ("is late", "is fine", "broke", "works", "again")]  # fmt: skip
MODEL = {"name": "triage", "version": 3, "run_id": "abc"}


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
    with incident_book.opened(tmp_path / "monitor.db") as book:
        yield book


@pytest.fixture
def look(book):
    """Look at windows on the morning after the last of them."""
    rules = monitoring.rules(Classifier(), seen(2000, 1800, seed=99), 0.85, 1, 7)

    def look(windows, at=None):
        at = at or FIRST + timedelta(days=len(windows) - 1)
        found = monitoring.look("triage", windows, rules, book, at)
        return found, monitoring.record(found, book, [])

    return look


def days(*counts, start=1):
    """Windows of consecutive days from (rows, correct)."""
    return {
        f"2026-03-{start + k:02}": seen(rows, correct, seed=k)
        for k, (rows, correct) in enumerate(counts)
    }


def test_a_stable_day_is_ok_and_nothing_is_told(look):
    found, news = look(days((300, 272)))
    assert (found.status, news) == (Status.OK, [])
    assert {finding.name for finding in found.shown} > {"accuracy", "degradation", "text"}


def test_a_great_drop_is_told_once_however_many_findings_see_it(look):
    found, news = look(days((300, 270), (300, 200)))
    assert found.status is Status.CRITICAL
    bad = [finding.name for finding in found.shown if finding.status is not Status.OK]
    assert {"accuracy", "degradation"} <= set(bad)
    (notice,) = [notice for notice in news if notice.finding == "accuracy"]
    assert (notice.change, notice.window) == ("opened", "2026-03-02")
    _, again = look(days((300, 270), (300, 200)))
    assert again == []


def test_an_incident_recovers_after_two_good_days(look):
    windows = days((300, 200), (300, 270), (300, 272))
    changes = []
    for number in (1, 2, 3):
        _, news = look(dict(list(windows.items())[:number]))
        changes.append([notice.change for notice in news if notice.finding == "accuracy"])
    assert changes == [["opened"], [], ["recovered"]]


def test_a_window_is_judged_again_when_its_labels_come(look):
    unlabelled = {"2026-03-01": seen(300, 200, labelled=False)}
    found, news = look(unlabelled)
    assert (found.status, news) == (Status.UNKNOWN, [])
    found, news = look({"2026-03-01": seen(300, 200)}, FIRST + timedelta(days=3))
    assert found.status is Status.CRITICAL
    assert [notice.change for notice in news if notice.finding == "accuracy"] == ["opened"]


def test_windows_that_have_not_changed_are_not_judged_again(look):
    windows = days((300, 270), (300, 272), (300, 271))
    look(windows)
    found, _ = look(windows)
    assert list(found.findings) == ["2026-03-03"]


def test_accuracy_is_that_of_the_newest_day_with_labels(look):
    windows = days((300, 200)) | {"2026-03-02": seen(300, 270, labelled=False)}
    found, _ = look(windows)
    assert (found.measured, found.newest) == ("2026-03-01", "2026-03-02")
    assert found.status is Status.CRITICAL


def test_small_days_add_up(look):
    """30 rows can't tell .75 from .85, five days of them can."""
    statuses = []
    windows = days(*[(40, 28)] * 5)
    for number in range(1, 6):
        found, _ = look(dict(list(windows.items())[:number]))
        statuses.append(found.status)
    assert statuses[-1] is Status.CRITICAL
    assert any(finding.name == "accuracy_pooled" for finding in found.shown[:2])


def test_few_rows_are_unknown_and_drift_findings_do_not_make_them_so(look):
    assert look(days((10, 10)))[0].status is Status.UNKNOWN
    assert look(days((45, 42)))[0].status is Status.OK


def test_a_window_without_a_reference_is_held_against_the_floor_alone(book):
    rules = monitoring.rules(Classifier(), None, 0.85, 1, 7)
    found = monitoring.look("triage", days((300, 200)), rules, book, FIRST)
    assert found.status is Status.CRITICAL
    names = {finding.name for finding in found.shown}
    assert names == {"accuracy", "accuracy_pooled", "row_count"}


def test_bad_rows_and_foreign_words_are_told_apart(look):
    foreign = [f"zorp {word} quux {k}" for word in ("blim", "flarn") for k in range(40)]
    windows = {"2026-03-01": seen(400, 362, texts=TEXTS + foreign, rejected=100)}
    found, news = look(windows)
    assert found.status is Status.WARNING
    assert [notice.finding for notice in news] == ["data"]
    assert "rejected rows" in news[0].reason
    windows["2026-03-02"] = seen(400, 362, seed=1, texts=TEXTS + foreign)
    _, news = look(windows)
    assert [notice.finding for notice in news] == ["drift"], "drift is told when it lasts"


def test_no_message_at_all_is_unknown(look, book):
    found, news = look({})
    assert (found.status, found.newest, news) == (Status.UNKNOWN, None, [])
    facts = monitor_facts.of(found, MODEL, "a.csv", None, book, [])
    assert "no message" in facts["text"]


def test_undated_rows_are_counted_and_not_judged(look):
    found, _ = look(days((300, 270)) | {"undated": seen(50, 0)})
    assert (found.newest, found.status) == ("2026-03-01", Status.OK)
    assert found.total.rows == 350


@pytest.mark.parametrize("windows", [days((300, 200)), days((10, 5)), {}, days((300, 270))])
def test_facts_are_strict_json_and_the_summary_ends_with_the_verdict(look, book, windows):
    found, _ = look(windows)
    steps = monitor_facts.next_steps(found, ["--data", "my data.csv"], "1d", None)
    facts = monitor_facts.of(found, MODEL, "my data.csv", None, book, steps)
    assert json.loads(json.dumps(facts, allow_nan=False)) == facts
    last = console.monitoring(facts).splitlines()[-1]
    assert last.startswith(f"{found.status.name}: triage version 3 on my data.csv: ")
    assert facts["exit_code"] == found.status
    assert all(
        np.isfinite(value) for row in monitor_facts.charts(found, 3) for value in row.values()
    )


def test_next_steps_are_command_lines_where_something_is_wrong(look):
    bad, _ = look(days((300, 200)))
    steps = monitor_facts.next_steps(bad, ["--data", "my data.csv"], "1d", None)
    assert "python monitor.py --data 'my data.csv' --window 1d --report report.html" in steps
    assert any(step.startswith("python train.py") for step in steps)


def test_next_steps_are_none_where_all_is_well(look):
    good, _ = look(days((300, 270)))
    assert monitor_facts.next_steps(good, [], "file", None) == []


def test_examples_are_the_errors_that_the_model_is_surest_of():
    found = monitor_facts.examples(seen(300, 250))
    assert len(found) == monitor_facts.SHOWN_EXAMPLES
    assert all(row["true"] != row["predicted"] for row in found)
    sure = [row["confidence"] for row in found]
    assert sure == sorted(sure, reverse=True)


def test_every_finding_has_a_subject(look):
    found, _ = look(days((300, 200)))
    known = {name for names in monitoring.SUBJECTS.values() for name in names}
    assert {finding.name for finding in found.shown} <= known


def test_labels_that_stop_coming_are_told(look):
    from dataclasses import replace

    newest = np.datetime64("2026-03-01T12:00:00", "s")
    windows = {"2026-03-01": replace(seen(300, 270), newest_label=newest)}
    found, news = look(windows, FIRST + timedelta(days=10))
    assert found.status is Status.WARNING
    assert [notice.finding for notice in news] == ["data"]
    assert "days old" in news[0].reason


def test_labels_that_come_later_than_they_did_are_told(book):
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
    rules = monitoring.rules(Classifier(), None, 0.5, 1, 30)
    at = datetime(2026, 4, 1, tzinfo=UTC)
    found = monitoring.look("triage", windows, rules, book, at)
    names = {finding.name: finding.status for finding in found.shown}
    assert names["label_delay"] is Status.WARNING


def test_an_estimate_warns_only_where_nothing_is_measured(look):
    sample = seen(300, 270)
    doubtful = pa.array(np.full(300, 0.55))
    from dataclasses import replace

    def with_doubt(profile_):
        column = profile_.sample.schema.get_field_index("confidence")
        return replace(profile_, sample=profile_.sample.set_column(column, "confidence", doubtful))

    measured, _ = look({"2026-03-01": with_doubt(sample)})
    by_name = {finding.name: finding.status for finding in measured.shown}
    assert by_name["estimated_accuracy"] is Status.OK


def test_a_challenger_that_would_win_is_told_and_wakes_nobody(look):
    from dataclasses import replace

    won = replace(seen(300, 270), versus=(2, 20))
    found, news = look({"2026-03-01": won})
    (finding,) = [finding for finding in found.shown if finding.name == "challenger"]
    assert finding.status is Status.OK
    assert finding.detail["wins"]
    assert finding.value == pytest.approx(18 / 300)
    assert news == []
