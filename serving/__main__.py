"""Answer over HTTP with the champion, and with a page at /.

The champion is swapped without a pause when another version is promoted or rolled back to.

    python -m serving
    python -m serving --serve-port 9000 --serve-shadow challenger
    python -m serving --serve-host 0.0.0.0 --serve-tokens tokens.txt --serve-names triage.local
"""

from __future__ import annotations

import argparse
import logging
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from common import ROOT, cli, flags, logs
from common.errors import SettingsError
from common.masking import Disclosure
from common.registry.store import connect
from common.settings import Settings
from serving import server, tokens
from serving.access_log import AccessLog
from serving.app import create
from serving.capture import Capture, CaptureColumns
from serving.champion import Follower
from serving.feedback import LabelColumns, LabelledFile
from serving.gate import Rules
from serving.metrics import Metrics
from serving.rate import RateLimit
from serving.room import Room
from serving.scorer import Scorer
from serving.service import Service
from serving.settings import LOOPBACK, ServingSettings
from serving.shadow import Shadow

SHARED = ["model_name", "mlflow_tracking_uri", "mlflow_experiment_name", "id_column"]
SHARED += ["time_column", "mask", "monitor_state"]
ACCESS_LOG = "access.jsonl"

logger = logging.getLogger("serving")


def build_parser() -> argparse.ArgumentParser:
    parser = flags.bare_parser(__doc__ or "", "python -m serving")
    own = [field for field in ServingSettings.model_fields if field.startswith("serve_")]
    flags.add_settings(parser, [*SHARED, *own, "log_level"], ServingSettings)
    without = "listen at other addresses than loopback without tokens"
    parser.add_argument("--open", action="store_true", help=without)
    return parser


def main(args: argparse.Namespace, settings: Settings) -> int:
    assert isinstance(settings, ServingSettings)
    known = tokens.read(settings.serve_tokens)
    if not (settings.is_local or known.are_needed or args.open):
        raise SettingsError(
            f"at {settings.serve_host} others can reach the server: name a file of tokens "
            "(SERVE_TOKENS), or add --open if something before it asks who they are."
        )
    listener = server.listening(settings.serve_host, settings.serve_port)
    service = build(settings)
    rules = Rules(
        names=frozenset(map(str.lower, [*LOOPBACK, settings.serve_host, *settings.serve_names])),
        origins=frozenset(map(str.lower, settings.serve_origins)),
        tokens=known,
        rate=RateLimit(settings.serve_rate),
    )
    log = AccessLog(settings.serve_access_log or logs.FOLDER / ACCESS_LOG)

    def announce() -> None:
        host, port = listener.getsockname()[:2]
        address = f"http://{f'[{host}]' if ':' in host else host}:{port}"
        version = service.find("champion").number
        text = f"Version {version} of {service.name} answers at {address} (Ctrl-C ends it)."
        cli.show(text, {"address": address, "model": service.name, "version": version}, args.json)
        sys.stdout.flush()

    with at_work(service):
        server.run(create(service, rules, log), service, listener, announce)
    log.flush()
    return 0


def build(settings: ServingSettings) -> Service:
    """All that the server has, with the champion loaded."""
    metrics = Metrics()
    registry = connect(settings.mlflow_tracking_uri, ROOT, settings.model_name)
    follower = Follower(registry, metrics.swapped)
    tags = follower.lineup.find("champion").version.tags
    text_column = tags.get("text_column", settings.text_column)
    label_column = tags.get("target_column", settings.target_column)
    labelled = LabelledFile(
        settings.serve_labelled,
        LabelColumns(settings.id_column, settings.time_column, text_column, label_column),
        settings.serve_labelled_bytes,
        Disclosure(mask=settings.mask),
    )
    capture = Capture(
        settings.serve_capture_folder,
        CaptureColumns(settings.id_column, settings.time_column, text_column),
        settings.serve_capture,
        settings.serve_capture_share,
    )
    scorer = Scorer(lambda: follower.lineup, settings.serve_waiting)
    service = Service(settings, follower, scorer, metrics, labelled, capture, Room())
    if settings.serve_shadow:
        service.shadow = Shadow(settings.serve_shadow, lambda: follower.lineup, metrics)
    scorer.watch = service.watch
    return service


@contextmanager
def at_work(service: Service) -> Iterator[None]:
    """Threads that score, follow the registry and write, while the block runs."""
    ended = threading.Event()
    threads = [
        threading.Thread(target=service.scorer.run, name="scorer"),
        threading.Thread(target=service.capture.run, name="capture"),
        threading.Thread(
            target=service.follower.follow,
            args=(service.settings.serve_poll, ended),
            name="follower",
        ),
    ]
    for thread in threads:
        thread.daemon = True
        thread.start()
    try:
        yield
    finally:
        ended.set()
        service.scorer.stop()
        threads[0].join(timeout=10)
        service.capture.stop()
        threads[1].join(timeout=10)
        service.labelled.close()
        service.room.close()


if __name__ == "__main__":
    cli.leave(cli.run("serving", build_parser(), main, kind=ServingSettings))
