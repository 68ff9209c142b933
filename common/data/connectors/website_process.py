"""The process that reads pages of a website, from this side: a page asked for, its items given."""

from __future__ import annotations

import importlib.util
import json
import logging
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

from common import __version__
from common.data.connectors.website_description import Description
from common.errors import InputError, SettingsError
from common.text import first_line, redact

_LIBRARY = "scrapy"
_PROGRAM = Path(__file__).with_name("website_spider.py")
_KEPT = "what was fetched is kept"

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Page:
    """A page of a website.

    Attributes:
        items: (items, columns) what was selected; None where nothing was.
        next_url: the page that it links to as the next one.
    """

    items: Sequence[Sequence[str | None]]
    next_url: str | None


class Spider:
    """Made by `started`; do not construct directly."""

    def __init__(self, process: subprocess.Popen[str], said: IO[str], task: Description) -> None:
        self._process, self._said, self._task = process, said, task
        answer = self._answer(task.start[0])
        if answer["delay"] > 60 / task.requests_per_minute:
            host = urlsplit(task.start[0]).netloc
            logger.info("%s asks for %g s between requests.", host, answer["delay"])

    def page(self, url: str) -> Page:
        """Read a page.

        Raises:
            InputError: robots.txt forbids it, it is elsewhere, or no whole page came.
        """
        assert self._process.stdin
        try:
            self._process.stdin.write(url + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            pass  # the answer tells why
        answer = self._answer(url)
        return Page(answer["items"], answer["next"])

    def _answer(self, url: str) -> dict[str, Any]:
        assert self._process.stdout
        for line in self._process.stdout:
            answer: dict[str, Any] = json.loads(line)
            if "problem" in answer:
                raise self._explained(redact(url), answer["problem"], answer.get("detail"))
            if "wait" not in answer:
                return answer
            logger.info("The server asks to wait %.0f s.", answer["wait"])
        self._process.wait()
        self._said.seek(0)
        reason = first_line((self._said.read().strip().splitlines() or [""])[-1])
        raise RuntimeError(f"the process that reads {redact(url)} has ended: {reason}")

    def _explained(self, url: str, problem: str, detail: Any) -> InputError:
        host = urlsplit(self._task.start[0]).netloc
        sentences = {
            "selector": f"{detail} is not a CSS selector: look at it in the description of {host}.",
            "no robots.txt": f"robots.txt of {host} can't be reached, so nothing may be fetched "
            f"from it: try again later; {_KEPT}.",
            "robots": f"robots.txt of {host} forbids {self._task.robot} to fetch {url}.",
            "elsewhere": f"{url} leads to another host ({detail}): describe that one in a file of "
            f"its own, or look at next; {_KEPT}.",
            "too long": f"{url} is longer than {self._task.max_page_bytes:,} bytes: set "
            "max_page_bytes, if it should be.",
            "status": f"{url} answers with HTTP {detail}: {_KEPT}.",
            "no page": f"{url} is not a page of HTML: look at next; {_KEPT}.",
            "failed": f"{url} can't be reached ({detail}): try again later; {_KEPT}.",
        }
        return InputError(sentences[problem])


@contextmanager
def started(task: Description) -> Iterator[Spider]:
    """Start the process; it ends with the block, or with this process, whatever ends it.

    Raises:
        SettingsError: what it needs isn't installed.
        InputError: a selector isn't CSS, or the site's robots.txt can't be reached.
    """
    if importlib.util.find_spec(_LIBRARY) is None:
        raise SettingsError("reading websites needs more packages: make scrape")
    asked = {
        "start": task.start[0],
        "agent": f"{task.robot}/{__version__} (+{task.contact})",
        "delay": 60 / task.requests_per_minute,
        **task.model_dump(include={"robot", "item", "next", "columns", "max_page_bytes"}),
    }
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as said:
        process = subprocess.Popen(
            [sys.executable, "-P", str(_PROGRAM), json.dumps(asked)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=said,
            text=True,
            encoding="utf-8",
        )
        try:
            yield Spider(process, said, task)
        finally:
            process.kill()
            process.communicate()
