"""Figures of the server for Prometheus."""

from __future__ import annotations

import time
from collections import Counter as Tally
from collections.abc import Mapping, Sequence

from prometheus_client import CONTENT_TYPE_LATEST as CONTENT_TYPE
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)

from serving.champion import Served
from serving.scorer import Answer, Question

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60)
MESSAGES = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000)

__all__ = ["CONTENT_TYPE", "Metrics"]


class Metrics:
    """Counts what the server does; several threads may count at once."""

    def __init__(self) -> None:
        self._has_champion = False
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._requests = Counter(
            "triage_requests", "Requests answered", ["path", "code"], registry=self._registry
        )
        self._seconds = Histogram(
            "triage_request_seconds",
            "Seconds from the head of a request to the end of its answer",
            ["path"],
            buckets=SECONDS,
            registry=self._registry,
        )
        self._batch = Histogram(
            "triage_batch_messages",
            "Messages that were scored at once",
            buckets=MESSAGES,
            registry=self._registry,
        )
        self._predictions = Counter(
            "triage_predictions",
            "Messages answered, by class",
            ["version", "prediction"],
            registry=self._registry,
        )
        self._blank = Counter(
            "triage_blank_messages", "Messages without text", registry=self._registry
        )
        self._feedback = Counter(
            "triage_feedback", "Labels given by people", ["verdict"], registry=self._registry
        )
        self._shadow = Counter(
            "triage_shadow",
            "Messages that the shadow's version answered too",
            ["version", "same"],
            registry=self._registry,
        )
        self._version = Gauge(
            "triage_champion_version", "Version that answers", registry=self._registry
        )
        self._since = Gauge(
            "triage_champion_loaded_timestamp_seconds",
            "When that version began to answer",
            registry=self._registry,
        )
        self._swaps = Counter("triage_swaps", "Changes of champion", registry=self._registry)
        self._refused = Gauge(
            "triage_versions_refused",
            "Versions that an alias names and that can't be served",
            registry=self._registry,
        )
        self._reachable = Gauge(
            "triage_registry_reachable", "1: the last look succeeded", registry=self._registry
        )
        self._waiting = Gauge(
            "triage_waiting_messages", "Messages that wait", registry=self._registry
        )

    def request(self, path: str, code: int, seconds: float) -> None:
        """Count an answered request; `path` is that of the route, not what was typed."""
        self._requests.labels(path, str(code)).inc()
        self._seconds.labels(path).observe(seconds)

    def batch(self, messages: int, answered: Sequence[tuple[Question, Answer]]) -> None:
        """Count a batch."""
        self._batch.observe(messages)
        for version, predictions in _predictions(answered).items():
            for label, rows in predictions.items():
                if label is None:
                    self._blank.inc(rows)
                else:
                    self._predictions.labels(str(version), label).inc(rows)

    def file(self, version: int, classes: Mapping[str, int], blank: int) -> None:
        """Count the rows of a file."""
        self._blank.inc(blank)
        for label, rows in classes.items():
            self._predictions.labels(str(version), label).inc(rows)

    def compared(self, version: int, same: int, different: int) -> None:
        """Count what the shadow's version said."""
        self._shadow.labels(str(version), "yes").inc(same)
        self._shadow.labels(str(version), "no").inc(different)

    def feedback(self, right: bool) -> None:
        """Count a label that somebody gave."""
        self._feedback.labels("right" if right else "wrong").inc()

    def swapped(self, served: Served) -> None:
        """Note which version answers from now on."""
        self._swaps.inc(self._has_champion)
        self._has_champion = True
        self._version.set(served.number)
        self._since.set(time.time())

    def text(self, refused: int, reachable: bool, waiting: int) -> bytes:
        """All figures, as Prometheus reads them.

        Args:
            refused: versions that an alias names and that can't be served.
            reachable: the registry answers.
            waiting: messages that wait.
        """
        self._refused.set(refused)
        self._reachable.set(reachable)
        self._waiting.set(waiting)
        return generate_latest(self._registry)


def _predictions(
    answered: Sequence[tuple[Question, Answer]],
) -> dict[int, Tally[str | None]]:
    """How many messages got each class, by version."""
    found: dict[int, Tally[str | None]] = {}
    for question, answer in answered:
        if question.request_id:
            tally = found.setdefault(answer.served.number, Tally())
            tally.update(answer.label(row) for row in range(len(question.texts)))
    return found
