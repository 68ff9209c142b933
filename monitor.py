"""Measure the champion's accuracy on labelled messages; alert when it falls below the floor.

Exit codes as Nagios has them: 0 OK, 1 WARNING (below the floor, perhaps by chance), 2 CRITICAL
(below the floor beyond chance), 3 UNKNOWN (too few rows, or the monitor itself failed). Without
--data it looks at the holdout side of the training data. For cron:

    0 6 * * *  cd /srv/triage-trio && .venv/bin/python monitor.py --data labelled.csv

    python monitor.py --data labelled.csv
    python monitor.py --data labelled.csv --floor 0.9 --json
    ALERT_URLS=http://127.0.0.1:8080/hook python monitor.py --data labelled.csv
"""

import argparse
import logging
import sys

from common import cli
from common.errors import StoreError
from common.settings import FORM, LABELLED, ROOT, Settings, printable, values_of

logger = logging.getLogger("monitor")
UNKNOWN = 3


def build_parser() -> argparse.ArgumentParser:
    fields = """monitor_data_path text_column target_column label_with critical_keywords
        accuracy_floor alert_urls model_name mlflow_tracking_uri mlflow_experiment_name log_level"""
    parser = cli.build_parser(__doc__, "monitor.py", settings=[*fields.split(), *FORM])
    parser.add_argument(
        "--model", default="champion", help="champion, challenger, latest or a version [champion]"
    )
    return parser


def main(args: argparse.Namespace, settings: Settings) -> int:
    # Imported here, so that --help and a bad setting answer at once.
    from common import alerts, data, labelled, monitoring, summary, training
    from common.registry import runs, store, versions

    columns = labelled.columns(**values_of(settings, LABELLED))
    given = settings.monitor_data_path
    path = given or training.choose_source(settings.data_path, ROOT, settings.seed).path
    columns.require(path)
    store.connect(settings.mlflow_tracking_uri, ROOT)
    version = versions.find(settings.model_name, args.model)
    if given is None:
        logger.info("No data given: looking at the holdout side of %s.", path)
    elif data.sha256(path) == version.data_sha256:
        logger.warning("Version %d was fitted on %s, which flatters it.", version.number, path)
    classifier = versions.load(version)
    with cli.progress(path.name, "B", data.size(path)) as advance:
        batches = labelled.batches(path, columns)
        share = 100 if given else version.holdout_percent
        window = monitoring.measure(batches, classifier, share, advance)
    logger.info("Read %s: %s.", path.name, window.counts.sentence())

    floor, name = settings.accuracy_floor, printable(path.name)
    finding = monitoring.accuracy_against_floor(window.correct, window.rows, floor)
    text, facts = summary.monitoring(finding, window, version.identity(), name)
    if finding.status in (monitoring.Status.WARNING, monitoring.Status.CRITICAL):
        logger.warning("ALERT %s", facts["text"])
        alerts.send([url.get_secret_value() for url in settings.alert_urls], facts)
    cli.show(text, facts, args.json)
    # Last: a store that fails now must keep neither the alert nor the result from anyone.
    try:
        runs.log_monitoring(
            settings.mlflow_experiment_name,
            settings.model_name,
            window.metrics(finding) | {"floor": floor, "model_version": version.number},
            {"status": finding.status.name, "window": name},
        )
    except StoreError as error:
        logger.error("monitor: this look is missing in MLflow: %s", error)
        return int(finding.status) or UNKNOWN
    return int(finding.status)


if __name__ == "__main__":
    sys.exit(cli.run("monitor", build_parser(), main, failure_exit=UNKNOWN, failure_word="UNKNOWN"))
