"""A person's messages are recognised in each form in which they were written, and no others."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.masking import mask
from common.privacy.person import REMOVED, Person, texts_in
from common.reports.html import excerpt, legible
from common.text import escape

TEXT = 'Call me,\n"Ann" ann@example.org: where is my order? ' + "x" * 300
ANN = Person(frozenset([TEXT, "ok"]), frozenset(["115712"]))


@pytest.mark.parametrize(
    "written",
    [TEXT, f"  {TEXT} ", legible(TEXT), excerpt(TEXT), mask(TEXT), excerpt(mask(TEXT)), "ok"],
)
def test_a_message_is_known_as_it_was_masked_or_cut(written):
    assert ANN.wrote(written)
    assert ANN.scrub(written) == REMOVED


@pytest.mark.parametrize("other", ["", "Call me", "okay", "Call…", "…", "where is my order?"])
def test_messages_of_others_stay(other):
    assert not ANN.wrote(other)
    assert ANN.scrub(other) == other


def test_a_text_that_quotes_a_message_goes_but_not_for_a_short_one():
    assert ANN.scrub(f"RT: {TEXT} !!") == REMOVED
    assert ANN.scrub("that is ok for me") == "that is ok for me"


def test_the_handle_of_an_author_is_masked_where_others_name_it():
    assert ANN.scrub("ask @115712, not @1157123") == "ask [handle], not @1157123"


@pytest.mark.parametrize("form", [str, escape, json.dumps, legible, mask])
def test_a_log_keeps_its_length_and_loses_the_message(form):
    line = f"INFO before {form(TEXT)} after\n".encode()
    assert ANN.is_in(line)
    left, places = ANN.scrub_bytes(line)
    assert (len(left), places) == (len(line), 1)
    assert not ANN.is_in(left)
    assert left.startswith(b"INFO before ")
    assert left.endswith(b" after\n")


@given(st.lists(st.text(max_size=30), max_size=4), st.text(max_size=60))
def test_scrubbing_leaves_no_message(texts, text):
    person = Person(frozenset(texts))
    assert not person.wrote(person.scrub(text)) or person.wrote(REMOVED)


def test_messages_are_the_lines_of_a_text_file_or_a_column(tmp_path):
    plain, table = tmp_path / "a.txt", tmp_path / "a.csv"
    plain.write_text("one, two\n\nthree\n")
    table.write_text('id,text\n1,"one\ntwo"\n2,\n')
    assert texts_in(plain, "text") == {"one, two", "three"}
    assert texts_in(table, "text") == {"one\ntwo"}
