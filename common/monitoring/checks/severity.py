"""From findings to one status, and from statuses over time to a graver one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from common.monitoring.checks.finding import Finding, Status

SEVERITY = (Status.OK, Status.UNKNOWN, Status.WARNING, Status.CRITICAL)
ESCALATION_WINDOWS, ESCALATION_WARNINGS = 5, 2


def worst(statuses: Iterable[Status]) -> Status:
    """CRITICAL before WARNING before UNKNOWN before OK; UNKNOWN if there is none at all.

    >>> worst([Status.OK, Status.UNKNOWN, Status.WARNING]).name
    'WARNING'
    """
    return max(statuses, key=SEVERITY.index, default=Status.UNKNOWN)


def overall(findings: Iterable[Finding]) -> Status:
    """The worst of them: CRITICAL, WARNING, UNKNOWN, OK; UNKNOWN if there are none.

    UNKNOWN counts for accuracy alone, or for its estimate where there are no labels: a small window
    leaves most other questions open, every day.
    """
    asked = list(findings)
    measured = any(finding.name == "accuracy" for finding in asked)
    decisive = "accuracy" if measured else "estimated_accuracy"
    return worst(
        finding.status
        for finding in asked
        if finding.status is not Status.UNKNOWN or finding.name == decisive
    )


def escalate(history: Sequence[Status]) -> Status:
    """The newest status of one check, made CRITICAL by a WARNING in 2 of the last 5 windows.

    Args:
        history: statuses of `degradation`, newest last, before escalation.

    Only for checks that measure accuracy on labels: that is what the model is there for, while a
    drift that harms nobody stays a WARNING however long it lasts (it may be a new campaign, which
    the model answers well). And only for those whose WARNING is itself beyond chance: two of
    `degradation` (p < .005 each) come by chance in 0.04 of 200-day runs, while a point below the
    floor says little in a small window, so two of them would be a CRITICAL from points alone; what
    several windows say about the floor is `pooled_against_floor`'s to judge.

    >>> escalate([Status.WARNING, Status.OK, Status.WARNING]).name
    'CRITICAL'
    """
    if not history:
        return Status.UNKNOWN
    newest = history[-1]
    warnings = sum(status is Status.WARNING for status in history[-ESCALATION_WINDOWS:])
    if newest is Status.WARNING and warnings >= ESCALATION_WARNINGS:
        return Status.CRITICAL
    return newest
