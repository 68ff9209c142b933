"""The scoring thread: answers in order, one version a batch, bounded, never in two threads."""

import asyncio
import threading
import time

import numpy as np
import pytest

from common.registry.versions import Version
from common.scoring.model import LoadedModel, ModelIdentity
from serving.champion import Lineup, Served
from serving.problems import Problem
from serving.scorer import Question, Scorer, answer_all


class Lengths:
    """Answers with the length of a text; notes who asks, and fails where it is told to."""

    classes_ = np.array(["long", "short"], object)

    def __init__(self, seconds=0.0):
        self.seconds = seconds
        self.threads, self.batches = set(), []

    def predict_proba(self, texts):
        self.threads.add(threading.get_ident())
        self.batches.append(len(texts))
        time.sleep(self.seconds)
        found = [str(text) for text in texts]
        if "fail" in found:
            raise ValueError("no")
        short = np.array([1 / (1 + len(text)) for text in found])
        return np.column_stack([1 - short, short])


def served(classifier, number=1):
    version = Version("triage", number, "run", {})
    return Served(version, LoadedModel(classifier, ModelIdentity("triage", number, "run")))


def lineup_of(*classifiers):
    loaded = {n: served(each, n) for n, each in enumerate(classifiers, 1)}
    return Lineup(loaded, {"champion": 1})


@pytest.fixture
def start():
    """Runs a scorer in a thread until the test ends."""
    started = []

    def begin(lineup, most_waiting=1000, watch=lambda messages, answered: None):
        scorer = Scorer(lambda: lineup, most_waiting, watch)
        thread = threading.Thread(target=scorer.run)
        thread.start()
        started.append((scorer, thread))
        return scorer

    yield begin
    for scorer, thread in started:
        scorer.stop()
        thread.join(5)
        assert not thread.is_alive()


def test_what_waits_is_one_batch_and_each_gets_its_own_answer(start):
    classifier = Lengths(seconds=0.05)
    scorer = start(lineup_of(classifier))

    async def ask_all():
        return await asyncio.gather(*[scorer.ask(Question(["x" * n])) for n in range(1, 30)])

    answers = asyncio.run(ask_all())
    assert [answer.confidence(0) for answer in answers] == [
        round(max(1 - 1 / (1 + n), 1 / (1 + n)), 6) for n in range(1, 30)
    ]
    assert len(classifier.batches) < 10
    assert len(classifier.threads) == 1


def test_blank_messages_are_not_asked_and_have_no_class():
    classifier = Lengths()
    (answer,) = answer_all(served(classifier), [Question(["", "abc", " \n "])])
    assert [answer.label(row) for row in range(3)] == [None, "long", None]
    assert [answer.confidence(row) for row in range(3)] == [None, 0.75, None]
    assert classifier.batches == [1]


def test_a_failure_reaches_those_who_asked_and_nobody_else(start):
    scorer = start(lineup_of(Lengths()))

    async def both():
        failed = await asyncio.gather(scorer.ask(Question(["fail"])), return_exceptions=True)
        return failed[0], await scorer.ask(Question(["fine"]))

    failed, fine = asyncio.run(both())
    assert isinstance(failed, ValueError)
    assert fine.label(0) == "long"


def test_a_version_that_is_not_loaded_is_refused(start):
    scorer = start(lineup_of(Lengths()))
    for which in ("2", "challenger", "-1", "", "9" * 30, "١"):
        with pytest.raises(Problem) as refused:
            asyncio.run(scorer.ask(Question(["a"], which)))
        assert refused.value.status_code == 404


def test_too_many_waiting_messages_are_refused_but_one_large_request_is_not(start):
    scorer = start(lineup_of(Lengths(seconds=0.2)), most_waiting=5)

    async def ask():
        first = asyncio.create_task(scorer.ask(Question(["a"] * 50)))
        await asyncio.sleep(0.05)
        second = asyncio.create_task(scorer.ask(Question(["b"] * 5)))
        await asyncio.sleep(0.02)
        with pytest.raises(Problem) as refused:
            await scorer.ask(Question(["c"]))
        await asyncio.gather(first, second)
        return refused.value

    assert asyncio.run(ask()).status_code == 429


def test_tasks_of_other_threads_run_between_batches_and_raise_where_they_are_asked(start):
    classifier = Lengths()
    scorer = start(lineup_of(classifier))
    assert scorer.call(lambda: len(classifier.predict_proba(["a", "b"]))) == 2
    with pytest.raises(ValueError, match="no"):
        scorer.call(lambda: classifier.predict_proba(["fail"]))
    asyncio.run(scorer.ask(Question(["a"])))
    assert len(classifier.threads) == 1


def test_a_batch_is_watched_after_its_answers_and_a_watcher_that_fails_stops_nothing(start):
    seen = []

    def watch(messages, answered):
        seen.append((messages, [question.texts for question, _ in answered]))
        raise RuntimeError("disk full")

    scorer = start(lineup_of(Lengths()), watch=watch)
    assert asyncio.run(scorer.ask(Question(["a", "b"]))).label(0) == "long"
    assert asyncio.run(scorer.ask(Question(["c"]))).label(0) == "long"
    scorer.call(lambda: None)
    assert seen == [(2, [["a", "b"]]), (1, [["c"]])]


def test_who_leaves_before_the_answer_harms_nobody(start):
    scorer = start(lineup_of(Lengths(seconds=0.1)))

    async def leave():
        task = asyncio.create_task(scorer.ask(Question(["a"])))
        await asyncio.sleep(0.02)
        task.cancel()
        return await scorer.ask(Question(["b"]))

    assert asyncio.run(leave()).label(0) == "long"


def test_ids_of_messages_come_from_the_request():
    assert Question(["a", "b"], request_id="r").ids() == ["r-0", "r-1"]
