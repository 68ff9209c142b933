import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.reports import monitoring as monitor_page

HOSTILE = [
    "<script>document.title='owned'</script>",
    "<img src=x onerror=\"document.title='owned'\">",
    "</td></table><iframe src='https://example.org'></iframe>",
    "javascript:alert(1)",
    "\u202etxet desrever\u202c \u200b zero",
    "{{ 7 * 7 }} {% include 'base.html' %}",
    "x" * 5000,
    "😡 & \" ' <b>",
]
TEXT = st.one_of(st.text(max_size=20), st.sampled_from(HOSTILE))
SHARE = st.one_of(st.none(), st.just(float("nan")), st.floats(0, 1))
STATUS = st.sampled_from(["OK", "WARNING", "CRITICAL", "UNKNOWN"])
BOUNDS = {"value": SHARE, "lower": SHARE, "upper": SHARE}
MEASURED = {"rows": st.integers(0, 10**7), "correct": st.integers(0, 10**7)} | dict.fromkeys(
    ("accuracy", "lower", "upper"), SHARE
)
FINDING = st.fixed_dictionaries(
    {
        **{"name": TEXT, "status": STATUS, "reason": TEXT, "limit": SHARE, **BOUNDS},
        "rows": st.integers(0, 999),
        "detail": st.fixed_dictionaries(
            {},
            optional={
                "words": st.lists(TEXT, max_size=3),
                "moved": st.lists(
                    st.fixed_dictionaries({"class": TEXT, "share": SHARE, "reference": SHARE}),
                    max_size=3,
                ),
                "p": SHARE,
            },
        ),
    }
)
WINDOW = st.fixed_dictionaries(
    {
        **{"name": TEXT, "status": STATUS, **MEASURED},
        "estimated": st.one_of(
            st.none(),
            st.fixed_dictionaries({name: st.floats(0, 1) for name in ("value", "lower", "upper")}),
        ),
    }
)


@st.composite
def some_classes(draw):
    names = draw(st.lists(TEXT, max_size=20, unique=True))
    if not names:
        return None
    values = dict.fromkeys(("precision", "recall", "f1", "reference_recall"), SHARE)
    row = st.fixed_dictionaries({"support": st.integers(0, 999), **values})
    return {
        "names": names,
        "confusion": [[draw(st.integers(0, 99)) for _ in names] for _ in names],
        "by_class": {name: draw(row) for name in names},
    }


FACTS = st.fixed_dictionaries(
    {
        "status": STATUS,
        "text": TEXT,
        "model": st.fixed_dictionaries({"name": TEXT, "version": st.just(3), "run_id": TEXT}),
        "file": TEXT,
        "at": st.just("2026-03-02T06:00:00+00:00"),
        "floor": st.floats(0.01, 0.99),
        "windows": st.lists(WINDOW, max_size=5),
        "findings": st.lists(FINDING, max_size=4),
        "classes": some_classes(),
        "segments": st.dictionaries(TEXT, st.fixed_dictionaries(MEASURED), max_size=20),
        "examples": st.lists(
            st.fixed_dictionaries(
                {"text": TEXT, "true": TEXT, "predicted": TEXT, "confidence": SHARE}
            ),
            max_size=3,
        ),
        "incidents": st.lists(
            st.fixed_dictionaries(
                {
                    **{"id": TEXT, "finding": TEXT, "status": STATUS, "reason": TEXT},
                    "since": st.just("2026-03-01T06:00:00+00:00"),
                    "recovered": st.sampled_from([None, "2026-03-02T06:00:00+00:00"]),
                    "changes": st.lists(
                        st.fixed_dictionaries(
                            {
                                "change": TEXT,
                                "at": st.just("2026-03-01T06:00:00+00:00"),
                                "status": STATUS,
                            }
                        ),
                        max_size=2,
                    ),
                }
            ),
            max_size=3,
        ),
        "next_steps": st.lists(TEXT, max_size=3),
        "counts": st.just({"read": 5, "used": 4, "rejected": 1, "blank": 0, "unlabelled": 0}),
    }
)


PLAIN = {
    "status": "CRITICAL",
    "text": "CRITICAL: too many errors.",
    "model": {"name": "triage", "version": 3, "run_id": "abc"},
    "file": "a.csv",
    "at": "2026-03-02T06:00:00+00:00",
    "floor": 0.8,
    "windows": [],
    "findings": [],
    "classes": None,
    "segments": {},
    "examples": [],
    "incidents": [],
    "next_steps": [],
    "counts": {},
}


class Page(HTMLParser):
    """Tags, attributes, and whether what is opened is closed."""

    EMPTY = frozenset(["meta", "link", "br", "hr", "img", "input", "line", "use", "rect", "circle"])

    def __init__(self, text):
        super().__init__()
        self.tags, self.links, self.handlers, self.open = [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.links += [value for name, value in attrs if name in ("href", "src", "xlink:href")]
        self.handlers += [name for name, _ in attrs if name.startswith("on")]
        if tag not in self.EMPTY:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in self.EMPTY:
            self.open.pop()

    def handle_endtag(self, tag):
        if tag not in self.EMPTY:
            assert self.open.pop() == tag


@given(FACTS)
def test_whatever_was_found_is_a_page_that_needs_nothing_and_runs_nothing(facts):
    page = Page(monitor_page.render(facts))
    assert page.open == []
    assert not {"script", "iframe", "img", "object"} & set(page.tags)
    assert not page.handlers
    assert all(link.startswith(("#", "data:,")) for link in page.links), page.links


def test_the_verdict_is_the_first_that_is_read():
    page = monitor_page.render(PLAIN)
    text = re.sub(r"<style>.*?</style>|<[^>]*>", " ", page, flags=re.DOTALL)
    assert text.index("too many errors") < text.index("What to do next")
    assert text.index("What to do next") < text.index("Accuracy over time")


@pytest.mark.parametrize("hostile", HOSTILE[:3])
def test_messages_are_shown_and_not_run(hostile):
    facts = PLAIN | {
        "examples": [{"text": hostile, "true": "a", "predicted": "b", "confidence": 0.9}]
    }
    page = monitor_page.render(facts)
    assert hostile not in page
    assert "&lt;" in page


def test_many_classes_are_cut_to_the_worst():
    names = [f"class {number:02}" for number in range(60)]
    row = {"support": 9, "precision": 0.5, "f1": 0.5, "reference_recall": None}
    facts = PLAIN | {
        "classes": {
            "names": names,
            "confusion": [[int(a == b) for b in range(60)] for a in range(60)],
            "by_class": {name: {**row, "recall": k / 60} for k, name in enumerate(names)},
        }
    }
    page = monitor_page.render(facts)
    assert "class 03" in page
    assert "class 40" not in page
    assert "15 of 60" in page
