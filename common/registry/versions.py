"""Versions of the registered model: register, find, load, describe."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypedDict

from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException

from common.errors import ModelUnavailable, SettingsError
from common.models.base import Classifier
from common.registry import artifact
from common.registry.descriptions import LONGEST
from common.registry.store import Registry, is_missing

CHAMPION, CHALLENGER, LATEST = "champion", "challenger", "latest"
LOST, WAITING = "rejected", "waiting"  # of the tag `verdict`
FILES = "files_sha256"
# Of a model that was made elsewhere: what it was fitted on, as far as that is known.
FITTED_ON, UNKNOWN = "fitted_on", "unknown"


class Identity(TypedDict):
    """What names a version in manifests, alerts and JSON."""

    name: str
    version: int
    run_id: str


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
        """Share of the messages that it was not fitted on; 0 if that is not recorded."""
        return int(self.tags.get("holdout_percent", 0))

    @property
    def made_elsewhere(self) -> bool:
        """Whether it was adopted, not fitted here."""
        return FITTED_ON in self.tags

    @property
    def may_know_holdout(self) -> bool:
        """Whether nobody can tell that it was not fitted on the rows that it is tested on."""
        return self.tags.get(FITTED_ON) == UNKNOWN

    @property
    def synthetic(self) -> bool:
        """Whether it was fitted on made-up messages."""
        return self.tags.get("synthetic_data") == "True"

    @property
    def text_column(self) -> str:
        """The column of the messages that it was fitted on."""
        return self.tags.get("text_column", "text")

    @property
    def data_sha256(self) -> str | None:
        """Digest of the file it was fitted on."""
        return self.tags.get("data_sha256")

    @property
    def model_bytes(self) -> int | None:
        """Size of the stored model."""
        return int(self.tags["model_bytes"]) if "model_bytes" in self.tags else None

    @property
    def lost_because(self) -> str | None:
        """Why it lost its contest; None if it won, waits for a person, or had no contest."""
        if self.tags.get("verdict") != LOST:
            return None
        return self.tags.get("reason", "its contest was lost")

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

    def identity(self) -> Identity:
        """What names the version in manifests and alerts."""
        return {"name": self.name, "version": self.number, "run_id": self.run_id}


def register(registry: Registry, model_uri: str, run_id: str, tags: Mapping[str, str]) -> Version:
    """Make a new version of what was logged, the challenger; note the digests of its files."""
    client, name = registry.client, registry.model_name
    model_id = model_uri.removeprefix("models:/")
    with registry.store_errors():
        location = client.get_logged_model(model_id).artifact_location
    with artifact.fetch(registry.uri, location, model_uri) as folder:
        tags = {
            **tags,
            FILES: json.dumps(artifact.digests(folder)),
            "model_bytes": str(artifact.size(folder)),
        }
    with registry.store_errors():
        try:
            client.create_registered_model(name)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
        with registry.global_address():
            made = client.create_model_version(
                name, model_uri, run_id, tags=dict(tags), model_id=model_id
            )
        client.set_registered_model_alias(name, CHALLENGER, str(made.version))
    return Version(name, int(made.version), run_id, dict(tags))


def champion(registry: Registry) -> Version | None:
    """The champion, or None if nothing was promoted yet."""
    with registry.store_errors():
        try:
            return _by_alias(registry, CHAMPION)
        except MlflowException as error:
            if is_missing(error):
                return None
            raise


def find(registry: Registry, which: str) -> Version:
    """The version that `which` names: an alias, `latest` (the highest number) or a number.

    Raises:
        ModelUnavailable: there is none.
    """
    nothing = ModelUnavailable(_nothing(registry.model_name, which))
    if which == LATEST:
        found = list_versions(registry)
        if not found:
            raise nothing
        return found[0]
    with registry.store_errors():
        try:
            if which.isdecimal() and int(which) < 2**31:
                return _version(registry.client.get_model_version(registry.model_name, which))
            return _by_alias(registry, which)
        except MlflowException as error:
            if is_missing(error):
                raise nothing from error
            raise


def find_challenger(registry: Registry, version: Version, which: str) -> Version:
    """The version that `which` names, to be compared with `version`.

    Raises:
        ModelUnavailable: there is none.
        SettingsError: it is the same version.
    """
    challenger = find(registry, which)
    if challenger.number == version.number:
        raise SettingsError(
            f"the challenger {which} is version {version.number}, the model that it is to be "
            "compared with: name another version."
        )
    return challenger


def list_versions(registry: Registry) -> list[Version]:
    """All versions, the newest first."""
    with registry.store_errors():
        found = registry.client.search_model_versions(f"name = '{registry.model_name}'")
    return sorted(map(_version, found), key=lambda version: -version.number)


def aliases(registry: Registry) -> dict[int, tuple[str, ...]]:
    """The aliases of each version that has any."""
    with registry.store_errors():
        found = registry.client.get_registered_model(registry.model_name).aliases
    numbers = sorted({int(number) for number in found.values()})
    return {
        number: tuple(sorted(alias for alias, of in found.items() if int(of) == number))
        for number in numbers
    }


def delete(registry: Registry, version: Version) -> None:
    """Delete a version and mark its stored model as deleted; `mlflow gc` frees the disk."""
    client = registry.client
    with registry.store_errors():
        source = client.get_model_version(version.name, str(version.number)).source
        client.delete_model_version(version.name, str(version.number))
        if source.startswith("models:/m-"):
            client.delete_logged_model(source.removeprefix("models:/"))


def load(registry: Registry, version: Version) -> Classifier:
    """The fitted classifier, if its files are those that were registered.

    Runs the artifact's code: whoever writes the registry can run code.

    Raises:
        ModelUnavailable: it is gone, changed, or was registered without digests of its files.
    """
    expected = version.files
    with artifact.fetch(registry.uri, location(registry, version), version.uri) as folder:
        return artifact.load(folder, version.uri, expected)


def location(registry: Registry, version: Version) -> str:
    """Where the stored model is.

    Raises:
        ModelUnavailable: it is gone.
    """
    with registry.store_errors():
        try:
            name, number = version.name, str(version.number)
            return str(registry.client.get_model_version_download_uri(name, number))
        except MlflowException as error:
            if is_missing(error):
                raise ModelUnavailable(f"model {version.uri} is gone.") from error
            raise


def record(registry: Registry, version: Version, tags: Mapping[str, str], description: str) -> None:
    """Write the verdict to the version, where MLflow's pages show it."""
    name, number = version.name, str(version.number)
    with registry.store_errors():
        for key, value in tags.items():
            registry.client.set_model_version_tag(name, number, key, value)
        registry.client.update_model_version(name, number, description[:LONGEST])


def _by_alias(registry: Registry, alias: str) -> Version:
    return _version(registry.client.get_model_version_by_alias(registry.model_name, alias))


def _version(found: ModelVersion) -> Version:
    return Version(found.name, int(found.version), found.run_id, dict(found.tags))


def _nothing(name: str, which: str) -> str:
    if which == CHAMPION:
        return f"model {name!r} has no champion yet: run train.py, or take --model latest."
    if which == LATEST:
        return f"model {name!r} has no version yet: run train.py."
    return f"model {name!r} has no version or alias {which!r}."
