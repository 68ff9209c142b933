"""Which versions of the model a look of the monitor is at, and the windows of each."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from common.errors import InputError, ModelUnavailable, SettingsError
from common.pipelines.monitor_request import MonitorRequest

if TYPE_CHECKING:  # a request is made without any heavy library
    from common.evaluation.profile import Profile
    from common.models.base import Classifier
    from common.monitoring.comparable import Comparable
    from common.monitoring.source import Source
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
    """

    version: Version
    source: Source
    classifier: Classifier
    compared: Comparable
    fitted: frozenset[str]

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
    progress: Progress,
) -> list[Watched]:
    """Read what each version has answered; last the one that is in use.

    Predictions are charged to the versions that made them.

    Args:
        version: that the request names, or the champion.
        label: column of the classes; None if they are made from the texts.

    Raises:
        InputError: a file can't be read; or rows are counted, where versions take turns.
        SettingsError: the request names a version that made none of the predictions.
        ModelUnavailable: there is no version that could be asked.
    """
    from common.monitoring import source as sources

    numbers = _asked_for(request, source, version, sources.versions_of(source))
    if not numbers:
        return [_read(request, registry, source, version, label, progress)]
    if len(numbers) > 1 and source.length.rows is not None:
        raise InputError(
            f"{source.name} holds predictions of versions {_listed(numbers)}, which can't be "
            "counted together: take a WINDOW of days (1d), or a file of each version."
        )
    several = len(numbers) > 1
    found = [
        _read(request, registry, replace(source, version=made.number), made, label, progress)
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


def _read(
    request: MonitorRequest,
    registry: Registry,
    source: Source,
    version: Version,
    label: str | None,
    progress: Progress,
) -> Watched:
    from common.monitoring.comparable import comparable
    from common.monitoring.unknown_labels import refuse_unknown_labels
    from common.registry import runs, versions

    classifier = versions.load(registry, version)
    challenger = _load_challenger(registry, version, request.challenger)

    def by_window(source: Source) -> dict[str, Profile]:
        from common.monitoring.source import by_window

        held_out = version.holdout_percent if source.holdout_only else 100
        return by_window(source, classifier, held_out, request.workers, progress, challenger)

    found = by_window(source)
    refuse_unknown_labels(found, classifier.classes_, label)
    fitted = _fitted(registry, version, source, found)
    if fitted == found.keys() and found and source.can_be_split:
        source = replace(source, holdout_only=True)
        rest = by_window(source)
        # How many rows there were is judged by all of them.
        found = {
            name: replace(window, read=found.get(name, window).read)
            for name, window in rest.items()
        }
        fitted = frozenset()
    source.say_if_holdout()
    source.say_if_unlabelled(found)
    reference = runs.reference(registry, version.run_id)
    if reference is not None and source.holdout_only:
        # All copies of a frequent message are on one side: the held-out rows are not like all rows.
        reference = replace(reference, stream=())
    compared = comparable(found, reference, request.mask)
    return Watched(version, source, classifier, compared, fitted)


def _fitted(
    registry: Registry, version: Version, source: Source, found: Mapping[str, Profile]
) -> frozenset[str]:
    """The windows whose messages the version was fitted on."""
    from common.data import files
    from common.monitoring.fitted import fitted_windows
    from common.registry import judged

    if source.holdout_only or not version.holdout_percent:
        return frozenset()
    tested = judged.rows(registry, version.run_id)
    if tested is None and files.sha256(source.path) == version.data_sha256:
        return frozenset(found)
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


def _load_challenger(registry: Registry, version: Version, which: str | None) -> Classifier | None:
    from common.registry import versions

    if which is None:
        return None
    challenger = versions.find_challenger(registry, version, which)
    return versions.load(registry, challenger)


def _listed(numbers: Sequence[int]) -> str:
    return " and ".join(map(str, numbers))
