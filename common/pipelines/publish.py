"""What a look of the monitor has found, as files that people and machines read."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from common.data import atomic
from common.reports import monitoring as monitor_page
from common.reports import prometheus


def files(facts: Mapping[str, Any], report: Path | None, metrics_file: Path | None) -> None:
    """Write what is asked for: a page of HTML, and figures for Prometheus.

    Raises:
        InputError: a file can't be written.
    """
    if report:
        atomic.write_text(report, monitor_page.render(facts))
    if metrics_file:
        prometheus.write_monitoring(metrics_file, facts)
