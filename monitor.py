"""Watch the champion: accuracy on labelled messages, drift, bad data; tell people of it once.

Exit codes: 0 OK, 1 WARNING (perhaps by chance; or drift), 2 CRITICAL (below the floor, or worse
than on the holdout, beyond chance), 3 UNKNOWN (too few rows, or a failure of its own). Without
--data it looks at the holdout side of the training data. Of messages without labels it estimates
accuracy, which may be 1, never 2.

    python monitor.py --data labelled.csv --init
    python monitor.py --data labelled.csv --json
    python monitor.py --data new.csv --no-labels
    python monitor.py --data history/ --window 1d --report report.html
    python monitor.py --predictions scored.csv --labels labels.csv --on tweet_id --window 1w
    python monitor.py --data labelled.csv --retrain-on critical --retrain-data all.csv
    python monitor.py --data labelled.csv --target-column topic,sentiment
    python monitor.py --test-alert
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import TYPE_CHECKING

from common import ROOT, cli, flags
from common.errors import SettingsError
from common.pipelines.monitor import MonitorRequest, run
from common.pipelines.monitor_request import of_settings
from common.pipelines.target_names import one_target, several
from common.settings import FORM, Settings

if TYPE_CHECKING:
    from common.monitoring.result import MonitoringResult

UNKNOWN = 3


def build_parser() -> argparse.ArgumentParser:
    fields = """monitor_data_path id_column window accuracy_floor label_days alert_urls remind_hours
        burst_alerts heartbeat_url smtp_url mail_from monitor_state model_name mlflow_tracking_uri
        mlflow_experiment_name log_level text_column target_column label_with critical_keywords
        labels_path time_column time_format time_zone segment_column mask examples report_days"""
    parser = flags.build_parser(__doc__, "monitor.py", settings=[*fields.split(), *FORM])
    flags.add_monitoring(parser)
    return parser


def build_request(args: argparse.Namespace, settings: Settings) -> MonitorRequest:
    """What the flags and settings say.

    MONITOR_DATA_PATH gives way to --predictions, LABEL_WITH to --labels and --no-labels.
    """
    asked = of_settings(settings)
    data_given = "monitor_data_path" in vars(args)
    labelling = "label_with" in vars(args) or not (args.labels or args.no_labels)
    return replace(
        asked,
        data=asked.data if data_given or not args.predictions else None,
        label_with=asked.label_with if labelling else None,
        predictions=args.predictions,
        labels=args.labels,
        no_labels=args.no_labels,
        prefix=args.prefix,
        model=args.model,
        challenger=args.challenger,
        report=args.report,
        metrics_file=args.metrics_file,
        retrain_on=args.retrain_on,
        retrain_data=args.retrain_data,
        retrain_days=args.retrain_days,
        workers=args.workers,
    )


def main(args: argparse.Namespace, settings: Settings) -> int:
    # Imported here, so that --help and a bad setting answer at once.
    from common.monitoring.alerts.heartbeat import heartbeat
    from common.pipelines.monitor_setup import set_up
    from common.pipelines.monitor_trial import try_addresses
    from common.reports import console, monitor_setup

    request = build_request(args, settings)
    if args.test_alert:
        tried = try_addresses(request)
        cli.show(console.tried_addresses(tried), tried.to_json(), args.json)
        return 0 if tried.all_took_it else UNKNOWN
    if args.init:
        if targets := several(request.target_column):
            one = one_target(targets[0], request.model_name)
            raise SettingsError(f"--init looks at one target at a time: {one}.")
        setup = set_up(request)
        cli.show(monitor_setup.render(setup, ROOT), setup.to_json(), args.json)
        return 0

    def show(result: MonitoringResult) -> None:
        cli.show(console.monitoring(result), result.to_json(), args.json)

    if several(request.target_column):
        return monitor_all(request, settings, args.json)

    with heartbeat(settings.plain("heartbeat_url")) as set_text:
        result = run(request, cli.progress, show)
        set_text(result.text)
    return result.exit_code


def monitor_all(request: MonitorRequest, settings: Settings, as_json: bool) -> int:
    """Look at the model of each target; the exit code is the worst, one that fails is UNKNOWN."""
    from common.monitoring.alerts.heartbeat import heartbeat
    from common.monitoring.checks.finding import TROUBLE
    from common.pipelines.targets import monitor_each, worst_status
    from common.reports import targets

    with heartbeat(settings.plain("heartbeat_url")) as set_text:
        found = monitor_each(request, cli.progress)
        status = worst_status(found)
        cli.show(*targets.monitored(found.done, found.failed, status), as_json)
        if status not in TROUBLE:
            found.raise_first()
        set_text(" ".join(result.text for result in found.done.values()))
    return int(status)


if __name__ == "__main__":
    cli.leave(
        cli.run("monitor", build_parser(), main, failure_exit=UNKNOWN, failure_word="UNKNOWN")
    )
