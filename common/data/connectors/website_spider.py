"""The spider that reads pages of a website with Scrapy, in a process of its own.

Scrapy's reactor can't be started twice, and its log and signal handlers belong to no library. So
`website_process` runs this program with a task as JSON. It gets a URL a line and answers with a
line of JSON; it ends when nobody writes to it any more. Imports nothing of ours.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
import time
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests
import scrapy
from lxml import etree
from protego import Protego
from requests.adapters import HTTPAdapter
from scrapy import signals
from scrapy.crawler import AsyncCrawlerProcess
from scrapy.downloadermiddlewares.retry import RetryMiddleware
from scrapy.exceptions import DownloadCancelledError, IgnoreRequest
from scrapy.http import HtmlResponse, Response
from scrapy.selector import Selector
from urllib3 import Retry
from urllib3.exceptions import InvalidHeader

# With a back-off of 0.5, 1, 2 ... seconds, or what Retry-After says: about a minute.
RETRIES, FIRST_WAIT, LONGEST_WAIT = 7, 0.5, 3600
BUSY = [408, 429, 500, 502, 503, 504]
SECONDS = 60
ROBOTS_BYTES = 500 * 1024  # RFC 9309, 2.5: so much must be read

# A browser begins a new line before and after these.
BLOCKS = frozenset(
    [
        *("address", "article", "blockquote", "br", "dd", "div", "dl", "dt", "figure", "footer"),
        *("h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "li", "main", "ol", "p", "pre"),
        *("section", "table", "td", "th", "tr", "ul"),
    ]
)
UNSEEN = frozenset(["script", "style", "template"])
_SPACE = re.compile(r"[ \t\n\r\f]+")


class Elsewhere(IgnoreRequest):
    """A request to another host."""


class Forbidden(IgnoreRequest):
    """A request that robots.txt forbids."""


class Permitted:
    """Middleware that lets pass what robots.txt of this host allows, also after a redirection.

    Scrapy's own takes a robots.txt that can't be reached for consent, and tells no delay.
    """

    def __init__(self, task: dict[str, Any], robots: Protego) -> None:
        self.host, self.robot = urlsplit(task["start"]).hostname, task["robot"]
        self.robots = robots

    @classmethod
    def from_crawler(cls, crawler: Any) -> Permitted:
        return cls(crawler.spider.task, crawler.spider.robots)

    def process_request(self, request: scrapy.Request) -> None:
        host = urlsplit(request.url).hostname
        if host != self.host:
            raise Elsewhere(host)
        if not self.robots.can_fetch(request.url, self.robot):
            raise Forbidden


class PatientRetry(RetryMiddleware):
    """Middleware that waits before it tries again, as long as the server asks for."""

    async def process_response(self, request: scrapy.Request, response: Response) -> Any:
        again = super().process_response(request, response)
        if isinstance(again, scrapy.Request):
            await _wait(again, response.headers.get("Retry-After"))
        return again

    async def process_exception(self, request: scrapy.Request, exception: Exception) -> Any:
        again = super().process_exception(request, exception)
        if isinstance(again, scrapy.Request):
            await _wait(again, None)
        return again


async def _wait(again: scrapy.Request, asked: bytes | None) -> None:
    seconds = FIRST_WAIT * 2 ** (again.meta["retry_times"] - 1)
    try:
        told = Retry().parse_retry_after(asked.decode("latin-1")) if asked else 0
    except InvalidHeader:
        told = 0
    if told:
        seconds = min(told, LONGEST_WAIT)
        say(wait=seconds)
    await asyncio.sleep(seconds)


class Pages(scrapy.Spider):
    """Asks for the pages that the lines of stdin name, one at a time."""

    name = "pages"

    def __init__(self, task: dict[str, Any], robots: Protego) -> None:
        super().__init__()
        self.task, self.robots = task, robots

    @classmethod
    def from_crawler(cls, crawler: Any, **arguments: Any) -> Pages:
        spider = super().from_crawler(crawler, **arguments)
        crawler.signals.connect(_end, signals.spider_error)
        return spider

    async def start(self) -> AsyncIterator[Any]:
        loop = asyncio.get_running_loop()
        while line := await loop.run_in_executor(None, sys.stdin.readline):
            yield scrapy.Request(line.strip(), dont_filter=True, errback=self.failed)
        os._exit(0)  # whoever asked is gone, and a page that still comes is for nobody

    def parse(self, response: Response, **_: Any) -> None:
        if response.status != 200:
            say(problem="status", detail=response.status)
        elif not isinstance(response, HtmlResponse):
            say(problem="no page")
        else:
            items = response.css(self.task["item"])
            columns = self.task["columns"].values()
            rows = [[cell(item, selector) for selector in columns] for item in items]
            say(items=rows, next=self._next(response))

    def failed(self, failure: Any) -> None:
        error = failure.value
        if isinstance(error, Elsewhere):
            say(problem="elsewhere", detail=str(error))
        elif isinstance(error, Forbidden):
            say(problem="robots")
        elif isinstance(error, DownloadCancelledError | IgnoreRequest):
            say(problem="too long")  # the second one after it was unpacked
        else:
            say(problem="failed", detail=type(error).__name__)

    def _next(self, response: HtmlResponse) -> str | None:
        if self.task["next"] is None:
            return None
        link = cell(response, self.task["next"], "href")
        return response.urljoin(link).partition("#")[0] if link else None


def _end(failure: Any) -> None:
    """Without an answer whoever asked would wait for ever."""
    failure.printTraceback(sys.stderr)
    os._exit(1)


def say(**answer: Any) -> None:
    """Write one line to the other process."""
    print(json.dumps(answer), flush=True)  # noqa: T201


def cell(place: Any, selector: str, attribute: str | None = None) -> str | None:
    """What a selector finds: an attribute of the first match, or the text of all; else None.

    Args:
        attribute: taken instead of the text.
    """
    found = place.css(selector)
    if not found:
        return None
    if isinstance(found[0].root, str):
        return found[0].root.strip() or None
    if attribute:
        return found[0].attrib.get(attribute, "").strip() or None
    return "\n".join(filter(None, (shown_text(one.root) for one in found))) or None


def shown_text(element: Any) -> str:
    r"""The text of an element about as a browser shows it, without blank lines.

    >>> from lxml.html import fromstring
    >>> shown_text(fromstring("<div><p>Two  <b>wo</b>rds</p>and<br>\nlines<!-- ? --></div>"))
    'Two words\nand\nlines'
    """
    pieces: list[str] = []
    steps = etree.iterwalk(element, events=("start", "end", "comment", "pi"))
    for event, node in steps:
        named = isinstance(node.tag, str)
        if named and node.tag in BLOCKS:
            pieces.append("\n")
        if event == "start":
            if node.tag in UNSEEN:
                steps.skip_subtree()
            else:
                pieces.append(_SPACE.sub(" ", node.text or ""))
        elif node is not element:
            pieces.append(_SPACE.sub(" ", node.tail or ""))
    lines = "".join(pieces).split("\n")
    return "\n".join(filter(None, (re.sub(" +", " ", line).strip() for line in lines)))


def read_robots(start: str, agent: str) -> Protego | None:
    """The site's robots.txt, which may be empty; None if it can't be reached.

    RFC 9309, 2.3.1: what is not there allows all, what can't be reached forbids all.
    """
    patience = Retry(
        RETRIES,
        status_forcelist=BUSY,
        backoff_factor=FIRST_WAIT,
        raise_on_status=False,
        retry_after_max=LONGEST_WAIT,
    )
    with requests.Session() as session:
        session.auth = lambda request: request  # or it would look for a password in ~/.netrc
        for scheme in ("http://", "https://"):
            session.mount(scheme, HTTPAdapter(max_retries=patience))
        try:
            answer = session.get(
                urljoin(start, "/robots.txt"),
                headers={"User-Agent": agent},
                timeout=SECONDS,
                stream=True,
            )
            if answer.status_code in BUSY or answer.status_code >= 500:
                return None
            content = _beginning(answer, ROBOTS_BYTES) if answer.ok else b""
        except requests.RequestException:
            return None
    return Protego.parse(content.decode("utf-8", "ignore"))


def _beginning(answer: requests.Response, size: int) -> bytes:
    """The first bytes of a body, also of one that is sent in chunks: each comes by itself."""
    content = bytearray()
    for piece in answer.iter_content(size):
        content += piece
        if len(content) >= size:
            break
    return bytes(content[:size])


def settings_for(task: dict[str, Any], delay: float) -> dict[str, Any]:
    """Scrapy's settings.

    Args:
        delay: seconds between two requests, at least.
    """
    return {
        "AUTOTHROTTLE_ENABLED": True,
        "AUTOTHROTTLE_MAX_DELAY": max(60.0, delay),
        "AUTOTHROTTLE_START_DELAY": delay,
        "CONCURRENT_REQUESTS": 1,
        "DOWNLOADER_MIDDLEWARES": {
            Permitted: 100,
            "scrapy.downloadermiddlewares.retry.RetryMiddleware": None,
            PatientRetry: 550,
        },
        "DOWNLOAD_DELAY": delay,
        "DOWNLOAD_DELAY_JITTER": 0,  # never less than the delay
        "DOWNLOAD_MAXSIZE": task["max_page_bytes"],
        "DOWNLOAD_TIMEOUT": SECONDS,
        "DOWNLOAD_VERIFY_CERTIFICATES": True,
        "HTTPERROR_ALLOW_ALL": True,
        "LOG_ENABLED": False,
        "METAREFRESH_ENABLED": False,
        "REMOTE_CONTROL_ENABLED": False,
        "RETRY_HTTP_CODES": BUSY,
        "RETRY_TIMES": RETRIES,
        "ROBOTSTXT_OBEY": False,  # `Permitted` does
        "TELNETCONSOLE_ENABLED": False,
        "USER_AGENT": task["agent"],
    }


def wrong_selector(task: dict[str, Any]) -> str | None:
    """The first selector that isn't CSS, with where it stands."""
    columns = {f"columns.{name}": selector for name, selector in task["columns"].items()}
    for name, selector in {"item": task["item"], "next": task["next"], **columns}.items():
        try:
            Selector(text="<p>").css(selector or "p")
        except (ValueError, SyntaxError):
            return name
    return None


def main(text: str) -> int:
    """Answer requests for pages until stdin ends.

    Args:
        text: JSON: `start`, `agent`, `robot`, `delay` (seconds), `item`, `next`, `columns`,
            `max_page_bytes`; see `website_description`.
    """
    task = json.loads(text)
    if wrong := wrong_selector(task):
        say(problem="selector", detail=wrong)
        return 0
    robots = read_robots(task["start"], task["agent"])
    if robots is None:
        say(problem="no robots.txt")
        return 0
    delay = max(task["delay"], robots.crawl_delay(task["robot"]) or 0)
    say(delay=delay)
    time.sleep(delay)  # robots.txt was a request too
    process = AsyncCrawlerProcess(settings_for(task, delay))
    process.crawl(Pages, task=task, robots=robots)
    process.start(install_signal_handlers=False)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
