"""One run of the monitor: judge windows of messages, keep incidents, tell people, write reports."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from common import CODE, DATA, ROOT
from common.errors import InputError, StoreError
from common.pipelines.form import reading_of
from common.pipelines.monitor_request import USUAL_ID
from common.pipelines.monitor_request import MonitorRequest as MonitorRequest
from common.pipelines.progress import no_progress
from common.pipelines.target_names import refuse_several

if TYPE_CHECKING:  # a request is made without any heavy library
    from common.data.columns import MessageColumns
    from common.monitoring.incidents.book import Book
    from common.monitoring.incidents.incident import Notice
    from common.monitoring.result import MonitoringResult
    from common.monitoring.run import MonitoringRun
    from common.monitoring.source import Source
    from common.monitoring.windows import Length
    from common.pipelines.watched import Watched
    from common.registry.columns import TrainedColumns
    from common.registry.store import Registry
    from common.registry.versions import Version
    from common.types import Progress


logger = logging.getLogger(__name__)


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
    from common.monitoring import incidents, windows
    from common.monitoring.alerts import channels
    from common.monitoring.incidents import book as incident_book
    from common.monitoring.incidents import outbox
    from common.pipelines import watched
    from common.registry import store, versions
    from common.registry.columns import trained_columns

    refuse_several(request.target_column, "targets.monitor_each")
    receivers = channels.parse(request.alert_urls, request.smtp_url, request.mail_from)
    length = windows.length(request.window)
    with _data_in_file(request) as data:
        registry = store.connect(request.tracking_uri, ROOT, request.model_name)
        version = versions.find(registry, request.model or versions.CHAMPION)
        trained = trained_columns(registry, version)
        columns = _columns(request, trained)
        retrained_with = training_settings(request, trained) | promise_settings(version)
        source = _source(request, version, data, columns, length)
        with incident_book.open_book(request.state or ROOT / incidents.STATE_FILE) as book:
            found = watched.read(request, registry, source, version, columns.label, book, progress)
            *former, judged = _judge(request, found, book)
            new_notices = _keep(request, registry, retrained_with, former, judged, book)
            kept = {key: s for each in found for key, s in each.summaries.items()}
            book.keep_summaries(kept, judged.at)
            result = _result(
                request, registry, found[-1], columns, retrained_with, judged, book, new_notices
            )
            outbox.deliver_queued(new_notices, book, receivers, request.alert_urls, result)
    show(result)
    _log(registry, request.experiment, judged, result)
    _write_files(request, result)
    return result


def _result(
    request: MonitorRequest,
    registry: Registry,
    watched: Watched,
    columns: MessageColumns,
    retrained_with: Mapping[str, str],
    judged: MonitoringRun,
    book: Book,
    new_notices: Sequence[Notice],
) -> MonitoringResult:
    from common.data.rules import agreement
    from common.monitoring import result as monitoring
    from common.pipelines.monitor_look import with_next_steps

    version, source = watched.version, watched.source
    made_by_rule = agreement(columns.label_with) if columns.labeller else ""
    result = monitoring.monitoring_result(
        judged,
        model=monitoring.WatchedModel(version.name, version.number, version.run_id, made_by_rule),
        file=source.name,
        reference=watched.compared.reference,
        book=book,
        examples=request.examples,
        report=str(request.report.resolve()) if request.report else None,
    )
    return with_next_steps(result, request, registry, source, version, retrained_with, new_notices)


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
    from common.monitoring.windows import TABLE_FILE

    with TemporaryDirectory() as folder:
        yield tables.save(data, Path(folder, TABLE_FILE))


def _columns(request: MonitorRequest, trained: TrainedColumns) -> MessageColumns:
    """The columns that the request names; the others are those the version was trained with."""
    from common.data.columns import message_columns

    # Whoever names the column of the classes, or a file of them, wants them from there.
    named = request.target_column or request.labels
    # Nobody asks then for a file of labels that may be gone.
    unasked = request.no_labels and trained.label_with == "file"
    return message_columns(
        request.text_column or trained.text_column,
        request.target_column or trained.target_column,
        label_with=request.label_with or ("column" if named or unasked else trained.label_with),
        critical_keywords=request.critical_keywords or trained.critical_keywords,
        labels_path=request.labels_path or trained.labels_path,
        identifier=request.id_column or trained.id_column,
        time=request.time_column,
        segment=request.segment_column or trained.segment_column,
    )


def training_settings(request: MonitorRequest, trained: TrainedColumns) -> dict[str, str]:
    """The settings with which train.py finds messages and classes as it did for the version.

    What a look takes from elsewhere, such as `--labels`, is no column of what is trained on.
    """
    label_with = (not request.labels and request.label_with) or trained.label_with
    as_looked = not request.labels and (request.label_with or label_with == "column")
    named_id = None if request.labels else request.id_column
    found = {
        "TEXT_COLUMN": request.text_column or trained.text_column,
        "TARGET_COLUMN": (as_looked and request.target_column) or trained.target_column,
        "TIME_COLUMN": request.time_column,
        "LABEL_WITH": label_with,
    }
    if segment := request.segment_column or trained.segment_column:
        found["SEGMENT_COLUMN"] = segment
    if label_with == "keywords":
        keywords = request.critical_keywords or trained.critical_keywords
        found["CRITICAL_KEYWORDS"] = ",".join(keywords)
    path = request.labels_path or trained.labels_path
    if label_with == "file" and path:
        found["ID_COLUMN"] = named_id or trained.id_column
        found["LABELS_PATH"] = str(path.resolve())
    return found


def promise_settings(version: Version) -> dict[str, str]:
    """The settings with which a training promises what that of the version did; what was decided
    by hand since is about that version."""
    from common.registry import routing

    decided = routing.decisions(version)
    if not decided:
        return {}
    promise = decided[0].routing.promise
    found = {"AUTO_ACCURACY": repr(promise.accuracy)}
    # A setting takes no name with a comma.
    own = [f"{name}:{share!r}" for name, share in promise.by_class.items() if "," not in name]
    return found | ({"AUTO_ACCURACY_BY_CLASS": ",".join(own)} if own else {})


def _source(
    request: MonitorRequest,
    version: Version,
    data: Path | None,
    columns: MessageColumns,
    length: Length,
) -> Source:
    from common.data.source import choose_source
    from common.data.times import TimeFormat
    from common.monitoring import source

    reading = reading_of(request)
    in_memory = data is not request.data
    times = TimeFormat(request.time_zone, request.time_format)
    if request.predictions and request.labels:
        return source.predictions(
            request.predictions,
            request.labels,
            request.id_column or USUAL_ID,
            columns=columns,
            length=length,
            reading=reading,
            times=times,
            prefix=request.prefix,
        )
    if data is None:
        if request.training_data is None and not version.synthetic:
            raise InputError(
                f"no data given, and version {version.number} was not fitted on the sample: name "
                "labelled messages to look at (--data FILE)."
            )
        path = choose_source(request.training_data, DATA, request.seed).path
        return source.messages(
            path, columns, length, reading, times, holdout_only=True, by_default=True
        )
    named = request.target_column is not None
    return source.messages(
        data,
        source.without_label(data, columns, reading, named=named, no_labels=request.no_labels),
        length,
        reading,
        times,
        in_memory=in_memory,
    )


def _judge(request: MonitorRequest, found: Sequence[Watched], book: Book) -> list[MonitoringRun]:
    """Judge what each version has answered, the one in use last."""
    from datetime import UTC, datetime

    from common.monitoring.checks.suite import Baseline
    from common.monitoring.run import judge_windows
    from common.pipelines.watched import feed_of

    in_use = found[-1]
    feed = feed_of(request, in_use.source)
    book.adopt(feed, in_use.version.number)
    return [
        judge_windows(
            feed,
            each.version.number,
            each.compared.windows,
            Baseline(
                each.classifier,
                each.compared.reference,
                request.accuracy_floor,
                each.routing,
            ),
            book,
            datetime.now(UTC),
            days=each.source.length.days,
            # What is missing now is no matter of a version that is not in use any more.
            label_days=request.label_days if each is in_use else None,
            zone=request.time_zone,
            more=each.source.findings() if each is in_use else (),
            unlabelled=each.source.is_unlabelled(each.compared.windows),
            fitted=each.fitted,
        )
        for each in found
    ]


def _keep(
    request: MonitorRequest,
    registry: Registry,
    retrained_with: Mapping[str, str],
    former: Sequence[MonitoringRun],
    judged: MonitoringRun,
    book: Book,
) -> list[Notice]:
    """Write windows and incidents to the book, retrain if it is asked for; return what is new.

    Args:
        retrained_with: settings of a training, as `training_settings`.
        former: of versions that are not in use any more.
    """
    from common.masking import Disclosure
    from common.monitoring import windows
    from common.monitoring.checks.finding import Status
    from common.monitoring.retrain import Retraining, retrain_if_needed
    from common.monitoring.run import record_windows

    for earlier in former:
        record_windows(earlier, book, (), request.remind_hours, is_current=False)
    new_notices = record_windows(judged, book, request.alert_urls, request.remind_hours)
    if request.retrain_on:
        retraining = Retraining(
            level=Status[request.retrain_on.upper()],
            scripts=CODE,
            data=request.retrain_data or request.training_data,
            model_name=request.model_name,
            days=request.retrain_days,
            window_days=windows.length(request.window).days,
            tracking_uri=registry.uri,
            shown=Disclosure(request.examples, request.mask),
            columns=retrained_with,
        )
        new_notices += retrain_if_needed(
            new_notices, retraining, book.windows(judged.feed), book, request.alert_urls
        )
    if judged.news:
        new_notices += book.record_news(
            judged.feed, judged.news, judged.at, request.alert_urls, tell=request.burst_alerts
        )
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
