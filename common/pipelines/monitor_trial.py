"""What `monitor.py --test-alert` does: send a marked message to each address."""

from __future__ import annotations

from typing import TYPE_CHECKING

from common.errors import SettingsError
from common.pipelines.monitor_request import MonitorRequest

if TYPE_CHECKING:
    from common.monitoring.alerts.trial import Trial


def try_addresses(request: MonitorRequest) -> Trial:
    """Send a test to each of the addresses that the monitor would tell.

    Raises:
        SettingsError: there is none, or one can't be used.
    """
    from common.monitoring.alerts import channels, trial

    if not request.alert_urls:
        raise SettingsError("there is no address to test: set ALERT_URLS (--alert-urls).")
    receivers = channels.parse(request.alert_urls, request.smtp_url, request.mail_from)
    return trial.send_trial(receivers, request.model_name)
