"""monitor.py from the outside on times of every kind: no message lost, none on a wrong day."""

import csv
import json
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from helpers import copy_project

UNKNOWN = 3
ANGRY, CALM = "my order {} is lost and late, I want a refund", "thanks {}, all is well, great team"
START = datetime(2026, 9, 1, tzinfo=UTC)
FORMS = {
    "ISO 8601": lambda t: t.isoformat(),
    "Twitter": lambda t: f"{t:%a %b %d %H:%M:%S %z %Y}",
    "RFC 2822": lambda t: f"{t:%a, %d %b %Y %H:%M:%S %z}",
    "epoch seconds": lambda t: f"{t.timestamp():.0f}",
    "epoch milliseconds": lambda t: f"{t.timestamp() * 1000:.0f}",
    "Excel": lambda t: (
        f"{(t.replace(tzinfo=None) - datetime(1899, 12, 30)) / timedelta(days=1):.8f}"
    ),
    "day first": lambda t: f"{t:%d/%m/%Y %H:%M}",
}


def write(path, times, first=0):
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = ((row, (ANGRY, CALM)[row % 2].format(first + row), ("angry", "calm")[row % 2], time)
                for row, time in enumerate(times))  # fmt: skip
        csv.writer(file).writerows([("id", "text", "mood", "at"), *rows])
    return path


def moments(days, a_day=40, start=START):
    """`a_day` moments on each of some days."""
    return [start + timedelta(days=k // a_day, minutes=k % a_day * 5) for k in range(days * a_day)]


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    project = copy_project(tmp_path_factory.mktemp("times") / "project")
    # Other messages than those that are looked at: of what it was fitted on nothing is judged.
    write(project.root / "train.csv", map(str, range(600)), first=10_000)
    trained = project.run("train.py", "--data", "train.csv", "--target-column", "mood")
    assert trained.returncode == 0, trained.stderr
    return project


def look(project, path, *flags, window="1d"):
    (project.root / "monitor.db").unlink(missing_ok=True)
    how = ("--window", window, "--time-column", "at", "--label-days", "99999", "--json")
    return project.run("monitor.py", "--data", path, *how, *flags)


def days(done):
    """Labelled rows by window."""
    assert done.returncode != UNKNOWN, done.stderr
    return {window["name"]: window["rows"] for window in json.loads(done.stdout)["windows"]}


@pytest.fixture
def table(project):
    def table(*times):
        return write(project.root / "times.csv", times)

    return table


@pytest.mark.parametrize("form", FORMS)
def test_every_known_form_is_read(project, table, form):
    found = days(look(project, table(*map(FORMS[form], moments(15)))))
    assert found == {f"2026-09-{day:02}": 40 for day in range(1, 16)}


def test_a_file_whose_form_changes_loses_nothing(project, table):
    cells = [FORMS[form](moment) for form in FORMS for moment in moments(15)]
    found = days(look(project, table(*cells)))
    assert found == {f"2026-09-{day:02}": 40 * len(FORMS) for day in range(1, 16)}


def test_a_year_among_twitter_dates_is_one_row_without_a_time(project, table):
    cells = [FORMS["Twitter"](moment) for moment in moments(2, 150)]
    done = look(project, table("2017", *cells))
    assert days(done) == {"2026-09-01": 150, "2026-09-02": 150}
    assert json.loads(done.stdout)["counts"]["undated"] == 1


def test_day_and_month_that_cannot_be_told_apart_are_refused_in_one_line(project, table):
    path = table(*(f"{moment:%d/%m/%Y}" for moment in moments(12)))
    refused = look(project, path)
    assert (refused.returncode, refused.stdout) == (UNKNOWN, "")
    (line,) = refused.stderr.strip().splitlines()
    assert "TIME_FORMAT" in line
    assert "--time-format" in line
    assert list(days(look(project, path, "--time-format", "%d/%m/%Y")))[-1] == "2026-09-12"
    assert list(days(look(project, path, "--time-format", "%m/%d/%Y")))[-1] == "2026-12-09"


def test_more_than_one_row_in_a_hundred_without_a_time_is_a_warning_about_the_data(project, table):
    cells = [FORMS["ISO 8601"](moment) for moment in moments(1, 200)]
    findings = {}
    for undated in (2, 3):
        done = look(project, table(*cells, *["soon"] * undated))
        found = json.loads(done.stdout)
        findings[undated] = [f for f in found["findings"] if f["name"] == "undated"]
        assert found["counts"]["undated"] == undated
    assert [found[0]["status"] for found in findings.values()] == ["OK", "WARNING"]
    assert "3 of 203 rows (1.48%) have no time" in findings[3][0]["reason"]


def test_no_time_at_all_is_unknown_in_one_line_with_examples(project, table):
    done = look(project, table(*(f"{k % 12 + 1}/2/26" for k in range(60))))
    assert (done.returncode, done.stdout) == (UNKNOWN, "")
    (line,) = done.stderr.strip().splitlines()
    assert "(it has '1/2/26', '2/2/26', '3/2/26')" in line
    assert "--time-column" in line
    named = look(project, project.root / "times.csv", "--time-format", "%m/%d/%y")
    assert json.loads(named.stdout)["window"] == "2026-12-02"


@pytest.mark.parametrize(("month", "day", "hours"), [(3, 29, 23), (10, 25, 25)])
def test_days_are_those_of_the_zone_also_when_the_clocks_change(project, table, month, day, hours):
    zone = ZoneInfo("Europe/Berlin")
    start = datetime(2026, month, day, tzinfo=zone).astimezone(UTC)
    quarters = [start + timedelta(minutes=15 * k) for k in range(-96, 200)]
    path = table(*map(FORMS["ISO 8601"], quarters))
    berlin = days(look(project, path, "--time-zone", "Europe/Berlin"))
    assert berlin[f"2026-{month:02}-{day:02}"] == 4 * hours
    assert days(look(project, path))[f"2026-{month:02}-{day:02}"] == 96


def test_times_without_a_zone_are_local(project, table):
    cells = [f"{moment:%Y-%m-%d %H:%M}" for moment in moments(2)]
    found = days(look(project, table(*cells), "--time-zone", "Asia/Tokyo"))
    assert found == {"2026-09-01": 40, "2026-09-02": 40}


def test_an_unknown_zone_is_one_line_that_suggests(project, table):
    refused = look(project, table("2026-09-01"), "--time-zone", "Europe/Berln")
    assert refused.returncode == UNKNOWN
    (line,) = refused.stderr.strip().splitlines()
    assert "did you mean Europe/Berlin?" in line


def test_late_labels_are_read_by_the_same_forms(project):
    start = datetime.now(UTC).replace(hour=8, minute=0, second=0, microsecond=0)
    start -= timedelta(days=6)
    written = write(project.root / "new.csv", [t.isoformat() for t in moments(3, start=start)])
    scored = project.run("predict.py", written, "-o", "scored.csv", "--force")
    assert scored.returncode == 0, scored.stderr
    for shape in ("Twitter", "epoch milliseconds"):
        with (project.root / "labels.csv").open("w", newline="") as file:
            rows = [
                (row, ("angry", "calm")[row % 2], FORMS[shape](moment + timedelta(days=1)))
                for row, moment in enumerate(moments(3, start=start))
            ]
            csv.writer(file).writerows([("id", "mood", "labelled_at"), *rows])
        (project.root / "monitor.db").unlink(missing_ok=True)
        late = ("--predictions", "scored.csv", "--labels", "labels.csv", "--on", "id")
        how = ("--target-column", "mood", "--time-column", "at", "--window", "1d", "--json")
        done = project.run("monitor.py", *late, *how)
        assert list(days(done).values()) == [40, 40, 40]
        findings = {f["name"]: f for f in json.loads(done.stdout)["findings"]}
        assert 2 < findings["no_labels"]["value"] < 5
