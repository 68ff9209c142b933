"""A real HTTP server on loopback that fails, throttles and repeats itself."""

import gzip
import json
import time
from collections import Counter
from contextlib import suppress
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sources import Reply, basic, fetched, http_api

from common.data.connectors import api, api_client, landing
from common.errors import InputError, SettingsError
from common.pipelines.fetch import FetchRequest, run

PAGES = {
    "page": 'kind = "page"\nparameter = "page"',
    "offset": 'kind = "offset"\nparameter = "skip"',
    "link": 'kind = "link"',
    "cursor": 'kind = "cursor"\npath = "meta.next"\nparameter = "after"\nend = "meta.done"',
    "cursor without end": 'kind = "cursor"\npath = "meta.next"\nparameter = "after"',
}
DESCRIPTION = """
url = "{url}/tickets"
requests_per_minute = {rate}
parameters = {{ per = 2 }}
{more}
[pages]
{pages}
[records]
path = "tickets"
key = ["id", "version"]
[columns]
id = "id"
text = "body.text"
first_tag = "tags.0"
"""


def record(number, version=1):
    return {"id": number, "version": version, "body": {"text": f"message {number}"}, "tags": []}


class Desk:
    """A helpdesk: records, and what it answers in each of the ways to ask for pages."""

    def __init__(self, records=(), per_page=2):
        self.records, self.per_page = list(records), per_page

    def answer(self, asked):
        parameters, per = asked.parameters, self.per_page
        if "page" in parameters:
            start = (int(parameters["page"]) - 1) * per
        else:
            start = int(parameters.get("skip") or parameters.get("after") or 0)
        found = self.records[start : start + per]
        end = start + len(found)
        done = end >= len(self.records)
        meta = {"next": str(end), "done": done}
        link = f'</tickets?after={end}>; rel="next", </tickets>; rel="first"'
        return Reply({"tickets": found, "meta": meta}, headers={} if done else {"Link": link})


@pytest.fixture
def desk(tmp_path):
    with connected(Desk(map(record, range(5))), tmp_path) as desk:
        yield desk


class connected:
    def __init__(self, desk, folder):
        self.desk, self.folder = desk, folder

    def __enter__(self):
        self.context = http_api(lambda asked: self.desk.answer(asked))
        self.server = self.context.__enter__()
        return self

    def __exit__(self, *error):
        self.context.__exit__(*error)

    def describe(self, pages="page", more="", rate=60_000, **changed):
        values = {"url": self.server.url, "pages": PAGES[pages], "more": more, "rate": rate}
        path = self.folder / "desk.toml"
        path.write_text(DESCRIPTION.format(**(values | changed)))
        return FetchRequest(path, self.folder / "raw")

    def fetch(self, *args, **kwargs):
        return run(self.describe(*args, **kwargs))

    @property
    def ids(self):
        return [row["id"] for row in fetched(self.folder / "raw")]


@pytest.mark.parametrize("pages", PAGES)
def test_all_pages_and_later_what_is_new(desk, pages):
    assert desk.fetch(pages).rows == 5
    assert desk.ids == list("01234")
    assert desk.fetch(pages).rows == 0
    desk.desk.records += [record(5), record(6), record(0, version=2)]
    assert desk.fetch(pages).rows == 3
    assert desk.ids == list("01234560")
    assert all(asked.parameters.get("per") == "2" for asked in desk.server.asked) or pages == "link"


def test_a_cursor_asks_only_for_what_is_new(desk):
    desk.fetch("cursor")
    before = len(desk.server.asked)
    desk.fetch("cursor")
    assert [asked.parameters["after"] for asked in desk.server.asked[before:]] == ["5"]


@pytest.mark.parametrize("pages", PAGES)
@settings(max_examples=8)
@given(
    rounds=st.lists(st.lists(st.integers(0, 6), max_size=6), min_size=1, max_size=3),
    per_page=st.integers(1, 4),
    part_rows=st.integers(1, 4),
    stops=st.lists(st.integers(0, 4), max_size=3),
)
def test_records_are_never_lost_and_never_twice(
    tmp_path_factory, pages, rounds, per_page, part_rows, stops
):
    """Records are added in rounds, some of them twice; runs stop after some pages."""
    folder, stops = tmp_path_factory.mktemp("pages"), list(stops)
    add = landing.Landing.add
    with connected(Desk(per_page=per_page), folder) as desk, pytest.MonkeyPatch.context() as patch:
        patch.setattr(landing, "PART_ROWS", part_rows)
        for new in rounds:
            desk.desk.records += map(record, new)
            if stops:
                left = iter(range(stops.pop()))

                def stopping(self, batch, left=left):
                    if next(left, None) is None:
                        raise KeyboardInterrupt
                    return add(self, batch)

                patch.setattr(landing.Landing, "add", stopping)
                with suppress(KeyboardInterrupt):
                    desk.fetch(pages)
                patch.setattr(landing.Landing, "add", add)
            desk.fetch(pages)
        kept = Counter(desk.ids) if any(rounds) else Counter()
    assert kept == Counter({str(number) for new in rounds for number in new})


def test_an_interrupted_run_goes_on_with_the_page_after_the_last(desk):
    desk.server.hiccups += [desk.desk.answer(asked("page", 1)), Reply({}, status=404)]
    with pytest.raises(InputError, match="answers with HTTP 404"):
        desk.fetch()
    assert desk.ids == ["0", "1"]
    desk.fetch()
    assert [asked.parameters["page"] for asked in desk.server.asked[2:]] == ["2", "3", "4"]
    assert desk.ids == list("01234")


def asked(name, value):
    from sources import Asked

    return Asked("/tickets", {name: str(value)}, {}, 0)


def test_what_may_pass_is_tried_again(desk):
    broken = Reply({"tickets": [record(9)] * 100}, cut=True)
    desk.server.hiccups += [Reply({}, status=503), broken]
    assert desk.fetch().rows == 5
    assert len(desk.server.asked) == 6


def test_it_waits_as_long_as_it_is_asked_to(desk, caplog):
    caplog.set_level("INFO")
    desk.server.hiccups.append(Reply({}, status=429, headers={"Retry-After": "1"}))
    desk.fetch()
    first, second, *_ = desk.server.asked
    assert second.at - first.at >= 1
    assert "The server asks to wait 1 s." in caplog.text


def test_requests_come_no_faster_than_allowed(desk):
    desk.fetch(rate=300)
    times = [asked.at for asked in desk.server.asked]
    assert min(later - at for at, later in pairwise(times)) > 0.19


def test_a_server_that_goes_on_failing_ends_the_run(desk, monkeypatch):
    monkeypatch.setattr(api_client, "TRIES", 2)
    desk.server.hiccups += [Reply({}, status=500)] * 2
    with pytest.raises(InputError, match=r"HTTP 500 .*; try again later, what was fetched is kept"):
        desk.fetch()
    desk.server.hiccups += [Reply({"tickets": [record(1)]}, cut=True)] * 2
    with pytest.raises(InputError, match="can't be read: its answers break off"):
        desk.fetch()


@pytest.mark.parametrize("encoding", [{}, {"Content-Encoding": "gzip"}])
def test_a_page_that_drips_breaks_off(desk, monkeypatch, encoding):
    monkeypatch.setattr(api_client, "PAGE_SECONDS", 0.5)
    monkeypatch.setattr(api_client, "TRIES", 2)
    page = json.dumps({"tickets": list(map(record, range(9)))}).encode()
    page = gzip.compress(page) if encoding else page
    desk.server.hiccups += [Reply(page, headers=encoding, drips=True)] * 2
    with pytest.raises(InputError, match=r"its answers break off \(a page takes more than 0 s\)"):
        desk.fetch()
    assert len(desk.server.asked) == 2


def test_nobody_there_is_one_line(tmp_path, desk):
    with pytest.raises(InputError, match="can't be reached: NewConnectionError"):
        desk.fetch(url="http://127.0.0.1:1")


def test_the_token_goes_into_its_header(desk, monkeypatch):
    monkeypatch.setenv("DESK_TOKEN", "hush")
    desk.fetch(more='token = { variable = "DESK_TOKEN" }')
    assert {asked.headers["Authorization"] for asked in desk.server.asked} == {"Bearer hush"}
    desk.fetch(more='token = { variable = "DESK_TOKEN", header = "X-Key", prefix = "" }')
    assert desk.server.asked[-1].headers["X-Key"] == "hush"
    desk.fetch(more='token = { variable = "DESK_TOKEN", user = "ann" }')
    assert desk.server.asked[-1].headers["Authorization"] == basic("ann", "hush")


def test_no_other_password_is_sent(desk, monkeypatch):
    netrc = desk.folder / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password mine")
    monkeypatch.setenv("NETRC", str(netrc))
    desk.fetch()
    assert not any("Authorization" in asked.headers for asked in desk.server.asked)


def test_a_token_that_is_not_set_is_named(desk, monkeypatch):
    monkeypatch.delenv("DESK_TOKEN", raising=False)
    with pytest.raises(SettingsError, match="DESK_TOKEN is not set"):
        desk.fetch(more='token = { variable = "DESK_TOKEN" }')
    monkeypatch.setenv("DESK_TOKEN", "two\nlines")
    with pytest.raises(SettingsError, match="DESK_TOKEN holds characters") as caught:
        desk.fetch(more='token = { variable = "DESK_TOKEN" }')
    assert "lines" not in str(caught.value)


def test_access_that_is_refused_names_the_variable(desk, monkeypatch):
    monkeypatch.setenv("DESK_TOKEN", "hush")
    desk.server.hiccups.append(Reply({"error": "bad token hush"}, status=401))
    with pytest.raises(
        InputError, match=r"refuses access .HTTP 401.: look at DESK_TOKEN"
    ) as caught:
        desk.fetch(more='token = { variable = "DESK_TOKEN" }')
    assert "hush" not in str(caught.value)


def test_the_token_goes_nowhere_else(desk, monkeypatch):
    monkeypatch.setenv("DESK_TOKEN", "hush")
    more = 'token = { variable = "DESK_TOKEN" }'
    with http_api(lambda asked: Reply({"tickets": []})) as other:
        elsewhere = {"Location": f"{other.url}/tickets"}
        desk.server.hiccups.append(Reply({}, status=302, headers=elsewhere))
        with pytest.raises(InputError, match="redirects to another address: set that as url"):
            desk.fetch(more=more)
        link = {"Link": f'<{other.url}/tickets>; rel="next"'}
        desk.server.hiccups.append(Reply({"tickets": [record(1)]}, headers=link))
        with pytest.raises(InputError, match=r"names 127.0.0.1 for its next page: the"):
            desk.fetch("link", more=more)
        assert not other.asked


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"<html>", "does not answer with JSON"),
        (b"\xff\xfe", "does not answer with JSON"),
        (b"[" * 100_000, "does not answer with JSON"),
        ({"items": []}, "answers with no list at 'tickets': look at .records."),
        ({"tickets": {}}, "answers with no list at 'tickets'"),
        ({"tickets": [{"version": 1}]}, "has a record without 'id': look at key"),
        ({"tickets": [1]}, "has a record without 'id'"),
        (
            {"tickets": [{"id": 1, "version": 1, "body": {"x": 1}, "tags": []}]},
            "no record with 'body.text' for the column 'text'; the first one has body, id, tags",
        ),
    ],
)
def test_answers_of_another_form_are_one_line(desk, content, said):
    desk.server.hiccups.append(Reply(content))
    with pytest.raises(InputError, match=said):
        desk.fetch()


def test_a_page_that_is_too_long_is_refused_while_it_comes(desk):
    page = gzip.compress(json.dumps({"tickets": [record(1)] * 100_000}).encode())
    desk.server.hiccups.append(Reply(page, headers={"Content-Encoding": "gzip"}))
    with pytest.raises(InputError, match="sends pages of more than 100,000 bytes"):
        desk.fetch(more="max_page_bytes = 100_000")


def test_a_server_that_sends_one_page_for_ever_is_noticed(desk):
    desk.desk.answer = lambda asked: Reply({"tickets": [record(1)]})
    with pytest.raises(InputError, match="sends the same page again and again"):
        desk.fetch()
    assert len(desk.server.asked) == api.MOST_EQUAL_PAGES
    assert desk.ids == ["1"]


def empty_before(answer, pages):
    """What answers without records at first, but leads on."""

    def answered(asked):
        at = int(asked.parameters.get("after") or 0)
        if at >= pages:
            return answer
        link = {"Link": f'</tickets?after={at + 1}>; rel="next"'}
        return Reply({"tickets": [], "meta": {"next": str(at + 1)}}, headers=link)

    return answered


@pytest.mark.parametrize("pages", ["cursor", "link"])
def test_pages_without_records_that_lead_on_are_passed_over(desk, pages):
    last = Reply({"tickets": [record(1)], "meta": {"done": True}})
    desk.desk.answer = empty_before(last, pages=3 * api.MOST_EQUAL_PAGES)
    assert desk.fetch(pages).rows == 1


def test_pages_without_records_that_lead_nowhere_are_noticed(desk, monkeypatch):
    own = {"Link": '</tickets?after=1>; rel="next"'}
    desk.desk.answer = empty_before(Reply({"tickets": []}, headers=own), pages=1)
    with pytest.raises(InputError, match="sends the same page again and again"):
        desk.fetch("link")
    assert len(desk.server.asked) <= api.MOST_EQUAL_PAGES + 1
    monkeypatch.setattr(api, "MOST_EMPTY_PAGES", 20)
    desk.desk.answer = empty_before(Reply({}), pages=99)
    with pytest.raises(InputError, match="sends pages without records again and again"):
        desk.fetch("link")


def test_values_are_text_as_they_were_written(desk):
    odd = record(1) | {"id": 12345678901234567890, "body": {"text": "half \ud83d"}}
    odd |= {"tags": [{"a": "é", "b": [1.50, True, None]}]}
    desk.server.hiccups.append(Reply({"tickets": [odd, record(2), record(3)]}))
    desk.fetch()
    first, second, *_ = fetched(desk.folder / "raw")
    assert first["id"] == "12345678901234567890"
    assert first["text"] == "half ?"
    assert json.loads(first["first_tag"])["a"] == "é"
    assert second["first_tag"] is None


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"url": "ftp://example.org"}, "desk.toml, url: must start with https://"),
        ({"url": "http://me:hush@127.0.0.1"}, "without a password"),
        ({"rate": 0}, "requests_per_minute: input should be greater than 0"),
        ({"pages": 'kind = "sideways"'}, "pages: input tag 'sideways'"),
        ({"pages": 'kind = "page"'}, "pages.page.parameter: field required"),
        ({"more": "colour = 1"}, "colour: extra inputs are not permitted"),
        ({"more": "x y"}, "is not TOML"),
    ],
)
def test_a_mistake_in_the_description_is_one_line(desk, changed, said):
    pages = changed.pop("pages", None)
    request = desk.describe(**changed)
    if pages:
        text = request.source.read_text().replace(PAGES["page"], pages)
        request.source.write_text(text)
    with pytest.raises(InputError, match=said) as caught:
        run(request)
    assert "hush" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_token_is_not_sent_without_encryption(desk):
    with pytest.raises(InputError, match="a token must not be sent without encryption"):
        desk.fetch(url="http://example.org", more='token = { variable = "DESK_TOKEN" }')


def test_the_example_of_a_helpdesk_works_with_its_documented_answers(desk, monkeypatch):
    from helpers import ROOT

    text = (ROOT / "deploy/connectors/zendesk.toml").read_text()
    text = text.replace("https://SUBDOMAIN.zendesk.com", desk.server.url)
    (desk.folder / "zendesk.toml").write_text(text.replace("requests_per_minute = 10", ""))
    monkeypatch.setenv("ZENDESK_TOKEN", "hush")
    ticket = {
        **{"id": 35436, "created_at": "2026-01-20T22:55:29Z", "updated_at": "2026-02-05T10:38:52Z"},
        **{"subject": "Help!", "description": "The fire is very colorful.", "status": "open"},
        **{"priority": None, "tags": ["printer"], "via": {"channel": "web"}},
    }
    pages = {
        None: {"tickets": [ticket], "after_cursor": "MTU4", "end_of_stream": False},
        "MTU4": {"tickets": [ticket | {"id": 7}], "after_cursor": "MTY4", "end_of_stream": True},
        "MTY4": {"tickets": [], "after_cursor": "MTY4", "end_of_stream": True},
    }
    desk.desk.answer = lambda asked: Reply(pages[asked.parameters.get("cursor")])
    request = FetchRequest(desk.folder / "zendesk.toml", desk.folder / "raw")
    assert (run(request).rows, run(request).rows) == (2, 0)
    first, second, third = desk.server.asked
    assert first.path == "/api/v2/incremental/tickets/cursor.json"
    assert first.parameters == {"start_time": "1767225600"}
    assert second.parameters == {"cursor": "MTU4"}
    assert third.parameters == {"cursor": "MTY4"}
    assert first.headers["Authorization"] == basic("ADMINISTRATOR@example.org/token", "hush")
    assert fetched(desk.folder / "raw")[0] == {
        **{"id": "35436", "created_at": "2026-01-20T22:55:29Z"},
        **{"updated_at": "2026-02-05T10:38:52Z", "subject": "Help!"},
        **{"text": "The fire is very colorful.", "channel": "web", "status": "open"},
        **{"priority": None, "tags": '["printer"]'},
    }


def test_waiting_ends_at_once_when_it_is_interrupted(desk, monkeypatch):
    def interrupted(seconds):
        raise KeyboardInterrupt

    desk.server.hiccups.append(Reply({}, status=429, headers={"Retry-After": "600"}))
    monkeypatch.setattr(time, "sleep", interrupted)
    with pytest.raises(KeyboardInterrupt):
        desk.fetch()
