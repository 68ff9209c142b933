"""Of each kind of document the messages go, and all else stays as it is."""

import json

import numpy as np
import pyarrow as pa

from common.evaluation import profile
from common.evaluation.profile import Profile
from common.privacy.documents import edit
from common.privacy.person import Person

TEXT = "my <order> & 'refund' are late"
ANN = Person(frozenset([TEXT]), frozenset(["115712"]))


def test_a_table_loses_the_row_with_its_reasons():
    table = {"columns": ["text", "because"], "data": [[TEXT, "late"], ["fine", "fine"]]}
    edited = edit("worst_errors.json", json.dumps(table).encode(), ANN)
    assert edited.places == 1
    assert json.loads(edited.content) == {"columns": table["columns"], "data": [["fine", "fine"]]}


def test_a_table_of_csv_loses_the_row_and_others_the_handle():
    table = f'text,label\n"{TEXT}",angry\n\'@115712 is late,calm\n"fine,\nreally",calm\n'
    edited = edit("labels_to_check.csv", table.encode(), ANN)
    assert edited.places == 2
    assert edited.content.decode() == (
        'text,label\n\'[handle] is late,calm\n"fine,\nreally",calm\n'
    )
    assert edit("labels_to_check.csv", edited.content, ANN).places == 0


def test_a_result_loses_examples_segments_and_words():
    found = {
        "examples": [{"text": TEXT, "true": "a"}, {"text": "fine", "true": "a"}],
        "segments": {"115712": {"rows": 1}, "other": {"rows": 2}},
        "findings": [{"detail": {"words": [TEXT, "@115712", "fine"], "p": None}}],
    }
    edited = edit("monitor.json", json.dumps(found).encode(), ANN)
    assert edited.places == 4
    assert json.loads(edited.content) == {
        "examples": [{"text": "fine", "true": "a"}],
        "segments": {"other": {"rows": 2}},
        "findings": [{"detail": {"words": ["[handle]", "fine"], "p": None}}],
    }


def test_of_a_page_the_words_that_decided_go_with_their_message():
    row = '<tr class="example"><td><bdi>{}</bdi></td><td>late<div>refund</div></td></tr>\n'
    mine, other = row.format("my &lt;order&gt; &amp; &#39;refund&#39; are late"), row.format("fine")
    edited = edit("contest.html", f"<table>{other}{mine}{other}</table>".encode(), ANN)
    assert edited.places == 1
    assert edited.content.decode() == f"<table>{other}{other}</table>"


def test_a_page_shows_something_else_in_the_cell():
    page = (
        "<html><style>a{}</style><td><bdi>my &lt;order&gt; &amp; &#39;refund&#39; are late</bdi>"
        "</td><td>fine &amp; good</td></html>"
    )
    edited = edit("contest.html", page.encode(), ANN)
    assert edited.places == 1
    assert edited.content.decode() == (
        "<html><style>a{}</style><td><bdi>(removed)</bdi></td><td>fine &amp; good</td></html>"
    )


def test_a_reference_keeps_its_counts(tmp_path):
    texts = [TEXT, "fine", "ask @115712", TEXT]
    rows = np.array(["a", "a", "b", "b"], object)
    segments = np.array(["115712", "x", "x", "x"], object)
    before = profile.of_rows(
        pa.array(texts, pa.large_string()), rows, rows, np.full(4, 0.9), segments
    )
    before.save(tmp_path / "reference.parquet")
    content = (tmp_path / "reference.parquet").read_bytes()
    edited = edit("reference.parquet", content, ANN)
    (tmp_path / "after.parquet").write_bytes(edited.content)
    after = Profile.load(tmp_path / "after.parquet")
    assert edited.places == 4
    assert after.unfitted() == ["fine", "ask [handle]"]
    assert (after.pairs, after.read, dict(after.segments)) == (before.pairs, 4, {"x": (3, 3)})


def test_what_holds_no_message_stays_byte_for_byte():
    for name, content in {
        "a.json": b'{"b":  1}\n',
        "a.html": b"<p>a&b</p>",
        "model_card.md": f"for example: {TEXT}\n".encode(),
        "a.png": TEXT.encode(),
        "other.parquet": TEXT.encode(),
        "broken.json": b"{",
    }.items():
        edited = edit(name, content, ANN)
        assert (edited.content, edited.places) == (content, 0)
