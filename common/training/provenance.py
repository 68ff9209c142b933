"""What a version was made from, and whether it can be made from that again."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from common.commit import git_commit
from common.data import files, label_file, split
from common.data.labelled import Split
from common.data.source import Source
from common.errors import InputError
from common.registry import history
from common.registry.descriptions import moment
from common.registry.versions import FITTED_ON, Version
from common.text import printable
from common.training.fit import TrainingResult
from common.training.recipe import Recipe


@dataclass(frozen=True)
class Provenance:
    """What a version was made from.

    Attributes:
        at, by: when it was trained (UTC in ISO 8601), and by whom.
        file: name of the file of messages.
        location: where it was.
        rows: in words, what was used and what was left out.
        train_rows, holdout_rows: rows fitted on, and rows measured on.
        settings: by name, without secrets.
    """

    at: str
    by: str
    file: str
    location: str
    data_sha256: str
    rows: str
    synthetic: bool
    train_rows: int
    holdout_rows: int
    family: str
    git_commit: str
    lock_sha256: str
    predictions_sha256: str
    settings: Mapping[str, str]

    def sections(self) -> dict[str, dict[str, str]]:
        """For a page: a heading, then what stands under it."""
        return {
            "Data": {
                "file": self.file,
                "sha256": self.data_sha256,
                "rows": self.rows,
                "synthetic": str(self.synthetic),
                "fitted on": self.settings.get(FITTED_ON) or f"{self.train_rows:,} rows",
                "holdout": f"{self.holdout_rows:,} rows",
            },
            "Training": {"trained": moment(self.at), "by": self.by},
            "Code": {
                "git commit": self.git_commit,
                "lock file sha256": self.lock_sha256,
                "model family": self.family,
                "predictions sha256": self.predictions_sha256,
            },
            "Settings": dict(self.settings),
        }


@dataclass(frozen=True)
class Reproduction:
    """Whether a version that was fitted again answers its holdout as it did, bit by bit.

    Attributes:
        same_lock_file, same_commit: whether the project is as it was then.
    """

    version: Version
    identical: bool
    same_lock_file: bool
    same_commit: bool
    holdout_rows: int
    metrics: Mapping[str, float]


def provenance(
    result: TrainingResult, source: Source, settings: Mapping[str, str], root: Path
) -> Provenance:
    """What a fitted model was made from.

    Args:
        settings: without secrets.
        root: of the code, whose commit and lock file are noted.
    """
    return Provenance(
        at=history.now(),
        by=history.who(),
        file=printable(source.name),
        location=printable(source.location),
        data_sha256=files.sha256(source.path),
        rows=result.counts.sentence(),
        synthetic=source.synthetic,
        train_rows=result.train_rows,
        holdout_rows=len(result.holdout),
        family=result.recipe.family,
        git_commit=git_commit(root),
        lock_sha256=lock_sha256(root),
        predictions_sha256=result.predictions_sha256,
        settings=settings,
    )


def require_same_data(version: Version, source: Source) -> None:
    """Raise InputError unless the file is, byte for byte, what a version was fitted on."""
    found = files.sha256(source.path)
    if found != version.data_sha256:
        raise InputError(
            f"{source.location} is not the file that version {version.number} was fitted on: its "
            f"SHA-256 is {found}, that of the version's data is "
            f"{version.data_sha256 or 'not recorded'}."
        )


def ways(result: TrainingResult) -> dict[str, str]:
    """What settings alone don't say of how a model was fitted, as parameters of its run."""
    use, recipe = result.lexicon_use, result.recipe
    found = {
        "scaled_start": str(recipe.scaled_start),
        "all_scripts": str(recipe.all_scripts),
        "split": split_of(result.holdout),
        "lexicon_used": use.name if use and use.used else "none",
    }
    if embeddings := result.embeddings_use:
        found["embeddings_gain"] = f"{embeddings.gain:.4f} +/- {2 * embeddings.error:.4f}"
    found |= {f"{name}_sha256": files.sha256(path) for name, path in recipe.word_files.items()}
    return found


def split_of(holdout: Split) -> str:
    """What decides the side of a message: "conversation" or "text"."""
    return "conversation" if split.by_conversation(holdout.texts) else "text"


def same_labels(version: Version, places: Sequence[Path | None], params: Mapping[str, str]) -> Path:
    """The first of these places that has the file of labels that a version was fitted with.

    Args:
        params: of the version's run.

    Raises:
        InputError: none has it.
    """
    named = [path for path in places if path is not None]
    sha256 = params.get("labels_sha256")
    for path in named:
        if path.exists() and label_file.sha256(path) == sha256:
            return path
    raise InputError(
        f"{printable(named[0]) if named else 'nothing'} is not the file of LABELS_PATH that "
        f"version {version.number} was fitted with: its SHA-256 must be {sha256}. If it has moved, "
        "name it with --labels-path."
    )


def require_same_words(version: Version, recipe: Recipe, params: Mapping[str, str]) -> None:
    """Raise InputError unless the recipe's files of words are what a version was fitted with.

    Args:
        params: of the version's run.
    """
    for name, path in recipe.word_files.items():
        sha256 = params.get(f"{name}_sha256", "")
        if not path.exists() or files.sha256(path) != sha256:
            raise InputError(
                f"{printable(path)} is not the file of {name.upper()} that version "
                f"{version.number} was fitted with: its SHA-256 must be "
                f"{sha256 or 'recorded, and is not'}."
            )


def reproduction(result: TrainingResult, version: Version, root: Path) -> Reproduction:
    """Compare a version with what was fitted again, and the project at `root` with that of then."""
    then = version.tags
    return Reproduction(
        version=version,
        identical=result.predictions_sha256 == then.get("predictions_sha256"),
        same_lock_file=lock_sha256(root) == then.get("lock_sha256"),
        same_commit=git_commit(root) == then.get("git_commit"),
        holdout_rows=len(result.holdout),
        metrics=result.metrics,
    )


def lock_sha256(root: Path) -> str:
    """Digest of the lock file that names what is installed; "unknown" without one."""
    lock = root / "requirements.lock"
    return hashlib.sha256(lock.read_bytes()).hexdigest() if lock.is_file() else "unknown"
