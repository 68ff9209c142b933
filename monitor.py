"""Watch the champion: accuracy on labelled messages, drift, bad data; tell people of it once.

Exit codes: 0 OK, 1 WARNING (perhaps by chance; or drift), 2 CRITICAL (below the floor, or worse
than on the holdout, beyond chance), 3 UNKNOWN (too few rows, or a failure of its own). Without
--data it looks at the holdout side of the training data.

    python monitor.py --data labelled.csv --json
    python monitor.py --data history/ --window 1d --report report.html
    python monitor.py --predictions scored.csv --labels labels.csv --on tweet_id --window 1w
    python monitor.py --data labelled.csv --retrain-on critical --retrain-data all.csv
"""

import argparse
import logging
import sys
from datetime import UTC, datetime
from typing import Any

from common import ROOT, cli, flags
from common.errors import StoreError
from common.settings import FORM, WATCHED, Settings, values_of

logger = logging.getLogger("monitor")
UNKNOWN = 3


def build_parser() -> argparse.ArgumentParser:
    fields = """monitor_data_path id_column window accuracy_floor label_days alert_urls remind_hours
        heartbeat_url smtp_url mail_from monitor_state model_name mlflow_tracking_uri
        mlflow_experiment_name log_level"""
    parser = flags.build_parser(__doc__, "monitor.py", settings=[*fields.split(), *WATCHED, *FORM])
    flags.add_monitoring(parser)
    return parser


def main(args: argparse.Namespace, settings: Settings) -> int:
    # Imported here, so that --help and a bad setting answer at once.
    from common.monitoring.alerts import heartbeat

    with heartbeat.beating(settings.plain("heartbeat_url")) as beat:
        facts = watch(args, settings)
        beat(facts["text"])
    return int(facts["exit_code"])


def watch(args: argparse.Namespace, settings: Settings) -> dict[str, Any]:
    """Look, note it down, tell people, show it; all that was found."""
    from common.monitoring import (
        facts as monitor_facts,
    )
    from common.monitoring import (
        retrain,
    )
    from common.monitoring import (
        run as monitoring,
    )
    from common.monitoring import (
        source as monitor_source,
    )
    from common.monitoring.alerts import channels
    from common.monitoring.incidents import book as incident_book
    from common.monitoring.incidents import outbox
    from common.pipelines import publish
    from common.registry import runs, store, versions
    from common.reports import console

    addresses = settings.addresses()
    receivers = channels.parse(addresses, settings.plain("smtp_url"), settings.mail_from)
    source = choose_source(args, settings)
    registry = store.connect(settings.mlflow_tracking_uri, ROOT, settings.model_name)
    version = versions.find(registry, args.model)
    classifier = versions.load(registry, version)
    reference = runs.reference(registry, version.run_id)
    source.warn_if_fitted_on(version.number, version.data_sha256)
    percent = version.holdout_percent if source.holdout_only else 100
    rival = None
    if args.challenger:
        rival = versions.load(
            registry, versions.find_challenger(registry, version, args.challenger)
        )
    how = (percent, args.workers, cli.progress, rival)
    seen = monitor_source.by_window(source, classifier, *how)
    held = (settings.accuracy_floor, source.length.days, settings.label_days)
    rules = monitoring.rules(classifier, reference, *held)
    with incident_book.opened(settings.monitor_state or ROOT / "monitor.db") as book:
        missing, now = source.findings(), datetime.now(UTC)
        look = monitoring.look(source.feed(settings.model_name), seen, rules, book, now, missing)
        news = monitoring.record(look, book, addresses, settings.remind_hours)
        if args.retrain_on:
            again = (
                ROOT,
                args.retrain_data or settings.data_path,
                registry.model_name,
                registry.uri,
            )
            news += retrain.because_of(news, args.retrain_on, *again, book, addresses)
        steps = monitor_facts.next_steps(look, source.flags, settings.window, settings.data_path)
        facts = monitor_facts.of(look, version.identity(), source.name, reference, book, steps)
        outbox.tell(news, book, receivers, facts)
    publish.files(facts, args.report, args.metrics_file)
    cli.show(console.monitoring(facts), facts, args.json)
    # Last: a store that fails now must keep neither the alert nor the result from anyone.
    try:
        charts = monitor_facts.charts(look, version.number)
        runs.log_monitoring(registry, settings.mlflow_experiment_name, charts, facts)
    except StoreError as error:
        logger.error("monitor: this look is missing in MLflow: %s", error)
    return facts


def choose_source(args: argparse.Namespace, settings: Settings) -> Any:
    from common.data import source
    from common.data.columns import message_columns
    from common.data.reading import Reading
    from common.monitoring import source as monitor_source
    from common.monitoring import windows

    flags.refuse_contradictory_sources(args, settings.label_with, "monitor_data_path" in vars(args))
    columns = message_columns(
        settings.text_column,
        settings.target_column,
        settings.label_with,
        settings.critical_keywords,
        settings.time_column,
        settings.segment_column,
    )
    form = (columns, windows.length(settings.window), Reading(**values_of(settings, FORM)))
    if args.predictions:
        late = (args.predictions, args.labels, settings.id_column)
        return monitor_source.predictions(*late, *form, args.prefix)
    given = settings.monitor_data_path
    path = given or source.choose_source(settings.data_path, ROOT, settings.seed).path
    return monitor_source.messages(path, *form, holdout_only=given is None)


if __name__ == "__main__":
    sys.exit(cli.run("monitor", build_parser(), main, failure_exit=UNKNOWN, failure_word="UNKNOWN"))
