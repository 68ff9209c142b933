"""Scrapy against a real website on loopback, with a robots.txt, pages that shift and mistakes."""

import gzip
import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from itertools import pairwise

import pytest
from helpers import ROOT
from sources import Reply, fetched, http_api

from common.data.connectors import api, catalogue, website, website_description, website_process
from common.data.connectors.website import Website
from common.data.connectors.website_description import Description
from common.data.connectors.website_process import Page
from common.errors import InputError, SettingsError
from common.pipelines.fetch import FetchRequest, run

DESCRIPTION = {
    "contact": "reviews@example.org",
    "item": "li.review",
    "next": "a.next",
    "key": ["id"],
    "requests_per_minute": 60_000,
    "columns": {"id": "::attr(data-id)", "text": ".body", "stars": ".stars::attr(title)"},
}


def review(number, body=None):
    body = body or f"<p>message&nbsp;{number}</p><p>of   <b>two</b> parts</p>"
    return (
        f'<li class="review" data-id="{number}"><i class="stars" title="{number % 5}"></i>'
        f'<div class="body">{body}</div></li>'
    )


def html(content, status=200, **headers):
    return Reply(content.encode(), status, {"Content-Type": "text/html", **headers})


class Shop:
    """A website that shows its newest reviews first."""

    def __init__(self, numbers, per_page=2, robots=""):
        self.numbers, self.per_page, self.robots = list(numbers), per_page, robots
        self.replies = {}

    def answer(self, asked):
        if asked.path == "/robots.txt":
            headers = {"Content-Type": "text/plain"}
            return Reply(self.robots.encode(), headers=headers, chunked=True)
        page = int(asked.parameters.get("page", 1))
        if page in self.replies:
            return self.replies[page]
        start = (page - 1) * self.per_page
        shown = self.numbers[::-1][start : start + self.per_page]
        more = start + self.per_page < len(self.numbers)
        link = f'<a class="next" href="?page={page + 1}#top">on</a>' if more else ""
        return html("<ul>" + "".join(map(review, shown)) + f"</ul>{link}")


@contextmanager
def opened(folder, shop):
    with http_api(shop.answer) as server:

        def request(**changed):
            task = {"start": [f"{server.url}/reviews"], **DESCRIPTION, **changed}
            (folder / "shop.toml").write_text(toml(task))
            return FetchRequest(folder / "shop.toml", folder / "raw")

        yield server, request


def toml(task):
    columns = task.pop("columns")
    lines = [f"{name} = {json.dumps(value)}" for name, value in task.items()]
    return "\n".join([*lines, "[columns]", *(f"{k} = {json.dumps(v)}" for k, v in columns.items())])


def pages(server):
    """What was asked for, since the last time."""
    paths = [asked.path.strip("/") + asked.parameters.get("page", "") for asked in server.asked]
    server.asked.clear()
    return paths


def ids(folder):
    return [row["id"] for row in fetched(folder / "raw")]


needs_scrapy = pytest.mark.skipif(
    importlib.util.find_spec("scrapy") is None, reason="needs Scrapy (make scrape)"
)


@needs_scrapy
def test_all_pages_and_later_what_is_new(tmp_path):
    with opened(tmp_path, shop := Shop(range(5))) as (server, request):
        assert run(request(newest_first=True)).rows == 5
        assert server.asked[1].headers["User-Agent"].startswith("triage-trio/")
        assert server.asked[1].headers["User-Agent"].endswith(" (+reviews@example.org)")
        assert pages(server) == ["robots.txt", "reviews", "reviews2", "reviews3"]
        shop.numbers += [5, 6]
        assert run(request(newest_first=True)).rows == 2
        # It goes on until it has met all that the first page held before.
        assert pages(server) == ["robots.txt", "reviews", "reviews2"]
    assert ids(tmp_path) == list("4321065")
    row = fetched(tmp_path / "raw")[0]
    assert row == {"id": "4", "text": "message\xa04\nof two parts", "stars": "4"}


@needs_scrapy
def test_robots_txt_is_obeyed(tmp_path):
    robots = "User-agent: *\nCrawl-delay: 0.5\nDisallow: /*page=2\n\nUser-agent: other\nDisallow: /"
    with opened(tmp_path, Shop(range(5), robots=robots)) as (server, request):
        with pytest.raises(InputError, match=r"forbids triage-trio to fetch .*page=2\.") as caught:
            run(request())
        assert "\n" not in str(caught.value)
        first, second = (asked.at for asked in server.asked)
        assert second - first >= 0.5
        assert pages(server) == ["robots.txt", "reviews"]
        assert ids(tmp_path) == ["4", "3"]
        with pytest.raises(InputError, match="forbids other to fetch"):
            run(request(robot="other"))
        assert pages(server) == ["robots.txt"]


@needs_scrapy
def test_what_goes_wrong_with_a_page_is_one_line(tmp_path):
    with opened(tmp_path, shop := Shop(range(5))) as (server, request):
        server.hiccups += [Reply(b"", 403)]  # a robots.txt that isn't there forbids nothing
        source = request(max_page_bytes=8_000, requests_per_minute=300).source
        with (
            http_api(lambda asked: html("")) as other,
            website_process.started(website_description.read(source)) as spider,
        ):

            def said(reply):
                shop.replies[2] = reply
                with pytest.raises(InputError) as caught:
                    spider.page(f"{server.url}/reviews?page=2")
                return str(caught.value).replace(server.url, "")

            elsewhere = other.url.replace("127.0.0.1", "localhost")
            moved = html("", 302, Location=f"{elsewhere}/reviews")
            assert "leads to another host (localhost)" in said(moved)
            assert not other.asked
            swollen = Reply(gzip.compress(b" " * 9_000), 200, {"Content-Encoding": "gzip"})
            for long in (html(" " * 9_000), swollen):
                assert said(long).startswith("/reviews?page=2 is longer than 8,000 bytes: set max_")
            assert said(html("", 404)) == (
                "/reviews?page=2 answers with HTTP 404: what was fetched is kept."
            )
            assert "is not a page of HTML" in said(
                Reply({"a": 1}, headers={"Content-Type": "application/json"})
            )
            at = [asked.at for asked in server.asked]
            assert min(later - before for before, later in pairwise(at)) > 0.1  # 0.2, and jitter
            server.hiccups += [html("", 503, **{"Retry-After": "1"}), Reply(b"cut" * 9, cut=True)]
            before = time.monotonic()
            assert len(spider.page(f"{server.url}/reviews").items) == 2
            assert time.monotonic() - before > 1.5


@needs_scrapy
def test_what_is_no_selector_is_named(tmp_path):
    with opened(tmp_path, Shop([])) as (_, request), pytest.raises(InputError) as caught:
        run(request(item="li..review"))
    assert str(caught.value).startswith("item is not a CSS selector: look at it in the description")


@pytest.mark.parametrize(
    ("items", "said"),
    [
        ([], "no page has an element that matches 'p': look at item"),
        ([[None, "a"]], "/0 has an item without 'id': look at it in"),
        ([["1", None]], r"/0 has no item with 'text': look at it in \[columns\], or name it in"),
        ([["1", "a"]], "/0 was read already in this run: look at next"),
    ],
)
def test_selectors_that_are_wrong_are_noticed(items, said):
    class Same:
        def page(self, url):
            return Page(items, url)

    columns = {"id": "::attr(id)", "text": "p"}
    with pytest.raises(InputError, match=said):
        walk(Same(), None, columns=columns)
    if None in (items or [[]])[0][1:]:
        walk(Same(), None, columns=columns, optional=["text"], max_pages=1)


@needs_scrapy
def test_a_site_whose_robots_txt_fails_is_left_alone(tmp_path, monkeypatch):
    program = tmp_path / "spider.py"
    source = website_process._PROGRAM.read_text()
    text = source.replace("LONGEST_WAIT = 7, 0.5, 3600", "LONGEST_WAIT = 1, 0.1, 3600")
    assert text != source
    program.write_text(text)
    monkeypatch.setattr(website_process, "_PROGRAM", program)
    with opened(tmp_path, Shop(range(3))) as (server, request):
        server.hiccups += [Reply(b"", 500)] * 2
        with pytest.raises(InputError, match=r"robots.txt of 127.0.0.1:\d+ can't be reached"):
            run(request())
        assert pages(server) == ["robots.txt"] * 2


@needs_scrapy
def test_the_spider_ends_with_the_process_that_asks(tmp_path):
    """Also if that one is killed while the spider waits for a page."""
    with opened(tmp_path, shop := Shop(range(9))) as (server, request):
        asked = request()
        shop.replies = {2: html("", 503, **{"Retry-After": "600"})}
        command = [sys.executable, "-m", "common.fetch", asked.source, "-o", asked.folder]
        with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
            until(lambda: any("page" in seen.parameters for seen in server.asked))
            (spider,) = children(process.pid)
            process.send_signal(signal.SIGKILL)
        until(lambda: not alive(spider))
        assert not (asked.folder / "part-00000.parquet").exists()


def until(true, seconds=20):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


def children(pid):
    found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True)
    return list(map(int, found.stdout.split()))


def alive(pid):
    with suppress(ProcessLookupError):
        os.kill(pid, 0)
        state = subprocess.run(
            ["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True
        )
        return not state.stdout.startswith("Z") and bool(state.stdout.strip())
    return False


class Shown:
    """Pages without a process."""

    def __init__(self, *pages):
        self.pages = {f"https://a.org/{at}": page for at, page in enumerate(pages)}
        self.read = []

    def page(self, url):
        self.read.append(int(url[-1]))
        items = self.pages[url]
        following = f"https://a.org/{self.read[-1] + 1}"
        return Page([[item] for item in items], following if following in self.pages else None)


def walk(spider, position, **changed):
    task = {"start": ["https://a.org/0"], "contact": "a@b.org", "item": "p", "key": ["id"]}
    description = Description(**{**task, "columns": {"id": "::attr(id)"}, **changed})
    batches = list(Website(description, spider, "").batches(position))
    return json.loads(json.dumps(batches[-1].position))


def test_a_pinned_item_does_not_hide_what_is_new():
    end = walk(Shown(["pin", "2"], ["1"]), None, newest_first=True)
    later = Shown(["pin", "4"], ["3", "2"], ["1"])
    walk(later, end, newest_first=True)
    assert later.read == [0, 1]


def test_an_interrupted_run_is_not_taken_for_a_complete_one():
    """New items have pushed those that it had kept on to the page where it goes on."""
    end = walk(Shown(["2", "1"]), None, newest_first=True)
    middle = walk(Shown(["6", "5"], ["4", "3"], ["2", "1"]), end, newest_first=True, max_pages=1)
    shifted = Shown(["8", "7"], ["6", "5"], ["4", "3"], ["2", "1"])
    walk(shifted, middle, newest_first=True)
    assert shifted.read == [1, 2, 3]


def test_a_page_without_items_ends_the_run_but_not_the_search(caplog):
    end = walk(Shown(["3"], []), None, newest_first=True)
    again = Shown(["3"], ["2"], ["1"])
    assert walk(again, end, newest_first=True)["before"]
    assert again.read == [0, 1, 2]
    assert "https://a.org/1 has no items: taken for the end." in caplog.text


def test_lists_are_read_one_after_the_other():
    both = {"start": ["https://a.org/0", "https://a.org/2"]}
    spider = Shown(["1"], ["2"], ["3"])
    spider.page = lambda url, page=spider.page: Page(page(url).items, None)
    middle = walk(spider, None, max_pages=1, **both)
    assert (middle["list_number"], middle["url"]) == (1, None)
    assert walk(spider, middle, **both)["list_number"] == 0
    assert spider.read == [0, 2]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"contact": "nobody"}, "contact: must be a mail address or a web page"),
        ({"key": ["name"]}, r"shop.toml: key names 'name', which is not in \[columns\]"),
        ({"start": ["http://a.org", "http://b.org"]}, "start names pages of several hosts"),
        ({"start": []}, "start: list should have at least 1 item"),
    ],
)
def test_a_mistake_in_the_description_is_one_line(tmp_path, changed, said):
    with (
        opened(tmp_path, Shop([])) as (_, request),
        pytest.raises(InputError, match=said) as caught,
    ):
        run(request(**changed))
    assert "\n" not in str(caught.value)


def test_the_example_is_right():
    example = website_description.read(ROOT / "deploy/connectors/reviews.toml")
    assert example.newest_first
    assert example.columns["text"]


def test_without_scrapy_it_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setattr(website_process, "_LIBRARY", "no_such_library")
    with opened(tmp_path, Shop([])) as (_, request), pytest.raises(SettingsError) as caught:
        run(request())
    assert str(caught.value) == "reading websites needs more packages: make scrape"


def test_the_content_of_a_file_tells_its_kind(tmp_path):
    for content, kind in {'start = ["a"]': website, 'url = "a"': api, "": api}.items():
        (tmp_path / "a.toml").write_text(content)
        assert catalogue.kind_of(tmp_path / "a.toml").opened is kind.opened
