"""Which versions of the model a look of the monitor is at, and the windows of each."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from common import ROOT
from common.errors import InputError, ModelUnavailable, SettingsError
from common.pipelines.monitor_request import MonitorRequest

if TYPE_CHECKING:  # a request is made without any heavy library
    from common.evaluation.profile import Profile
    from common.evaluation.routing import Routing
    from common.models.base import Classifier
    from common.monitoring.comparable import Comparable
    from common.monitoring.feed import Feed
    from common.monitoring.incidents.book import Book
    from common.monitoring.source import Source
    from common.monitoring.summaries import Summary
    from common.registry.store import Registry
    from common.registry.versions import Version
    from common.types import Progress

AS_SCORED = "as scored"

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Watched:
    """A version and what it has answered.

    Attributes:
        compared: the windows, and what they are held against.
        fitted: windows whose messages it was fitted on.
        summaries: what is to be kept of files that were read now, and what was kept of the others,
            by its key.
        routing: who looks at which of its answers; None: nobody has chosen.
    """

    version: Version
    source: Source
    classifier: Classifier
    compared: Comparable
    fitted: frozenset[str]
    summaries: Mapping[str, Summary] = field(default_factory=dict)
    routing: Routing | None = None

    @property
    def newest(self) -> str:
        """The name of the newest window with an answer, as text that sorts by age."""
        from common.monitoring.incidents.lifecycle import place
        from common.monitoring.windows import UNDATED

        windows = self.compared.windows.items()
        return max((place(name) for name, w in windows if name != UNDATED and w.read), default="")


def read(
    request: MonitorRequest,
    registry: Registry,
    source: Source,
    version: Version,
    label: str | None,
    book: Book,
    progress: Progress,
) -> list[Watched]:
    """Read what each version has answered; last the one that is in use.

    Predictions are charged to the versions that made them.

    Args:
        version: that the request names, or the champion.
        label: column of the classes; None if they are made from the texts.
        book: what earlier looks have kept of files that did not change is not read again.

    Raises:
        InputError: a file can't be read; or rows are counted, where versions take turns.
        SettingsError: the request names a version that made none of the predictions.
        ModelUnavailable: there is no version that could be asked.
    """
    from common.monitoring import source as sources

    numbers = _asked_for(request, source, version, sources.versions_of(source))
    if not numbers:
        return [_read(request, registry, source, version, label, book, progress)]
    if len(numbers) > 1 and source.length.rows is not None:
        raise InputError(
            f"{source.name} holds predictions of versions {_listed(numbers)}, which can't be "
            "counted together: take a WINDOW of days (1d), or a file of each version."
        )
    several = len(numbers) > 1
    found = [
        _read(request, registry, replace(source, version=made.number), made, label, book, progress)
        for made in _registered(registry, numbers)
    ]
    if several:
        found = _with_all_rows(found)
    in_use = version.number
    return sorted(found, key=lambda w: (w.newest, w.version.number == in_use, w.version.number))


def _asked_for(
    request: MonitorRequest, source: Source, version: Version, numbers: Sequence[int]
) -> Sequence[int]:
    if request.model is None or not numbers:
        return numbers
    if version.number not in numbers:
        raise SettingsError(
            f"{source.name} holds predictions of version {_listed(numbers)}, none of version "
            f"{version.number} (--model {request.model}): leave --model away."
        )
    return [version.number]


def _registered(registry: Registry, numbers: Sequence[int]) -> list[Version]:
    """The versions that can still be asked what their answers were held against."""
    from common.registry import versions

    found, missing = [], None
    for number in numbers:
        try:
            found.append(versions.find(registry, str(number)))
        except ModelUnavailable as error:
            logger.warning("Predictions of version %d are not looked at: %s", number, error)
            missing = error
    if missing and not found:
        raise missing
    return found


def feed_of(request: MonitorRequest, source: Source) -> Feed:
    """What windows of this source are compared within."""
    watched = AS_SCORED if source.version else request.model or "champion"
    return source.feed(request.model_name, watched, request.accuracy_floor, ROOT)


def _read(
    request: MonitorRequest,
    registry: Registry,
    source: Source,
    version: Version,
    label: str | None,
    book: Book,
    progress: Progress,
) -> Watched:
    from common.monitoring.comparable import comparable
    from common.monitoring.unknown_labels import refuse_unknown_labels
    from common.registry import runs

    answering = _Answering(request, registry, version, book, progress)
    found = answering.read(source)
    refuse_unknown_labels(found.windows, answering.classifier.classes_, label)
    if found.fitted == found.windows.keys() and found.windows and source.can_be_split:
        source, found = _held_out(answering, source, found)
    source.say_if_holdout()
    source.say_if_unlabelled(found.windows)
    source.say_if_left_out(found.windows)
    reference = runs.reference(registry, version.run_id)
    if reference is not None and source.holdout_only:
        # All copies of a frequent message are on one side: the held-out rows are not like all rows.
        reference = replace(reference, stream=())
    compared = comparable(found.windows, reference, request.mask)
    return Watched(
        version,
        source,
        answering.classifier,
        compared,
        found.fitted,
        found.summaries,
        answering.routing,
    )


@dataclass(frozen=True)
class _Read:
    """Windows of a source, those whose messages the version was fitted on, and what is kept."""

    windows: Mapping[str, Profile]
    fitted: frozenset[str]
    summaries: Mapping[str, Summary]


def _held_out(answering: _Answering, source: Source, found: _Read) -> tuple[Source, _Read]:
    """The source and its windows with the held-out rows alone; as they are if there is none.

    Args:
        found: the windows with all rows.
    """
    held_out = replace(source, holdout_only=True)
    rest = answering.read(held_out)
    if not any(window.predicted for window in rest.windows.values()):
        return source, found
    # How many rows there were is judged by all of them.
    all_rows = {name: window.read for name, window in found.windows.items()}
    windows = {
        name: replace(window, read=all_rows.get(name, window.read))
        for name, window in rest.windows.items()
    }
    both = {**found.summaries, **rest.summaries}
    return held_out, replace(rest, windows=windows, fitted=frozenset(), summaries=both)


class _Answering:
    """A version that answers the messages of sources."""

    def __init__(
        self,
        request: MonitorRequest,
        registry: Registry,
        version: Version,
        book: Book,
        progress: Progress,
    ) -> None:
        from common.registry import costs, judged, routing, versions

        self.routing = routing.in_force(version)
        self.classifier = versions.load(registry, version)
        self._costs, self._challengers_costs = costs.of(version, self.classifier), None
        self._seen = judged.seen(registry, version.run_id) if version.made_elsewhere else None
        self._request, self._registry, self._version = request, registry, version
        self._book, self._progress = book, progress
        self._other, self._challenger = None, None
        if request.challenger is not None:
            self._other = versions.find_challenger(registry, version, request.challenger)
            self._challenger = versions.load(registry, self._other)
            self._challengers_costs = costs.of(self._other, self._challenger)

    def read(self, source: Source) -> _Read:
        """The windows of a source; files that did not change are known from earlier looks."""
        from common.monitoring import source as sources
        from common.monitoring.summaries import Summary

        held_out = self._version.holdout_percent if source.holdout_only else 100
        keys = self._keys(source, held_out)
        kept = self._book.summaries(keys.values())
        known = {path: kept[key] for path, key in keys.items() if key in kept}
        found = sources.by_window(
            source,
            self.classifier,
            held_out,
            self._request.workers,
            self._progress,
            self._challenger,
            {path: summary.windows for path, summary in known.items()},
            self._seen,
            self.routing,
            self._costs,
            self._challengers_costs,
        )
        summed_up = {name for name, window in found.windows.items() if window.summed_up}
        with_texts = {n: w for n, w in found.windows.items() if n not in summed_up}
        # Of the others an earlier look has found out.
        fitted = self._fitted(source, with_texts).union(
            *(summary.fitted & summed_up for summary in known.values())
        )
        summaries = {
            key: known.get(path) or Summary(found.read[path], fitted & found.read[path].keys())
            for path, key in keys.items()
        }
        return _Read(found.windows, frozenset(fitted & found.windows.keys()), summaries)

    def _keys(self, source: Source, held_out: int) -> dict[Path, str]:
        from common.data.columns import MessageColumns
        from common.monitoring import summaries

        filed = isinstance(source.columns, MessageColumns) and source.columns.filed
        if source.late or filed or not summaries.can_be_kept(source.path, source.length):
            return {}
        circumstances = (
            feed_of(self._request, source),
            self._version.run_id,
            self._other.run_id if self._other else None,
            held_out,
            source.columns,
            source.reading,
            source.times,
            source.version,
            *([self.routing.key] if self.routing else ()),
        )
        return summaries.keys(source.path, circumstances)

    def _fitted(self, source: Source, found: Mapping[str, Profile]) -> frozenset[str]:
        """The windows whose messages the version was fitted on."""
        import numpy as np

        from common.data import files
        from common.monitoring.fitted import fitted_windows
        from common.registry import judged

        version = self._version
        if source.holdout_only or not version.holdout_percent:
            return frozenset()
        tested = judged.rows(self._registry, version.run_id)
        if tested is None and files.sha256(source.path) == version.data_sha256:
            return frozenset(found)
        if tested is not None and self._seen is not None:
            tested = np.concatenate([tested, self._seen])
        return fitted_windows(found, tested, version.holdout_percent)


def _with_all_rows(found: Sequence[Watched]) -> list[Watched]:
    """Let each window count the rows of all versions: fewer than usual would be no news."""
    answered: dict[str, int] = {}
    for each in found:
        for name, window in each.compared.windows.items():
            answered[name] = answered.get(name, 0) + window.predicted.total()

    def whole(name: str, window: Profile) -> Profile:
        others = answered[name] - window.predicted.total()
        return replace(window, read=window.read + others)

    return [
        replace(
            each,
            compared=replace(
                each.compared,
                windows={n: whole(n, window) for n, window in each.compared.windows.items()},
            ),
        )
        for each in found
    ]


def _listed(numbers: Sequence[int]) -> str:
    return " and ".join(map(str, numbers))
