"""One run of the server as a function: all that it has is made, works, and is given back."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from common import ROOT, cli, logs
from common.data.labelled_file import FILE_NAME, LabelColumns
from common.masking import Disclosure
from common.registry.store import connect
from serving import server
from serving.access_log import AccessLog
from serving.app import create
from serving.capture import Capture, CaptureColumns
from serving.champion import Follower
from serving.gate import Rules
from serving.labelled_file import LabelledFile
from serving.metrics import Metrics
from serving.rate import RateLimit
from serving.room import Room
from serving.scorer import Scorer
from serving.service import Service
from serving.settings import LOOPBACK, ServingSettings
from serving.shadow import Shadow
from serving.tokens import Tokens

ACCESS_LOG = "access.jsonl"


def run(settings: ServingSettings, tokens: Tokens, as_json: bool) -> None:
    """Answer until a signal ends it.

    Args:
        as_json: tell the address as JSON.

    Raises:
        SettingsError: the address can't be had, or another server writes the file of labels.
        StoreError: there is no champion, or the registry is out of reach.
    """
    listener = server.listening(settings.serve_host, settings.serve_port)
    service = build(settings)
    rules = Rules(
        names=frozenset(map(str.lower, [*LOOPBACK, settings.serve_host, *settings.serve_names])),
        origins=frozenset(map(str.lower, settings.serve_origins)),
        tokens=tokens,
        rate=RateLimit(settings.serve_rate),
    )
    log = AccessLog(settings.serve_access_log or logs.FOLDER / ACCESS_LOG)

    def announce() -> None:
        host, port = listener.getsockname()[:2]
        address = f"http://{f'[{host}]' if ':' in host else host}:{port}"
        version = service.find("champion").number
        text = f"Version {version} of {service.name} answers at {address} (Ctrl-C ends it)."
        cli.show(text, {"address": address, "model": service.name, "version": version}, as_json)
        sys.stdout.flush()

    with at_work(service):
        server.run(create(service, rules, log), service, listener, announce)
    log.flush()


def build(settings: ServingSettings) -> Service:
    """All that the server has, with the champion loaded."""
    metrics = Metrics()
    registry = connect(settings.mlflow_tracking_uri, ROOT, settings.model_name)
    follower = Follower(registry, metrics.swapped)
    tags = follower.lineup.find("champion").version.tags
    text_column = tags.get("text_column", settings.text_column)
    label_column = tags.get("target_column", settings.target_column)
    labelled = LabelledFile(
        settings.serve_labelled or ROOT / FILE_NAME,
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
