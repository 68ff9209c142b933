"""The promise of automatic answers is watched: broken beyond chance, and only then."""

import shlex

import numpy as np
import pytest
from scipy import stats

from common import flags
from common.evaluation.profile import Profile
from common.evaluation.routing import AutoCounts, Group, Promise, Routing, count_automatic
from common.monitoring.advice import Look, propose_steps
from common.monitoring.checks.automatic import P_BROKEN, accuracy, share
from common.monitoring.checks.finding import Status
from common.monitoring.checks.usual import Figure, PastFigures
from common.monitoring.history import PastWindows, WindowRecord
from common.monitoring.sentences import sentence
from common.setting_values import shares_of

ROUTING = Routing(Promise(0.95), Group(0.95, 0.8, 1000, 600, 580))
OWN = Routing(
    Promise(0.9, {"critical": 0.99}),
    Group(0.9, 0.8, 1000, 600, 580),
    {"critical": Group(0.99, 0.95, 500, 200, 199)},
)


def counts(correct, labelled, rows=1000):
    return AutoCounts(rows, labelled, labelled, correct)


def window(correct, labelled):
    return {"other": counts(correct, labelled)}


def test_a_broken_promise_is_critical_with_the_exact_p_value():
    found = accuracy(window(85, 100), ROUTING, [])
    assert found.status is Status.CRITICAL
    assert found.detail["p"] == pytest.approx(stats.binom.cdf(85, 100, 0.95))
    assert found.detail["p"] <= P_BROKEN
    assert (found.value, found.limit, found.rows) == (0.85, 0.95, 100)
    assert "fewer beyond chance" in sentence(found)


def test_a_point_below_the_promise_is_no_alarm():
    found = accuracy(window(93, 100), ROUTING, [])
    assert found.status is Status.OK
    assert "chance may explain it" in sentence(found)


def test_windows_together_show_what_none_shows_alone():
    slow = [window(90, 100)] * 3
    assert accuracy(slow[0], ROUTING, []).status is Status.OK
    assert accuracy(slow[0], ROUTING, slow[:2]).status is Status.CRITICAL
    # The newest holds it: what was wrong before is mended.
    assert accuracy(window(96, 100), ROUTING, slow).status is Status.OK


def test_too_few_labels_say_nothing():
    assert accuracy(window(0, 0), ROUTING, []).status is Status.UNKNOWN
    assert accuracy(window(19, 20), ROUTING, []).status is Status.UNKNOWN
    # Unless they are enough.
    assert accuracy(window(5, 20), ROUTING, []).status is Status.CRITICAL


def test_a_class_with_a_promise_of_its_own_breaks_it_alone():
    found = accuracy({"other": counts(190, 200), "critical": counts(90, 100)}, OWN, [])
    assert found.status is Status.CRITICAL
    assert found.detail["broken"] == ["critical"]
    assert "critical" in sentence(found)
    fine = accuracy({"other": counts(190, 200), "critical": counts(99, 100)}, OWN, [])
    assert fine.status is Status.OK


def test_a_class_with_few_labels_hides_nothing_of_the_others():
    found = accuracy({"other": counts(480, 500), "critical": counts(1, 2)}, OWN, [])
    assert (found.status, found.rows, found.limit) == (Status.OK, 500, 0.9)
    broken = accuracy({"other": counts(400, 500), "critical": counts(1, 2)}, OWN, [])
    assert (broken.status, broken.detail["broken"]) == (Status.CRITICAL, [""])


def test_fewer_automatic_answers_than_usual_are_a_warning():
    def of(automatic):
        return {"a": AutoCounts(300, automatic, 0, 0)}

    assert share(of(180), ROUTING, PastFigures()).status is Status.OK
    assert share(of(60), ROUTING, PastFigures()).status is Status.WARNING
    assert share(of(290), ROUTING, PastFigures()).status is Status.WARNING
    low = PastFigures([Figure(0.2, 0.02)] * 8, [Figure(0.2, 0.02)] * 2)
    assert share(of(60), ROUTING, low).status is Status.OK
    assert share({"a": AutoCounts(10, 1, 0, 0)}, ROUTING, PastFigures()).status is Status.UNKNOWN


def test_counts_of_parts_add_up_and_are_kept():
    one = Profile(automatic={"b": AutoCounts(10, 5, 4, 3)})
    both = one + Profile(automatic={"b": AutoCounts(1, 1, 1, 1), "a": AutoCounts(2, 1, 0, 0)})
    assert both.automatic == {"b": AutoCounts(11, 6, 5, 4), "a": AutoCounts(2, 1, 0, 0)}
    assert Profile.from_counts_json(both.counts_json()).automatic == both.automatic
    older = both.counts_json()
    del older["automatic"]
    assert Profile.from_counts_json(older).automatic == {}


def test_answers_are_counted_by_predicted_class():
    predicted = np.array(["critical", "critical", "other", "other"], object)
    labels = np.array(["critical", "other", "other", ""], object)
    automatic = np.array([True, True, True, True])
    assert count_automatic(predicted, automatic, labels) == {
        "critical": AutoCounts(2, 2, 2, 1),
        "other": AutoCounts(2, 2, 1, 1),
    }


def test_windows_that_were_routed_otherwise_are_not_pooled():
    record = WindowRecord(
        "2026-03-01", Status.OK, 10, 10, 9, automatic=window(50, 100), routing=ROUTING.key
    )
    assert WindowRecord.from_json(record.to_json()) == record
    assert PastWindows([record], routing=OWN).past().automatic == []
    assert PastWindows([record], routing=ROUTING).past().automatic == [window(50, 100)]
    # What is read again now is routed as now.
    again = PastWindows(routing=OWN)
    again.add(Profile(automatic=window(40, 80)), record)
    assert again.past().automatic == [window(40, 80)]


def steps(found, promise, higher=None):
    return propose_steps([found], Look(version=7, promise=promise, higher_promise=higher))


def test_the_classes_that_break_the_promise_are_proposed_to_people():
    days = [{"billing": counts(60, 100), "delivery": counts(99, 100)}] * 2
    found = accuracy(days[-1], ROUTING, days[:1])
    assert found.detail["classes"] == ["billing"]
    step = steps(found, Promise(0.95, {"critical": 0.99}))[0]
    assert "route 7 --accuracy 0.95 --by-class critical:0.99,billing:1" in step.command
    assert "those that say “billing”" in step.say


def test_where_no_class_stands_out_a_higher_promise_is_proposed():
    few = {name: counts(18, 20) for name in "abcdefghij"}
    found = accuracy(few, ROUTING, [])
    assert found.status is Status.CRITICAL
    assert found.detail["classes"] == []
    assert "route 7 --accuracy 0.975" in steps(found, ROUTING.promise, 0.975)[0].command


def test_the_command_that_is_proposed_can_be_typed():
    name = 'Billing, "refunds"'
    days = [{name: counts(60, 100), "delivery": counts(99, 100)}]
    command = steps(accuracy(days[0], ROUTING, []), Promise(0.95))[0].command
    (given,) = (words := shlex.split(command))[words.index("--by-class") + 1 :]
    assert shares_of(tuple(flags.names(given))) == {name: 1.0}
    few = {name: counts(18, 20) for name in "abcdefghij"}
    close = steps(accuracy(few, ROUTING, []), ROUTING.promise, 0.99975)[0].command
    assert "--accuracy 0.99975" in close


def test_a_class_that_people_look_at_always_breaks_nothing():
    people = Routing(
        Promise(0.95, {"billing": 1}), Group(0.95, 0.8, 10), {"billing": Group(1, None, 5)}
    )
    day = {"billing": AutoCounts(100, 0, 0, 0), "delivery": counts(96, 100)}
    assert accuracy(day, people, []).status is Status.OK
