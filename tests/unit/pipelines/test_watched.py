"""Where versions take turns within a day, each is judged on its own rows, the day on all."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pandas as pd
import pyarrow as pa

from common.data.columns import MessageColumns
from common.evaluation import profile
from common.monitoring import source, windows
from common.monitoring.comparable import Comparable
from common.monitoring.incidents.book import open_book
from common.pipelines.monitor import MonitorRequest
from common.pipelines.progress import no_progress
from common.pipelines.watched import Watched, _with_all_rows, read
from common.registry import store, versions


def window(rows, rejected=0):
    labels = np.full(rows, "a", object)
    found = profile.of_rows(pa.array(["hi"] * rows), labels, labels, np.ones(rows))
    return profile.with_unread(found, rejected, blank=0)


def watched(**windows):
    return Watched(None, None, None, Comparable(windows, None), frozenset())


def test_a_window_counts_the_rows_of_all_versions_and_judges_its_own():
    first = watched(friday=window(300), saturday=window(120, rejected=3))
    second = watched(saturday=window(180, rejected=3), sunday=window(300))
    for each, rows_read in zip(
        _with_all_rows([first, second]),
        ({"friday": 300, "saturday": 303}, {"saturday": 303, "sunday": 300}),
        strict=True,
    ):
        assert {name: w.read for name, w in each.compared.windows.items()} == rows_read
    (left, right) = _with_all_rows([first, second])
    rows = left.compared.windows["saturday"].rows, right.compared.windows["saturday"].rows
    assert rows == (120, 180)


def test_the_version_with_the_newest_window_is_the_one_in_use():
    some = {"2026-03-02": window(5), "2026-03-10": window(5), "undated": window(5)}
    early, late = watched(**{"2026-03-09": window(5)}), watched(**some)
    assert early.newest < late.newest
    rows = watched(**{"row 000000501": window(5), "row 000001001": window(5)})
    assert rows.newest == replace(rows, compared=Comparable({"row 1001": window(5)}, None)).newest


def fitted_on(trained, folder, book, data):
    """The windows of a folder of days whose messages the version was fitted on."""
    registry = store.connect(f"sqlite:///{trained.root}/mlflow.db", trained.root, "triage")
    version = versions.find(registry, versions.CHAMPION)
    columns = MessageColumns("text", "inbound", time="created_at")
    looked_at = source.messages(folder, columns, windows.length("1d"))
    (found,) = read(
        MonitorRequest(data), registry, looked_at, version, "inbound", book, no_progress
    )
    book.keep_summaries(found.summaries, datetime.now(UTC))
    return found.fitted


def test_a_day_that_new_messages_came_to_is_asked_again_whether_the_model_was_fitted_on_it(
    trained, tmp_path
):
    frame = pd.read_csv(trained.sample)
    folder = tmp_path / "days"
    folder.mkdir()
    days = [date(2026, 1, 1) + timedelta(days=number) for number in range(40)]
    for number, day in enumerate(days):
        rows = frame.iloc[number // 2 * 150 :][:150].assign(created_at=f"{day} 09:00:00")
        if number % 2:  # messages that it has never seen
            rows = rows.assign(text=[f"news {number} {k} of the day" for k in range(150)])
        rows.to_csv(folder / f"{day}.csv", index=False)
    expected = {str(day) for day in days[::2]}
    with open_book(tmp_path / "book.db") as book:
        assert fitted_on(trained, folder, book, folder) == expected
        assert fitted_on(trained, folder, book, folder) == expected, "as it was found out before"
        new = frame.iloc[:600].assign(
            created_at=f"{days[0]} 10:00:00", text=[f"more {k} of the day" for k in range(600)]
        )
        new.to_csv(folder / "late.csv", index=False)
        assert fitted_on(trained, folder, book, folder) == expected - {str(days[0])}
