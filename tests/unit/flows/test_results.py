"""What the scripts print is read; what comes of it on Prefect's pages is safe and complete."""

from dataclasses import replace

import pytest
from flows_helpers import LOOKED_AT as AT
from flows_helpers import printed_look

from flows import summaries
from flows.results import Incident, Judged, Model, Pages, Scored, Trained, read_judged

MODEL = Model("triage", 3)
SERVED = Pages("http://m/#/runs", "http://m/#/model", "http://m/#/contest", "http://m/#/report")


EARLIER = "2026-03-04T06:00:00+00:00"


@pytest.mark.parametrize(
    ("changes", "incident", "calls"),
    [
        ([("opened", AT)], {}, True),
        ([("opened", EARLIER)], {}, False),
        ([("opened", EARLIER), ("reminded", AT)], {}, True),
        ([("opened", AT), ("retrained", "2026-03-05T06:01:00+00:00")], {}, False),
        ([("opened", AT)], {"status": "WARNING"}, False),
        ([("opened", AT)], {"finding": "drift"}, False),
        ([("opened", AT)], {"recovered": AT}, False),
    ],
)
def test_only_news_of_accuracy_that_is_critical_calls_for_training(changes, incident, calls):
    judged = read_judged(printed_look(changes, **incident))
    assert (judged.calls_for_training is not None) is calls
    assert str(judged.fell_on) == ("2026-03-03" if calls else "None")


@pytest.mark.parametrize("window", ["2026-03-04 20:04:04 labelled.csv", "20260304", None])
def test_without_windows_of_days_no_day_is_named(window):
    judged = read_judged(printed_look([("opened", AT)], window))
    assert judged.calls_for_training
    assert judged.fell_on is None


def test_accuracy_is_that_of_the_newest_window_with_labels():
    judged = read_judged(printed_look([("opened", AT)]))
    assert (judged.accuracy, judged.rows) == (0.7, 300)


TRAINED = Trained("promoted", "it won", MODEL, {"accuracy": 0.9}, 200, 1000, False, ())


def test_a_training_is_shown_with_its_contest_page():
    shown = summaries.of_training(TRAINED, SERVED)
    assert shown.startswith("# promoted\n\nit won.")
    assert "| accuracy | 0.9000 |" in shown
    assert "[Contest page](http://m/#/contest)" in shown
    assert "synthetic" not in shown
    assert "synthetic" in summaries.of_training(replace(TRAINED, synthetic=True), SERVED)


def test_of_a_store_without_a_server_it_is_said_where_the_file_lies():
    local = Pages(None, None, "/srv/a b/contest.html", None)
    shown = summaries.of_training(TRAINED, local)
    assert "`/srv/a b/contest.html` on the machine that ran this" in shown
    assert "make ui" in shown
    assert "](" not in shown


def test_ways_out_are_shown_and_a_dry_run_has_no_version():
    stuck = replace(TRAINED, verdict="no contest", model=None, ways_out=("promote it by hand",))
    shown = summaries.of_training(stuck, None)
    assert "- promote it by hand" in shown
    assert "none (dry run)" in shown
    assert "MLflow could not be asked" in shown


def test_names_of_classes_make_no_markdown():
    scored = Scored(MODEL, 1, 0, 7, 0, {"a|b <img src=x> [x](http://y) `c`": 7}, ("out.csv",))
    line = next(line for line in summaries.of_scoring(scored).splitlines() if "class" in line)
    assert line == r"| class a\|b &lt;img src=x&gt; \[x\](http://y) \`c\` | 7 |"


def test_many_outputs_are_cut_short():
    scored = Scored(MODEL, 30, 30, 7, 0, {}, tuple(f"{n}.csv" for n in range(30)))
    shown = summaries.of_scoring(scored)
    assert shown.count(".csv") == summaries.SHOWN_OUTPUTS
    assert "- and 10 more" in shown
    assert "30 (30 done before)" in shown


def test_open_incidents_are_shown_with_a_look():
    incident = Incident("accuracy", "CRITICAL", "2026-03-03", "below the floor", ())
    judged = Judged("CRITICAL", "it fell", MODEL, "f.csv", 300, 0.7, 0.8, (incident,), None)
    shown = summaries.of_look(judged, SERVED)
    assert "- **CRITICAL** accuracy, since 2026-03-03: below the floor" in shown
    assert "| accuracy | 0.7000 of 300 rows |" in shown
    assert "[Report](http://m/#/report)" in shown
