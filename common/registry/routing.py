"""Who looks at which answers of a version: its thresholds, and every decision that changed them.

A decision is a tag of the version, `routing.000001` and so on; the newest holds. It is chosen on
the version's answers to its holdout, which are kept with its run without the messages.
"""

from __future__ import annotations

import json
import re
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa

from common.errors import ModelUnavailable, StoreError
from common.evaluation.holdout_answers import HoldoutAnswers
from common.evaluation.routing import Promise, Routing
from common.registry import history, lock, versions
from common.registry.store import Registry
from common.registry.versions import Version

PREFIX = "routing."
_DECISION = re.compile(r"routing\.\d{6}")
ANSWERS = "holdout_answers.parquet"
# By how much mistakes are to become fewer where a promise is broken, the most first.
FEWER_MISTAKES = (0.5, 0.35, 0.2, 0.1)


@dataclass(frozen=True)
class RoutingDecision:
    """What was decided, when (UTC in ISO 8601), by which program or person, and why."""

    routing: Routing
    at: str
    by: str
    reason: str

    def to_tag(self) -> str:
        about = {"at": self.at, "by": self.by, "reason": self.reason}
        return json.dumps({**about, "routing": self.routing.to_json()})

    @classmethod
    def from_tag(cls, text: str) -> RoutingDecision:
        found = json.loads(text)
        routing = Routing.from_json(found["routing"])
        return cls(routing, found["at"], found["by"], found["reason"])


def first_decision(routing: Routing, by: str) -> dict[str, str]:
    """The tags of a version that is about to be registered."""
    decision = RoutingDecision(routing, history.now(), by, "chosen while training")
    return {f"{PREFIX}{1:06d}": decision.to_tag()}


def decisions(version: Version) -> list[RoutingDecision]:
    """All that was decided about a version, the oldest first; none for one without routes.

    Raises:
        ModelUnavailable: a tag is not what was written.
    """
    return [_read(version, key) for key in _keys(version)]


def in_force(version: Version) -> Routing | None:
    """The thresholds that hold for a version; None: its answers are not routed.

    Raises:
        ModelUnavailable: the newest tag is not what was written.
    """
    keys = _keys(version)
    return _read(version, keys[-1]).routing if keys else None


def _keys(version: Version) -> list[str]:
    """Tags of decisions, the oldest first."""
    return sorted(key for key in version.tags if _DECISION.fullmatch(key))


def _read(version: Version, key: str) -> RoutingDecision:
    try:
        return RoutingDecision.from_tag(version.tags[key])
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ModelUnavailable(
            f"version {version.number} of {version.name} has a tag {key} that can't be read: "
            "delete it in MLflow; the decision before it holds then."
        ) from error


def log_answers(registry: Registry, run_id: str, answers: HoldoutAnswers) -> None:
    """Keep a version's answers to its holdout with its run."""
    with registry.store_errors(), tempfile.TemporaryDirectory() as folder:
        path = Path(folder, ANSWERS)
        answers.save(path)
        registry.client.log_artifact(run_id, str(path))


def answers(registry: Registry, version: Version) -> HoldoutAnswers:
    """A version's answers to its holdout.

    Raises:
        ModelUnavailable: it was registered before they were kept.
    """
    client = registry.client
    with tempfile.TemporaryDirectory() as folder, registry.store_errors():
        stored = [item.path for item in client.list_artifacts(version.run_id)]
        if ANSWERS in stored:
            path = Path(client.download_artifacts(version.run_id, ANSWERS, folder))
            try:
                return HoldoutAnswers.load(path)
            except (pa.ArrowException, KeyError) as error:
                raise ModelUnavailable(
                    f"{ANSWERS} in run {version.run_id} is damaged, so no threshold can be chosen: "
                    "train again."
                ) from error
    raise ModelUnavailable(
        f"version {version.number} of {version.name} has no answers to its holdout stored, so no "
        "threshold can be chosen: train again."
    )


def choose(registry: Registry, version: Version, promise: Promise) -> Routing:
    """The thresholds with which a version keeps a promise.

    Raises:
        SettingsError: a promise is of a class that the version does not know.
        ModelUnavailable: its answers were not kept, or it can't be loaded.
    """
    known = answers(registry, version)
    classes = {*map(str, known.labels), *map(str, known.predicted)}
    if not classes.issuperset(promise.by_class):  # a rare class may be in no holdout
        classes.update(map(str, versions.load(registry, version).classes_))
    promise.require_classes(classes, "--by-class")
    return known.routing(promise)


def decide(registry: Registry, version: Version, promise: Promise, reason: str) -> RoutingDecision:
    """Choose a version's thresholds anew, as a person's decision.

    Raises:
        SettingsError, ModelUnavailable: as `choose`.
    """
    routing = choose(registry, version, promise)
    with lock.hold(registry) as confirm:
        now = versions.find(registry, str(version.number))
        number = 1 + max(map(_number, _keys(now)), default=0)
        decision = RoutingDecision(routing, history.now(), history.who(), reason)
        confirm()
        with registry.store_errors():
            registry.client.set_model_version_tag(
                version.name, str(version.number), f"{PREFIX}{number:06d}", decision.to_tag()
            )
    return decision


def higher_promise(registry: Registry, version: Version) -> float | None:
    """A promise above the present one that leaves some answers automatic; if none does, that with
    half of the mistakes, which leaves none. None: no answer is routed, or none can be chosen anew.
    """
    held = in_force(version)
    if held is None:
        return None
    try:
        known = answers(registry, version)
    except (ModelUnavailable, StoreError):  # a step is proposed, no more
        return None
    mistakes = 1 - held.promise.accuracy
    promises = [round(1 - mistakes * (1 - share), 6) for share in FEWER_MISTAKES]
    kept = [p for p in promises if known.routing(replace(held.promise, accuracy=p)).rest.auto]
    return (kept or promises)[0]


def _number(tag: str) -> int:
    return int(tag.removeprefix(PREFIX))
