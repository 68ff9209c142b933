"""How the monitor was called, for the next steps that it proposes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from common.data import files
from common.data.source import choose_source
from common.errors import InputError
from common.evaluation.routing import Routing
from common.monitoring.advice import Look, short
from common.monitoring.checks.finding import TROUBLE
from common.monitoring.incidents.incident import RETRAINED, Notice
from common.monitoring.result import MonitoringResult, with_steps
from common.monitoring.source import Source
from common.pipelines.form import reading_of
from common.pipelines.monitor_request import (
    MonitorRequest,
    flags_of,
    registry_flags,
    training_flags,
)
from common.registry import routing
from common.registry.store import Registry
from common.registry.versions import Version


def with_next_steps(
    result: MonitoringResult,
    request: MonitorRequest,
    registry: Registry,
    source: Source,
    version: Version,
    retrained_with: Mapping[str, str],
    new_notices: Sequence[Notice],
) -> MonitoringResult:
    """The result with what to do next, if something is wrong.

    Args:
        retrained_with: settings of a training, as `monitor.training_settings`.
        new_notices: what is new of incidents, a training that was just done among it.
    """
    if not any(finding.status in TROUBLE for finding in result.findings):
        return result  # no file is read again for nothing
    return with_steps(
        result,
        _look(
            request,
            source,
            version,
            retrained_with,
            new_notices,
            routing.in_force(version),
            _higher_promise(result, registry, version),
        ),
    )


def _higher_promise(result: MonitoringResult, registry: Registry, version: Version) -> float | None:
    """Asked of the store only where the promise is broken."""
    trouble = (finding.name for finding in result.findings if finding.status in TROUBLE)
    return routing.higher_promise(registry, version) if "auto_accuracy" in trouble else None


def _look(
    request: MonitorRequest,
    source: Source,
    version: Version,
    retrained_with: Mapping[str, str],
    new_notices: Sequence[Notice],
    routed: Routing | None = None,
    higher_promise: float | None = None,
) -> Look:
    """What of a look its next steps must repeat."""
    at = [short(word) if Path(word).is_absolute() else word for word in source.flags]
    in_memory = request.data is not None and not isinstance(request.data, Path)
    new = _new_messages(request, source, version)
    return Look(
        monitor=None if in_memory else [*at, *flags_of(request)],
        report=request.report,
        train=["--data", short(new), *training_flags(request, retrained_with)] if new else None,
        registry=registry_flags(request),
        retrained=any(notice.change == RETRAINED for notice in new_notices),
        version=version.number,
        promise=routed.promise if routed else None,
        higher_promise=higher_promise,
    )


def _new_messages(request: MonitorRequest, source: Source, version: Version) -> Path | None:
    """Labelled messages that the version was not fitted on.

    On those that it was, a training changes nothing; on synthetic ones it says nothing of real
    messages. Predictions with late labels lack what train.py needs.
    """
    looked_at = None if source.holdout_only or source.late else request.data
    for path in (request.retrain_data, request.training_data, looked_at):
        if not isinstance(path, Path):
            continue
        try:
            if files.sha256(path) == version.data_sha256:
                continue
            found = choose_source(path, path.parent, request.seed, reading_of(request))
        except InputError:  # nothing to train on
            continue
        if version.synthetic or not found.synthetic:
            return path
    return None
