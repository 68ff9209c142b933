"""All versions at a glance: how each did, what it was made from, and which waits for a person."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from mlflow.entities import Run
from mlflow.exceptions import MlflowException

from common.registry import history, versions
from common.registry.store import Registry, is_missing
from common.registry.versions import Version


@dataclass(frozen=True)
class Listed:
    """A version as it is listed.

    Attributes:
        verdict: of its contest, in a word; None if its training did not end.
        reason: the verdict in a sentence.
        waits: it was never champion and may become it: the newest challenger, or one that passed
            after the champion was registered.
        holdout_accuracy, macro_f1: on its holdout, 0 to 1; None if that is not recorded.
        data: name of the file it was fitted on.
        trained_at: when its training began, UTC in ISO 8601.
    """

    version: int
    aliases: tuple[str, ...]
    verdict: str | None
    reason: str | None
    waits: bool
    holdout_accuracy: float | None
    macro_f1: float | None
    data: str | None
    synthetic: bool
    trained_at: str | None

    @property
    def lost(self) -> bool:
        """Whether it lost its contest."""
        return self.verdict == versions.LOST


def read(registry: Registry) -> list[Listed]:
    """All versions, the newest first.

    Raises:
        ModelUnavailable: there is no such model.
    """
    champion = history.read(registry).champion
    aliases = versions.aliases(registry)
    return [
        _listed(version, _run(registry, version), aliases.get(version.number, ()), champion)
        for version in versions.list_versions(registry)
    ]


def _listed(
    version: Version, run: Run | None, aliases: tuple[str, ...], champion: int | None
) -> Listed:
    tags = version.tags
    passed = tags.get("verdict") == versions.WAITING and version.number > (champion or 0)
    candidate = versions.CHALLENGER in aliases or passed
    metrics = run.data.metrics if run else {}
    accuracy = tags.get("holdout_accuracy")
    return Listed(
        version=version.number,
        aliases=aliases,
        verdict=tags.get("verdict"),
        reason=tags.get("reason"),
        waits=version.number != champion and candidate and "promoted_at" not in tags,
        holdout_accuracy=None if accuracy is None else float(accuracy),
        macro_f1=metrics.get("f1_macro"),
        data=_data(run),
        synthetic=tags.get("synthetic_data") == "True",
        trained_at=_time(run.info.start_time) if run else None,
    )


def _run(registry: Registry, version: Version) -> Run | None:
    with registry.store_errors():
        try:
            return registry.client.get_run(version.run_id)
        except MlflowException as error:
            if is_missing(error):  # deleted for good, by `mlflow gc`
                return None
            raise


def _data(run: Run | None) -> str | None:
    used = run.inputs.dataset_inputs if run and run.inputs else []
    return used[0].dataset.name if used else None


def _time(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="seconds")
