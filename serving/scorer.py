"""The one thread that asks models: what waits is a batch, and what comes meanwhile is the next.

No timer holds anything back, and no model is ever in two threads: versions that were registered
earlier carry code that is not safe for it.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from common.evaluation.decisions import as_likeliest
from common.evaluation.routing import AUTO, PERSON
from common.models.base import Explains, Weighted
from common.types import Bools
from serving.champion import Lineup, Served
from serving.problems import Problem, frames_alone

# Of waiting messages so many are scored at once, so that a few need not wait for very many.
BATCH_MESSAGES = 2000
RETRY_SECONDS = 1

T = TypeVar("T")
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Question:
    """Messages to be classified.

    Attributes:
        texts: n of them; what UTF-8 can't hold is not in them.
        model: alias or number of a version that is loaded.
        explain: say which words speak for each answer.
        request_id: of the request, which names its messages; empty: it only compares, and is
            neither counted nor kept.
    """

    texts: Sequence[str]
    model: str = "champion"
    explain: bool = False
    request_id: str = ""

    def ids(self) -> list[str]:
        """(n,) what names each message."""
        return [f"{self.request_id}-{row}" for row in range(len(self.texts))]


@dataclass(frozen=True)
class Answer:
    """What a version says of the n messages of a question.

    Attributes:
        proba: (n, K) probabilities, with six digits as in files; zeros where there is no text.
        best: (n,) the class that is answered; -1 where there is no text.
        words: (n,) the words that speak most for it; empty unless they were asked for.
        automatic: (n,) whether nobody has to look at an answer; None: nobody has chosen.
    """

    served: Served
    proba: npt.NDArray[np.float64]
    best: npt.NDArray[np.int64]
    words: Sequence[Weighted] = ()
    automatic: Bools | None = None

    def label(self, row: int) -> str | None:
        """The class of a message; None where there is no text."""
        at = self.best[row]
        return None if at < 0 else self.served.classes[at]

    def confidence(self, row: int) -> float | None:
        """The probability of its class, 0 to 1; None where there is no text."""
        at = self.best[row]
        return None if at < 0 else float(self.proba[row, at])

    def route(self, row: int) -> str | None:
        """Who looks at the answer; None where there is no text, or where nobody has chosen."""
        if self.automatic is None or self.best[row] < 0:
            return None
        return AUTO if self.automatic[row] else PERSON


@dataclass(frozen=True)
class _Waiting:
    """A question, and where its answer goes."""

    question: Question
    loop: asyncio.AbstractEventLoop
    answered: asyncio.Future[Answer]


@dataclass(frozen=True)
class _Task:
    """A call that must run where models are asked, and where its result goes."""

    call: Callable[[], Any]
    done: Future[Any]


# Told of each batch: how many messages it had, and each question with its answer.
Watcher = Callable[[int, Sequence[tuple[Question, Answer]]], None]


class Scorer:
    """Answers questions in the order in which they came; start it with `run` in a thread.

    Args:
        lineup: gives what answers at the moment; asked once a batch, so no batch mixes versions.
        most_waiting: messages that may wait; what comes beyond is refused.
        watch: told of each batch after its answers have gone out.
    """

    def __init__(
        self,
        lineup: Callable[[], Lineup],
        most_waiting: int,
        watch: Watcher = lambda messages, answered: None,
    ) -> None:
        self._lineup = lineup
        self._most_waiting = most_waiting
        self.watch = watch
        self._waiting: deque[_Waiting | _Task] = deque()
        self._messages = 0
        self._changed = threading.Condition()
        self._stopped = False

    @property
    def waiting(self) -> int:
        """How many messages wait."""
        return self._messages

    async def ask(self, question: Question) -> Answer:
        """The answer to a question.

        Raises:
            Problem: 429, too many messages wait; 404, the version is not loaded.
        """
        loop = asyncio.get_running_loop()
        answered: asyncio.Future[Answer] = loop.create_future()
        with self._changed:
            if self._messages and self._messages + len(question.texts) > self._most_waiting:
                raise Problem(
                    HTTPStatus.TOO_MANY_REQUESTS,
                    "Too many messages wait to be scored: try again.",
                    {"Retry-After": str(RETRY_SECONDS)},
                )
            self._waiting.append(_Waiting(question, loop, answered))
            self._messages += len(question.texts)
            self._changed.notify()
        return await answered

    def call(self, call: Callable[[], T]) -> T:
        """Have the scoring thread call this, between two batches; for other threads, which wait."""
        done: Future[T] = Future()
        with self._changed:
            self._waiting.append(_Task(call, done))
            self._changed.notify()
        return done.result()

    def run(self) -> None:
        """Answer until told to stop, and what waits then."""
        while batch := self._take():
            first = batch[0]
            if isinstance(first, _Task):
                _do(first)
            else:
                self._answer([each for each in batch if isinstance(each, _Waiting)])

    def stop(self) -> None:
        """Let `run` end when nothing waits any more."""
        with self._changed:
            self._stopped = True
            self._changed.notify()

    def _take(self) -> list[_Waiting | _Task]:
        """What is done next: a task, or questions; nothing when there is to be an end."""
        with self._changed:
            while not self._waiting:
                if self._stopped:
                    return []
                self._changed.wait()
            batch = [self._waiting.popleft()]
            if isinstance(batch[0], _Task):
                return batch
            messages = len(batch[0].question.texts)
            while self._waiting and messages < BATCH_MESSAGES:
                following = self._waiting[0]
                if isinstance(following, _Task):
                    break
                messages += len(following.question.texts)
                batch.append(self._waiting.popleft())
            self._messages -= messages
            return batch

    def _answer(self, batch: Sequence[_Waiting]) -> None:
        lineup = self._lineup()
        by_version: dict[int, list[_Waiting]] = {}
        for waiting in batch:
            try:
                served = lineup.find(waiting.question.model)
            except Problem as problem:
                _deliver(waiting.loop, partial(_fail, [waiting.answered], problem))
                continue
            by_version.setdefault(served.number, []).append(waiting)
        for number, group in by_version.items():
            questions = [waiting.question for waiting in group]
            try:
                answers = answer_all(lineup.loaded[number], questions)
            except Exception as error:  # noqa: BLE001  told to those who wait
                _deliver(group[0].loop, partial(_fail, [each.answered for each in group], error))
                continue
            settled = [(waiting.answered, a) for waiting, a in zip(group, answers, strict=True)]
            _deliver(group[0].loop, partial(_settle, settled))
            with frames_alone("A batch"):  # its answers are out
                messages = sum(len(question.texts) for question in questions)
                self.watch(messages, list(zip(questions, answers, strict=True)))


def answer_all(served: Served, questions: Sequence[Question]) -> list[Answer]:
    """Ask one version all questions at once."""
    texts = [text for question in questions for text in question.texts]
    column = pa.array(texts, pa.large_string())
    filled = pc.not_equal(pc.utf8_trim_whitespace(column), "").to_numpy(zero_copy_only=False)
    classifier = served.model.classifier
    proba = np.zeros((len(texts), len(classifier.classes_)))
    best = np.full(len(texts), -1, np.int64)
    automatic: Bools | None = None
    if filled.any():
        found = classifier.predict_proba(
            column if filled.all() else column.filter(pa.array(filled))
        )
        decided = served.model.decide(found)
        best[filled], proba[filled] = decided.best, found
        if decided.automatic is not None:
            automatic = np.zeros(len(texts), bool)
            automatic[filled] = decided.automatic
    answers, start = [], 0
    for question in questions:
        rows = slice(start, start + len(question.texts))
        start = rows.stop
        words: Sequence[Weighted] = ()
        if question.explain and isinstance(classifier, Explains):
            words = _words(classifier, question.texts, proba[rows], best[rows])
        routed = None if automatic is None else automatic[rows]
        answers.append(Answer(served, proba[rows].round(6), best[rows], words, routed))
    return answers


def _words(
    classifier: Explains,
    texts: Sequence[str],
    proba: npt.NDArray[np.float64],
    best: npt.NDArray[np.int64],
) -> list[Weighted]:
    (rows,) = np.nonzero(best >= 0)
    found: list[Weighted] = [[] for _ in texts]
    if len(rows):
        chosen = pa.array([texts[row] for row in rows.tolist()], pa.large_string())
        answered = as_likeliest(best[rows], proba[rows])
        for row, words in zip(rows, classifier.explain(chosen, answered, top=8), strict=True):
            found[row] = words
    return found


def _do(task: _Task) -> None:
    try:
        task.done.set_result(task.call())
    except BaseException as error:  # noqa: BLE001  told to who waits
        task.done.set_exception(error)


def _deliver(loop: asyncio.AbstractEventLoop, call: Callable[[], None]) -> None:
    try:
        loop.call_soon_threadsafe(call)
    except RuntimeError:  # the loop has ended, and with it who waited
        logger.debug("Nobody waits for an answer any more.")


def _settle(answers: Sequence[tuple[asyncio.Future[Answer], Answer]]) -> None:
    for answered, answer in answers:
        if not answered.done():  # who asked may have left
            answered.set_result(answer)


def _fail(waiting: Sequence[asyncio.Future[Answer]], error: Exception) -> None:
    for answered in waiting:
        if not answered.done():
            answered.set_exception(error)
