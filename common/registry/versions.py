"""Versions of the registered model: register, find, load, describe."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import mlflow
from mlflow.exceptions import MlflowException

from common.errors import ModelUnavailable, SettingsError
from common.registry import artifact, store

CHAMPION, CHALLENGER, LATEST = "champion", "challenger", "latest"
FILES = "files_sha256"
LONGEST_DESCRIPTION = 5000  # characters, of the column in MLflow's database


@dataclass(frozen=True)
class Version:
    """A registered version of the model."""

    name: str
    number: int
    run_id: str
    tags: Mapping[str, str]

    @property
    def uri(self) -> str:
        return f"models:/{self.name}/{self.number}"

    @property
    def holdout_percent(self) -> int:
        """Share of the messages that it was not fitted on; 0 where that is not recorded."""
        return int(self.tags.get("holdout_percent", 0))

    @property
    def data_sha256(self) -> str | None:
        """Digest of the file it was fitted on."""
        return self.tags.get("data_sha256")

    @property
    def model_bytes(self) -> int | None:
        """Size of the stored model."""
        return int(self.tags["model_bytes"]) if "model_bytes" in self.tags else None

    @property
    def files(self) -> dict[str, str]:
        """The SHA-256 of each file of the model.

        Raises:
            ModelUnavailable: they were not recorded, or are no longer what was recorded.
        """
        try:
            return dict(json.loads(self.tags[FILES]))
        except (KeyError, ValueError, TypeError) as error:
            raise ModelUnavailable(
                f"version {self.number} of {self.name} has no digests of its files, so nobody can "
                "tell whether they were changed: train again, or use another version."
            ) from error

    def identity(self) -> dict[str, Any]:
        """What names the version in manifests and alerts."""
        return {"name": self.name, "version": self.number, "run_id": self.run_id}


def register(name: str, model_uri: str, run_id: str, tags: Mapping[str, str]) -> Version:
    """Make a new version of what was logged, the challenger; note the digests of its files."""
    client = mlflow.MlflowClient()
    with artifact.fetched(model_uri) as folder:
        tags = {
            **tags,
            FILES: json.dumps(artifact.digests(folder)),
            "model_bytes": str(artifact.size(folder)),
        }
    with store.answering():
        try:
            client.create_registered_model(name)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
        made = client.create_model_version(
            name, model_uri, run_id, tags=dict(tags), model_id=model_uri.removeprefix("models:/")
        )
        client.set_registered_model_alias(name, CHALLENGER, str(made.version))
    return Version(name, int(made.version), run_id, dict(tags))


def champion(name: str) -> Version | None:
    """The champion, or None where nothing was promoted yet."""
    with store.answering():
        try:
            return _version(mlflow.MlflowClient().get_model_version_by_alias(name, CHAMPION))
        except MlflowException as error:
            if store.is_missing(error):
                return None
            raise


def find(name: str, which: str) -> Version:
    """The version that `which` names: an alias, `latest` (the highest number) or a number.

    Raises:
        ModelUnavailable: there is none.
    """
    client = mlflow.MlflowClient()
    with store.answering():
        try:
            if which == LATEST:
                found = every(name)
                if not found:
                    raise ModelUnavailable(_nothing(name, which))
                return found[0]
            if which.isdecimal() and int(which) < 2**31:
                return _version(client.get_model_version(name, which))
            return _version(client.get_model_version_by_alias(name, which))
        except MlflowException as error:
            if store.is_missing(error):
                raise ModelUnavailable(_nothing(name, which)) from error
            raise


def every(name: str) -> list[Version]:
    """All versions, the newest first."""
    with store.answering():
        found = mlflow.MlflowClient().search_model_versions(f"name = '{name}'")
    return sorted(map(_version, found), key=lambda version: -version.number)


def delete(version: Version) -> None:
    """Delete a version and mark its stored model as deleted; `mlflow gc` frees the disk."""
    client = mlflow.MlflowClient()
    with store.answering():
        source = client.get_model_version(version.name, str(version.number)).source
        client.delete_model_version(version.name, str(version.number))
        if source.startswith("models:/m-"):
            client.delete_logged_model(source.removeprefix("models:/"))


def load(version: Version) -> Any:
    """The fitted classifier, if its files are those that were registered.

    Runs the artifact's code: whoever writes the registry can run code.

    Raises:
        ModelUnavailable: it is gone, changed, or was registered without digests of its files.
    """
    return artifact.load(version.uri, version.files)


def load_shadow(version: Version, which: str) -> tuple[Any, dict[str, Any]]:
    """The classifier that `which` names, to be compared with `version`, and what identifies it."""
    other = find(version.name, which)
    if other.number == version.number:
        raise SettingsError(f"--shadow {which} is version {other.number}, which scores already.")
    return load(other), other.identity()


def record(version: Version, tags: Mapping[str, str], description: str) -> None:
    """Write the verdict to the version, where MLflow's pages show it."""
    client = mlflow.MlflowClient()
    with store.answering():
        for key, value in tags.items():
            client.set_model_version_tag(version.name, str(version.number), key, value)
        shown = description[:LONGEST_DESCRIPTION]
        client.update_model_version(version.name, str(version.number), shown)


def _version(found: Any) -> Version:
    return Version(found.name, int(found.version), found.run_id, dict(found.tags))


def _nothing(name: str, which: str) -> str:
    if which == CHAMPION:
        return f"model {name!r} has no champion yet: run train.py, or take --model latest."
    if which == LATEST:
        return f"model {name!r} has no version yet: run train.py."
    return f"model {name!r} has no version or alias {which!r}."
