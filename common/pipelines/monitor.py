"""One run of the monitor: judge windows of messages, keep incidents, tell people, write reports."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import KW_ONLY, dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Literal

from common import CODE, ROOT
from common.errors import InputError, SettingsError, StoreError
from common.pipelines.form import reading_of
from common.pipelines.progress import no_progress

if TYPE_CHECKING:  # a request is made without any heavy library
    from common.data.columns import MessageColumns
    from common.data.tables import Table
    from common.evaluation.profile import Profile
    from common.models.base import Classifier
    from common.monitoring.comparable import Comparable
    from common.monitoring.incidents.book import Book
    from common.monitoring.incidents.lifecycle import Notice
    from common.monitoring.result import MonitoringResult
    from common.monitoring.run import MonitoringRun
    from common.monitoring.source import Source
    from common.monitoring.windows import Length
    from common.registry.store import Registry
    from common.registry.versions import Version
    from common.types import Progress

STATE_FILE = "monitor.db"
TABLE_FILE = "table.parquet"

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class MonitorRequest:
    """What to watch, against what, and who is told; the fields are monitor.py's flags and settings.

    Attributes:
        data: labelled messages: a file, a folder of files, or a table in memory; None: the holdout
            side of the training data.
        predictions, labels: what predict.py wrote, and the classes that came later, joined by
            `id_column`; instead of `data`. `prefix`: of the columns that predict.py has added.
        no_labels: the messages of `data` have none: accuracy is estimated. It is too where all are
            empty, and where nobody names `target_column` and `data` lacks it.
        training_data: what the model is fitted on; None: the synthetic sample.
        text_column, target_column, label_with, critical_keywords, segment_column: where messages,
            their classes and groups are; None: as the version was trained.
        time_column: when messages were written.
        delimiter, encoding, header, sheet, field_characters: the form of files, as in
            `reading.Reading`.
        model, challenger: an alias, `latest` or a number of the registered model `model_name`.
        tracking_uri, experiment: of MLflow; None: mlflow.db in the project's folder.
        window: `file`, days or weeks (`1d`, `2w`), or a number of rows.
        accuracy_floor: between 0 and 1.
        label_days: how old the newest label may be.
        alert_urls, smtp_url, mail_from: who is told of incidents, as `channels.parse` takes them.
        remind_hours: after which an open incident is told again.
        state: the file of windows and incidents; None: monitor.db in the project's folder.
        report, metrics_file: where to write a page of HTML, and figures for Prometheus.
        retrain_on: how bad accuracy must become for train.py to run, on `retrain_data`.
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
    id_column: str = "tweet_id"
    prefix: str = ""
    training_data: Path | None = None
    text_column: str | None = None
    target_column: str | None = None
    label_with: Literal["column", "vader", "keywords"] | None = None
    critical_keywords: tuple[str, ...] | None = None
    time_column: str = "created_at"
    segment_column: str | None = None
    delimiter: str | None = None
    encoding: str | None = None
    header: tuple[str, ...] | None = None
    sheet: str | None = None
    field_characters: int = 16_000_000
    model: str = "champion"
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
    state: Path | None = None
    report: Path | None = None
    metrics_file: Path | None = None
    retrain_on: Literal["warning", "critical"] | None = None
    retrain_data: Path | None = None
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
        if any(late) and self.challenger:
            raise SettingsError("--challenger must answer messages: it goes with --data.")
        if self.no_labels and self.data is None:
            raise SettingsError("--no-labels is for --data.")
        if self.retrain_data and not self.retrain_on:
            raise SettingsError("--retrain-data is for --retrain-on.")
        if self.retrain_on not in (None, "warning", "critical"):
            raise SettingsError(f"--retrain-on must be warning or critical, not {self.retrain_on}.")
        if not 0 < self.accuracy_floor < 1:
            raise SettingsError(
                f"ACCURACY_FLOOR must be between 0 and 1, not {self.accuracy_floor}."
            )
        if self.workers is not None and self.workers < 1:
            raise SettingsError("--workers must be at least 1.")


def run(
    request: MonitorRequest,
    progress: Progress = no_progress,
    show: Callable[[MonitoringResult], None] = lambda result: None,
) -> MonitoringResult:
    """Judge what is new, keep it, tell people, write reports; return all that was found.

    Args:
        progress: told how far reading is.
        show: called with the result before MLflow is told of it: a store that fails now must keep
            neither the alert nor the result from anyone. Its failure is only logged.

    Raises:
        SettingsError: fields that can't be meant together, or an unusable one.
        InputError: a file can't be read or written, or lacks a column.
        StoreError: MLflow or the file of incidents can't be used.
    """
    from common.monitoring import result as monitoring
    from common.monitoring import windows
    from common.monitoring.alerts import channels
    from common.monitoring.comparable import comparable
    from common.monitoring.incidents import book as incident_book
    from common.monitoring.incidents import outbox
    from common.monitoring.unknown_labels import refuse_unknown_labels
    from common.registry import runs, store, versions

    receivers = channels.parse(request.alert_urls, request.smtp_url, request.mail_from)
    length = windows.length(request.window)
    with _data_in_file(request) as data:
        registry = store.connect(request.tracking_uri, ROOT, request.model_name)
        version = versions.find(registry, request.model)
        columns = _columns(request, registry, version)
        source = _source(request, version, data, columns, length)
        classifier = versions.load(registry, version)
        reference = runs.reference(registry, version.run_id)
        source.warn_if_fitted_on(version.number, version.data_sha256)
        found = _read_windows(request, registry, source, version, classifier, progress)
        source.say_if_unlabelled(found)
        refuse_unknown_labels(found, classifier.classes_, columns.label)
        compared = comparable(found, reference, request.mask)
        with incident_book.open_book(request.state or ROOT / STATE_FILE) as book:
            judged = _judge(request, source, compared, classifier, book)
            new_notices = _keep(request, registry, columns, judged, book)
            result = monitoring.monitoring_result(
                judged,
                model=monitoring.WatchedModel(version.name, version.number, version.run_id),
                file=source.name,
                reference=compared.reference,
                book=book,
                next_steps=monitoring.propose_steps(
                    judged,
                    flags=source.flags if data is request.data else None,
                    window=request.window,
                    train_data=request.training_data,
                ),
                examples=request.examples,
            )
            outbox.deliver_queued(new_notices, book, receivers, result)
    show(result)
    _log(registry, request.experiment, judged, result)
    _write_files(request, result)
    return result


def _log(
    registry: Registry, experiment: str, judged: MonitoringRun, result: MonitoringResult
) -> None:
    from common.monitoring.result import charts
    from common.registry import runs
    from common.reports import monitoring as page

    found = runs.MonitorSteps(
        steps=charts(judged, result.model.version),
        version=result.model.version,
        data=result.file,
        report=page.render(result),
        status=result.status.name,
        window=result.window,
        document=result.to_json(),
    )
    try:
        runs.log_monitoring(registry, experiment, found)
    except StoreError as error:
        logger.error("monitor: this run is missing in MLflow: %s", error)


@contextmanager
def _data_in_file(request: MonitorRequest) -> Iterator[Path | None]:
    """The data as a file; a table is written to one, which goes when the block ends."""
    data = request.data
    if data is None or isinstance(data, Path):
        yield data
        return
    from common.data import tables

    with TemporaryDirectory() as folder:
        yield tables.save(data, Path(folder, TABLE_FILE))


def _columns(request: MonitorRequest, registry: Registry, version: Version) -> MessageColumns:
    """The columns that the request names; the others are those the version was trained with."""
    from common.data.columns import message_columns
    from common.registry.columns import trained_columns

    trained = trained_columns(registry, version)
    # Whoever names the column of the classes, or a file of them, wants them from there.
    named = request.target_column or request.labels
    return message_columns(
        request.text_column or trained.text_column,
        request.target_column or trained.target_column,
        label_with=request.label_with or ("column" if named else trained.label_with),
        critical_keywords=request.critical_keywords or trained.critical_keywords,
        time=request.time_column,
        segment=request.segment_column or trained.segment_column,
    )


def _source(
    request: MonitorRequest,
    version: Version,
    data: Path | None,
    columns: MessageColumns,
    length: Length,
) -> Source:
    from common.data.source import choose_source
    from common.monitoring import source

    reading = reading_of(request)
    if request.predictions and request.labels:
        return source.predictions(
            request.predictions,
            request.labels,
            request.id_column,
            columns=columns,
            length=length,
            reading=reading,
            prefix=request.prefix,
        )
    if data is None:
        if request.training_data is None and not version.synthetic:
            raise InputError(
                f"no data given, and version {version.number} was not fitted on the sample: name "
                "labelled messages to look at (--data FILE)."
            )
        path = choose_source(request.training_data, ROOT, request.seed).path
        return source.messages(path, columns, length, reading, holdout_only=True)
    named = request.target_column is not None
    return source.messages(
        data,
        source.without_label(data, columns, reading, named=named, no_labels=request.no_labels),
        length,
        reading,
    )


def _read_windows(
    request: MonitorRequest,
    registry: Registry,
    source: Source,
    version: Version,
    classifier: Classifier,
    progress: Progress,
) -> dict[str, Profile]:
    from common.monitoring.source import by_window

    return by_window(
        source,
        classifier,
        holdout_percent=version.holdout_percent if source.holdout_only else 100,
        workers=request.workers,
        progress=progress,
        challenger=_load_challenger(registry, version, request.challenger),
    )


def _load_challenger(registry: Registry, version: Version, which: str | None) -> Classifier | None:
    from common.registry import versions

    if which is None:
        return None
    challenger = versions.find_challenger(registry, version, which)
    return versions.load(registry, challenger)


def _judge(
    request: MonitorRequest,
    source: Source,
    compared: Comparable,
    classifier: Classifier,
    book: Book,
) -> MonitoringRun:
    from datetime import UTC, datetime

    from common.monitoring.checks.suite import Baseline
    from common.monitoring.run import judge_windows

    return judge_windows(
        source.feed(request.model_name),
        compared.windows,
        Baseline(classifier, compared.reference, request.accuracy_floor),
        book,
        datetime.now(UTC),
        days=source.length.days,
        label_days=request.label_days,
        more=source.findings(),
        unlabelled=source.is_unlabelled(compared.windows),
    )


def _keep(
    request: MonitorRequest,
    registry: Registry,
    columns: MessageColumns,
    judged: MonitoringRun,
    book: Book,
) -> list[Notice]:
    """Write windows and incidents to the book, retrain if it is asked for; return what is new."""
    from common.masking import Disclosure
    from common.monitoring.checks.finding import Status
    from common.monitoring.retrain import Retraining, retrain_if_needed
    from common.monitoring.run import record_windows

    new_notices = record_windows(judged, book, request.alert_urls, request.remind_hours)
    if request.retrain_on:
        retraining = Retraining(
            level=Status[request.retrain_on.upper()],
            scripts=CODE,
            data=request.retrain_data or request.training_data,
            model_name=request.model_name,
            tracking_uri=registry.uri,
            shown=Disclosure(request.examples, request.mask),
            columns=columns.needed,
        )
        new_notices += retrain_if_needed(new_notices, retraining, book, request.alert_urls)
    return new_notices


def _write_files(request: MonitorRequest, result: MonitoringResult) -> None:
    if request.report:
        from common.data import atomic
        from common.reports import monitoring as page

        atomic.write_text(request.report, page.render(result))
        if request.report_days is not None:
            for name in page.remove_older(request.report, request.report_days):
                logger.info("Removed %s: older than %g days.", name, request.report_days)
    if request.metrics_file:
        from common.reports import prometheus

        prometheus.write_monitoring(request.metrics_file, result)
