"""After a rollback: the same model, or the same rows, do not bring a champion back by themselves.

A rollback says that a version was worse than its contest had shown. So a challenger that passes is
left to a person if it gives the same answers as a version that was rolled back from. As long as
nobody was promoted since, it must also win on rows that are newer: those that the versions rolled
back from were not tested on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from common.registry.judged import Keys, Withdrawn
from common.text import first_line
from common.training import contest
from common.training.contest import Policy, Rule, Verdict
from common.types import Bools


@dataclass(frozen=True)
class Contested:
    """The n rows that a contest was held on.

    Attributes:
        keys: (n,) of the messages, see `split.keys`.
        right, champion_right: (n,) whether the challenger and the champion are right.
    """

    keys: Keys
    right: Bools
    champion_right: Bools


def hold_back(
    verdict: Verdict,
    withdrawn: Sequence[Withdrawn],
    predictions_sha256: str,
    contested: Contested,
    policy: Policy,
) -> Verdict:
    """The verdict; or, if a rollback speaks against a promotion, that a person has to decide.

    Args:
        withdrawn: versions that were rolled back from, oldest first.
        predictions_sha256: digest of the challenger's answers.
    """
    if not verdict.promote:
        return verdict
    for version in withdrawn:
        if version.predictions_sha256 == predictions_sha256:
            return _left_to_a_person(verdict, f"it is the same model as {_named([version])}")
    latest = [version for version in withdrawn if version.latest]
    if not latest:
        return verdict
    unknown = [version for version in latest if version.rows is None]
    if unknown:
        why = f"which rows are newer than those of {_named(unknown)} is not recorded"
        return _left_to_a_person(verdict, why)
    return _on_newer_rows(verdict, latest, contested, policy)


def _on_newer_rows(
    verdict: Verdict, latest: Sequence[Withdrawn], contested: Contested, policy: Policy
) -> Verdict:
    seen = np.concatenate([version.rows for version in latest if version.rows is not None])
    newer = ~np.isin(contested.keys, seen)
    rows = int(newer.sum())
    if rows < policy.min_rows:
        required = f">= {policy.min_rows:,}"
        rule = Rule("rolled_back", f"newer rows: {rows:,}", None, None, required, False)
        count = f"only {rows:,}" if rows else "none"
        why = f"{count} of its rows {'are' if rows > 1 else 'is'} newer than those of"
        asked = f"{policy.min_rows:,} are needed"
        return _left_to_a_person(verdict, f"{why} {_named(latest)}; {asked}", rule)
    right, champion_right = contested.right[newer], contested.champion_right[newer]
    wins, losses = int((right & ~champion_right).sum()), int((champion_right & ~right).sum())
    both = int((right & champion_right).sum())
    gain = contest.gain(wins, losses, both, rows, policy.threshold)
    luck = contest.significance(wins, losses, policy)
    rule = replace(
        gain,
        name="rolled_back",
        metric=f"accuracy on {rows:,} newer rows",
        required=f"{gain.required}, p {luck.required}" if luck.blocks else gain.required,
        passed=bool(gain.passed and (luck.passed or not luck.blocks)),
    )
    figures = (
        f"on the {rows:,} rows that are newer than those of {_named(latest)} accuracy is "
        f"{rule.challenger:.4f} against {rule.champion:.4f}"
    )
    if rule.passed:
        rules = (*verdict.rules, rule)
        return replace(verdict, grounds=f"{verdict.grounds}; {figures}", rules=rules)
    return _left_to_a_person(verdict, f"{figures} (required: {rule.required})", rule)


def _left_to_a_person(verdict: Verdict, why: str, *rules: Rule) -> Verdict:
    return replace(
        verdict.waiting(),
        decision="waiting for approval",
        grounds=f"the challenger passed ({verdict.grounds}), but {why}",
        rules=(*verdict.rules, *rules),
    )


def _named(versions: Sequence[Withdrawn]) -> str:
    listed = " and ".join(str(version.version) for version in versions)
    last = versions[-1]
    which = f"version{'s' if len(versions) > 1 else ''} {listed}"
    return f"{which}, rolled back from on {last.at[:10]} ({first_line(last.reason)})"
