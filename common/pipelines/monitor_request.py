"""What a look of the monitor is asked for: fields as flags and settings have them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from common.errors import SettingsError
from common.setting_values import time_zone
from common.settings import LabelWith, Settings
from common.text import printable, without_password

if TYPE_CHECKING:  # a request is made without any heavy library
    from common.data.tables import Table

# Fields that a command line must repeat to look at the same in the same way, where they are not the
# default. Other files and secrets are not among them.
REPEATED = {
    *("text_column", "target_column", "segment_column", "label_with"),
    *("time_column", "time_format", "time_zone"),
    *("critical_keywords", "delimiter", "encoding", "header", "sheet", "field_characters"),
    *("labels_path", "id_column"),
    *("model", "model_name", "prefix", "challenger", "label_days", "mask", "examples"),
}
# That joins predictions and labels, where nobody names another.
USUAL_ID = "tweet_id"
# These always: settings may say otherwise by the time that it is pasted.
ALWAYS = {"window", "accuracy_floor"}


@dataclass(frozen=True)
class MonitorRequest:
    """What to watch, against what, and who is told; the fields are monitor.py's flags and settings.

    Attributes:
        data: labelled messages: a file, a folder of files, or a table in memory; None: the holdout
            side of the training data.
        predictions, labels: what predict.py wrote, and the classes that came later, joined by
            `id_column` (None: `tweet_id`); instead of `data`. `prefix`: of the columns that
            predict.py has added.
        no_labels: the messages of `data` have none: accuracy is estimated. It is too where all are
            empty, and where nobody names `target_column` and `data` lacks it.
        training_data: what the model is fitted on; None: the synthetic sample.
        text_column, target_column, label_with, critical_keywords, segment_column: where messages,
            their classes and groups are; None: as the version was trained.
        labels_path: of `label_with` "file": the classes, joined by `id_column` (None: as the
            version was trained).
        time_column: when messages were written.
        time_format: how that column is written, as for strptime, where it can't be told.
        time_zone: an IANA name; windows are days there, and so are times that name no zone.
        delimiter, encoding, header, sheet, field_characters: the form of files, as in
            `reading.Reading`.
        model, challenger: an alias, `latest` or a number of the registered model `model_name`;
            `model` None: the champion, or of predictions the versions that made them.
        tracking_uri, experiment: of MLflow; None: mlflow.db in the project's folder.
        window: `file`, days or weeks (`1d`, `2w`), or a number of rows.
        accuracy_floor: between 0 and 1.
        label_days: how old the newest label may be.
        alert_urls, smtp_url, mail_from: who is told of incidents, as `channels.parse` takes them.
        remind_hours: after which an open incident is told again.
        burst_alerts: whether they are told once of phrases that have burst.
        state: the file of windows and incidents; None: monitor.db in the project's folder.
        report, metrics_file: where to write a page of HTML, and figures for Prometheus.
        retrain_on: how bad accuracy must become for train.py to run, on `retrain_data`;
            `retrain_days`: on the messages of the last days alone.
        workers: processes; None: one for each processor.
        seed: of the synthetic sample.
        mask, examples: how much of the messages is stored and shown, as in `masking.Disclosure`.
        report_days: how old other reports beside `report` may become; None: as old as they like.

    Raises:
        SettingsError: fields that can't be meant together, or a value out of range.
    """

    data: Path | Table | None = None
    _: KW_ONLY
    predictions: Path | None = None
    labels: Path | None = None
    no_labels: bool = False
    id_column: str | None = None
    prefix: str = ""
    training_data: Path | None = None
    text_column: str | None = None
    target_column: str | None = None
    label_with: LabelWith | None = None
    critical_keywords: tuple[str, ...] | None = None
    labels_path: Path | None = None
    time_column: str = "created_at"
    time_format: str | None = None
    time_zone: str = "UTC"
    segment_column: str | None = None
    delimiter: str | None = None
    encoding: str | None = None
    header: tuple[str, ...] | None = None
    sheet: str | None = None
    field_characters: int = 16_000_000
    model: str | None = None
    challenger: str | None = None
    model_name: str = "triage"
    tracking_uri: str | None = field(default=None, repr=False)
    experiment: str = "triage"
    window: str = "file"
    accuracy_floor: float = 0.8
    label_days: float = 7
    alert_urls: tuple[str, ...] = field(default=(), repr=False)
    smtp_url: str | None = field(default=None, repr=False)
    mail_from: str | None = None
    remind_hours: float = 24
    burst_alerts: bool = True
    state: Path | None = None
    report: Path | None = None
    metrics_file: Path | None = None
    retrain_on: Literal["warning", "critical"] | None = None
    retrain_data: Path | None = None
    retrain_days: int | None = None
    workers: int | None = None
    seed: int = 42
    mask: bool = False
    examples: int = 10
    report_days: float | None = None

    def __post_init__(self) -> None:
        late = self.predictions, self.labels
        if any(late) and not all(late):
            raise SettingsError("--predictions and --labels belong together: give both.")
        if any(late) and self.data is not None:
            raise SettingsError("--data and --predictions are two places to look at: give one.")
        if any(late) and self.label_with not in (None, "column"):
            raise SettingsError("--labels has the classes: leave LABEL_WITH at column.")
        if self.label_with == "file" and self.no_labels:
            raise SettingsError("--no-labels and LABEL_WITH=file can't be meant together.")
        if any(late) and self.challenger:
            raise SettingsError("--challenger must answer messages: it goes with --data.")
        if self.no_labels and self.data is None:
            raise SettingsError("--no-labels is for --data.")
        if self.retrain_data and not self.retrain_on:
            raise SettingsError("--retrain-data is for --retrain-on.")
        if self.retrain_days is not None:
            if not self.retrain_on:
                raise SettingsError("--retrain-days is for --retrain-on.")
            if not re.fullmatch(r"\d+[dw]", self.window):
                raise SettingsError("--retrain-days needs a WINDOW of days or weeks, such as 1d.")
        if self.retrain_on not in (None, "warning", "critical"):
            raise SettingsError(f"--retrain-on must be warning or critical, not {self.retrain_on}.")
        if not 0 < self.accuracy_floor < 1:
            raise SettingsError(
                f"ACCURACY_FLOOR must be between 0 and 1, not {self.accuracy_floor}."
            )
        try:
            time_zone(self.time_zone)
        except ValueError as error:
            raise SettingsError(f"TIME_ZONE {error}, not {self.time_zone!r}.") from error
        if self.workers is not None and self.workers < 1:
            raise SettingsError("--workers must be at least 1.")


def of_settings(settings: Settings) -> MonitorRequest:
    """What the settings ask for."""
    return MonitorRequest(
        settings.monitor_data_path,
        id_column=settings.told("id_column"),
        training_data=settings.data_path,
        text_column=settings.told("text_column"),
        target_column=settings.told("target_column"),
        label_with=settings.told("label_with"),
        critical_keywords=settings.told("critical_keywords"),
        labels_path=settings.labels_path,
        time_column=settings.time_column,
        time_format=settings.time_format,
        time_zone=settings.time_zone,
        segment_column=settings.told("segment_column"),
        delimiter=settings.delimiter,
        encoding=settings.encoding,
        header=settings.header,
        sheet=settings.sheet,
        field_characters=settings.field_characters,
        model_name=settings.model_name,
        tracking_uri=settings.mlflow_tracking_uri,
        experiment=settings.mlflow_experiment_name,
        window=settings.window,
        accuracy_floor=settings.accuracy_floor,
        label_days=settings.label_days,
        alert_urls=tuple(settings.addresses()),
        smtp_url=settings.plain("smtp_url"),
        mail_from=settings.mail_from,
        remind_hours=settings.remind_hours,
        burst_alerts=settings.burst_alerts,
        state=settings.monitor_state,
        seed=settings.seed,
        mask=settings.mask,
        examples=settings.examples,
        report_days=settings.report_days,
    )


def flags_of(request: MonitorRequest) -> list[str]:
    """With which monitor.py looks in the same way, beside those that say at what."""
    words = []
    # Predictions and labels are named with it, as --on.
    named = {"id_column"} if request.labels else set()
    for item in fields(request):
        value = getattr(request, item.name)
        if item.name in named:
            continue
        if item.name in ALWAYS or (item.name in REPEATED and value != item.default):
            text = ",".join(value) if isinstance(value, tuple) else str(value)
            words += [f"--{item.name.replace('_', '-')}", printable(text)]
    words += ["--monitor-state", printable(request.state)] if request.state else []
    return [*words, *store_flags(request), *(["--no-labels"] if request.no_labels else [])]


def store_flags(request: MonitorRequest) -> list[str]:
    """That name the store; an address with a password stays where it is, in the settings."""
    uri = request.tracking_uri
    return (
        []
        if uri is None or without_password(uri) != uri
        else ["--mlflow-tracking-uri", printable(uri)]
    )


def registry_flags(request: MonitorRequest) -> list[str]:
    """That name the registered model to commands of the registry."""
    default = MonitorRequest.model_name
    named = [] if request.model_name == default else ["--model-name", request.model_name]
    return [*named, *store_flags(request)]


# Of a version: what its training promised of automatic answers.
PROMISE = ("AUTO_ACCURACY", "AUTO_ACCURACY_BY_CLASS")


def training_flags(request: MonitorRequest, needed: Mapping[str, str]) -> list[str]:
    """With which train.py reads messages as this look does, beside the file.

    Args:
        needed: columns and labelling, by the setting (`monitor.training_settings`).
    """
    columns = ("TEXT_COLUMN", "TARGET_COLUMN", "SEGMENT_COLUMN", "ID_COLUMN")
    names = (*columns, "LABEL_WITH", "CRITICAL_KEYWORDS", "LABELS_PATH", *PROMISE)
    words = [
        word
        for name in names
        if name in needed
        for word in (f"--{name.lower().replace('_', '-')}", printable(needed[name]))
    ]
    for name in ("delimiter", "encoding", "header", "sheet"):
        value = getattr(request, name)
        if value is not None:
            text = ",".join(value) if isinstance(value, tuple) else str(value)
            words += [f"--{name.replace('_', '-')}", printable(text)]
    return [*words, *registry_flags(request)]
