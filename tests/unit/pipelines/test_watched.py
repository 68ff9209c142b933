"""Where versions take turns within a day, each is judged on its own rows, the day on all."""

from dataclasses import replace

import numpy as np
import pyarrow as pa

from common.evaluation import profile
from common.monitoring.comparable import Comparable
from common.pipelines.watched import Watched, _with_all_rows


def window(rows, rejected=0):
    labels = np.full(rows, "a", object)
    found = profile.of_rows(pa.array(["hi"] * rows), labels, labels, np.ones(rows))
    return profile.with_unread(found, rejected, blank=0)


def watched(**windows):
    return Watched(None, None, None, Comparable(windows, None), frozenset())


def test_a_window_counts_the_rows_of_all_versions_and_judges_its_own():
    first = watched(friday=window(300), saturday=window(120, rejected=3))
    second = watched(saturday=window(180, rejected=3), sunday=window(300))
    for each, read in zip(
        _with_all_rows([first, second]),
        ({"friday": 300, "saturday": 303}, {"saturday": 303, "sunday": 300}),
        strict=True,
    ):
        assert {name: w.read for name, w in each.compared.windows.items()} == read
    (left, right) = _with_all_rows([first, second])
    rows = left.compared.windows["saturday"].rows, right.compared.windows["saturday"].rows
    assert rows == (120, 180)


def test_the_version_with_the_newest_window_is_the_one_in_use():
    windows = {"2026-03-02": window(5), "2026-03-10": window(5), "undated": window(5)}
    early, late = watched(**{"2026-03-09": window(5)}), watched(**windows)
    assert early.newest < late.newest
    rows = watched(**{"row 000000501": window(5), "row 000001001": window(5)})
    assert rows.newest == replace(rows, compared=Comparable({"row 1001": window(5)}, None)).newest
