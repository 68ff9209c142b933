"""What `python -m common.labelling` is asked for: fields as flags and settings have them."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, field
from pathlib import Path

from common.errors import SettingsError


@dataclass(frozen=True)
class _Columns:
    """Where messages and classes are; None: as the champion was trained.

    Attributes:
        id_column, time_column: what names a message, and when it was written.
        delimiter, field_characters: the form of the file, if it can't be found out: see
            `reading.Reading`.
        model_name: the registered model.
        tracking_uri: MLflow's server or database; None: mlflow.db in the project's folder.
    """

    _: KW_ONLY
    text_column: str | None = None
    target_column: str | None = None
    id_column: str = "tweet_id"
    time_column: str = "created_at"
    delimiter: str | None = None
    field_characters: int = 16_000_000
    model_name: str = "triage"
    tracking_uri: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class QueueRequest(_Columns):
    """Which messages people are to label.

    Attributes:
        output: CSV file for the queue.
        scored: what predict.py wrote: a file, or a folder of files; None with `label_issues`.
        label_issues: ask for labels that look wrong, as the training of a version has listed them.
        number: of messages, at most.
        random_share: of them, more than 0 to 1, that is drawn at random; the others look hard.
        labelled: file of labels; what it has is not asked for again. It needn't be there.
        segment_column: carried along, if the file has it; None: as the version was trained.
        model: alias, `latest` or number of the version that says what is new, or whose labels are
            looked at; None: the champion, if there is one.
        seed: of the draw.
        prefix: of the columns that predict.py has added.

    Raises:
        SettingsError: fields that can't be meant together, or a value out of range.
    """

    output: Path
    scored: Path | None = None
    label_issues: bool = False
    number: int = 200
    random_share: float = 0.5
    labelled: Path | None = None
    segment_column: str | None = None
    model: str | None = None
    seed: int = 42
    prefix: str = ""

    def __post_init__(self) -> None:
        if self.label_issues == (self.scored is not None):
            raise SettingsError("name a file that predict.py wrote, or say --label-issues.")
        if self.number < 1:
            raise SettingsError("-n must be at least 1.")
        if not 0 < self.random_share <= 1:
            raise SettingsError(
                "--random-share must be more than 0 and at most 1: what is estimated rests on the "
                "messages that are drawn at random."
            )
        if self.output.suffix.lower() != ".csv":
            raise SettingsError(
                f"a queue is CSV: let its name end in .csv, not {self.output.name!r}."
            )
        if self.scored is not None and _holds(self.scored, self.output):
            raise SettingsError("the queue would be among the files that it is drawn from.")
        if self.labelled is not None and _holds(self.labelled, self.output):
            raise SettingsError("the queue would be among the files of labels: name another one.")

    @property
    def random(self) -> int:
        """How many messages are drawn at random."""
        return max(1, round(self.number * self.random_share))


def _holds(place: Path, file: Path) -> bool:
    """Whether a place is this file, or a folder that it is in."""
    own = file.resolve()
    return place.resolve() in (own, *own.parents)


@dataclass(frozen=True)
class AbsorbRequest(_Columns):
    """A queue that people filled in, and where their labels go.

    Attributes:
        into: the file of labels; it is made if it isn't there.
        new_classes: classes that nothing knows are fine too.
        mask: store texts with masks in place of what tells who wrote them.
        encoding, header, sheet: as `delimiter`, of a queue that was saved in another form.

    Raises:
        SettingsError: the queue is the file of labels itself.
    """

    queue: Path
    into: Path
    new_classes: bool = False
    mask: bool = False
    encoding: str | None = None
    header: tuple[str, ...] | None = None
    sheet: str | None = None

    def __post_init__(self) -> None:
        if self.queue.resolve() == self.into.resolve():
            raise SettingsError("the queue can't be the file of labels itself: say another --into.")
