"""What `monitor.py --init` finds out of a file and proposes; it writes nothing anywhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING

from common import DATA, ROOT
from common.errors import ModelUnavailable, SettingsError
from common.pipelines.form import reading_of
from common.pipelines.monitor_request import MonitorRequest
from common.settings import FORM
from common.settings_reader import as_text

if TYPE_CHECKING:
    from common.data.column_guess import FoundColumns
    from common.data.reading import Reading
    from common.monitoring.setup import KnownModel, MonitorSetup, Proposal, Volume

# Fewer rows show drift only if it is great.
DRIFT_ROWS = 100


def set_up(request: MonitorRequest) -> MonitorSetup:
    """Find columns, times and rows a day of a file; propose settings for the monitor.

    Raises:
        SettingsError: no file is named.
        InputError: it can't be read, or nothing in it looks like messages.
        StoreError: MLflow can't be used.
    """
    from common.data.column_guess import FoundColumns, guess_columns
    from common.data.times import TimeFormat, find_format
    from common.monitoring.setup import MonitorSetup, count_rows, proposals

    if not isinstance(request.data, Path):
        raise SettingsError("--init needs a file, or a folder of files, to look at: --data FILE.")
    data, reading = request.data, reading_of(request)
    model = _known_model(request, data, reading)
    _require_named(request, data, reading)
    likely = FoundColumns(
        request.text_column or (model.text_column if model else "text"),
        request.target_column or (model.target_column if model else None),
        request.time_column,
    )
    columns = guess_columns(data, likely, model.classes if model else (), reading)
    times = TimeFormat(request.time_zone, request.time_format)
    if columns.time:
        times = find_format(data, columns.time, times, reading)
    label_with = request.label_with or (model.label_with if model else "column")
    if request.no_labels:
        columns = replace(columns, label=None)
    elif label_with != "column":  # every text has a class
        columns = replace(columns, label=columns.text)
    volume = count_rows(data, columns, times, reading)
    found, chosen = proposals(volume, model.accuracy if model else None)
    return MonitorSetup(
        data=data,
        columns=columns,
        times=times,
        volume=volume,
        model=model,
        proposals=found,
        chosen=chosen,
        settings=_settings(request, model, columns, _window(volume, found, chosen), chosen),
    )


def _require_named(request: MonitorRequest, data: Path, reading: Reading) -> None:
    """Refuse columns that somebody has named and that are not there; others are looked for."""
    from common.data.files import parts
    from common.data.reader import MessageFile

    with MessageFile(parts(data)[-1], reading=reading) as messages:
        for name in ("text_column", "target_column", "time_column"):
            column = getattr(request, name)
            if column not in (None, getattr(MonitorRequest, name)):
                messages.require(column, name.upper())


def _known_model(request: MonitorRequest, data: Path, reading: Reading) -> KnownModel | None:
    """The model that would be watched; None before a first training."""
    from common.data.source import choose_source
    from common.monitoring.setup import KnownModel
    from common.registry import runs, store, versions
    from common.registry.columns import trained_columns

    try:
        registry = store.connect(request.tracking_uri, ROOT, request.model_name)
        version = versions.find(registry, request.model or versions.CHAMPION)
    except ModelUnavailable:
        return None
    trained, reference = (
        trained_columns(registry, version),
        runs.reference(registry, version.run_id),
    )
    unlike = version.synthetic and not choose_source(data, DATA, request.seed, reading).synthetic
    measured = reference is not None and reference.rows and not unlike
    return KnownModel(
        version=version.number,
        text_column=trained.text_column,
        target_column=trained.target_column,
        label_with=trained.label_with,
        classes=reference.classes if reference else (),
        accuracy=reference.expected / reference.rows if reference and measured else None,
        synthetic=unlike,
    )


def _window(volume: Volume, found: Sequence[Proposal], chosen: Proposal | None) -> str:
    """The window to set: without labels one that shows drift, which needs a hundred rows."""
    if chosen:
        return chosen.window
    if found:
        return found[len(found) // 2].window
    if not volume.rows:
        return "file"
    return "1d" if volume.typical()[0] >= DRIFT_ROWS else "1w"


def _settings(
    request: MonitorRequest,
    model: KnownModel | None,
    columns: FoundColumns,
    window: str,
    chosen: Proposal | None,
) -> dict[str, str]:
    """What `.env` must say beside the defaults and what a version knows of its own columns."""
    usual = {field.name: field.default for field in fields(MonitorRequest)}
    usual |= {"text_column": "text", "target_column": "inbound"}
    if model:
        usual |= {
            "text_column": model.text_column,
            "target_column": model.target_column,
        }
    wanted = {name: getattr(request, name) for name in (*FORM, "model_name")}
    wanted |= {
        "monitor_data_path": request.data.resolve() if isinstance(request.data, Path) else None,
        "text_column": columns.text,
        "target_column": columns.label if columns.label != columns.text else None,
        "time_column": columns.time,
        "time_format": request.time_format,
        "time_zone": request.time_zone,
        "window": window,
        "accuracy_floor": chosen.floor if chosen else None,
    }
    always = ("window", "accuracy_floor")
    return {
        name.upper(): as_text(value)
        for name, value in wanted.items()
        if value is not None and (name in always or value != usual.get(name))
    }
