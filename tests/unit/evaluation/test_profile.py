import json
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import given
from hypothesis import strategies as st

from common.evaluation import profile
from common.evaluation.drawn_rows import DrawnAnswers, with_drawn
from common.evaluation.profile import SAMPLE_ROWS, Profile
from common.masking import Disclosure

ROW = st.tuples(
    st.text(max_size=5),
    st.sampled_from(["", "a", "b"]),
    st.sampled_from("ab"),
    st.sampled_from("xy"),
)


def of(rows, seed=0, delays=None):
    columns = list(zip(*rows, strict=True)) or [()] * 4
    texts, labels, predicted, segments = (np.array(column, object) for column in columns)
    confidence = np.linspace(0.5, 1, len(rows))
    return profile.of_rows(
        pa.array(texts, pa.large_string()), labels, predicted, confidence, segments, delays, seed
    )


@given(st.lists(st.lists(ROW, max_size=9), min_size=1, max_size=5))
def test_parts_add_up_to_the_whole(parts):
    rows = [row for part in parts for row in part]
    whole, total = of(rows), sum((of(part, seed) for seed, part in enumerate(parts)), Profile())
    for name in ("read", "unlabelled", "pairs", "predicted", "replaced", "rows", "correct"):
        assert getattr(total, name) == getattr(whole, name)
    assert dict(total.segments) == dict(whole.segments)
    assert sorted(total.texts()) == sorted(whole.texts())


@given(st.lists(ROW, max_size=30))
def test_counts_are_those_of_the_rows(rows):
    found = of(rows)
    labelled = [row for row in rows if row[1]]
    assert found.rows == len(labelled)
    assert found.correct == sum(label == predicted for _, label, predicted, _ in labelled)
    assert found.confusion(("a", "b")).sum() == len(labelled)
    right, _ = found.judged()
    assert right.sum() == found.correct
    assert sum(rows for _, rows in found.segments.values()) == len(labelled)


def test_a_sample_is_an_even_draw_whatever_the_parts():
    texts = [(str(number), "a", "a", "x") for number in range(20_000)]
    total = sum((of(texts[k : k + 500], seed=k) for k in range(0, 20_000, 500)), Profile())
    drawn = np.array([int(text) for text in total.texts()])
    assert len(set(drawn)) == SAMPLE_ROWS
    counts, _ = np.histogram(drawn, bins=10, range=(0, 20_000))
    # Binomial with a mean of 200: five standard deviations.
    assert abs(counts - SAMPLE_ROWS / 10).max() < 5 * np.sqrt(SAMPLE_ROWS / 10)


def test_classes_the_reader_does_not_ask_for_are_left_out():
    found = of([("t", "c", "a", "x"), ("t", "a", "a", "x")])
    assert found.classes == ("a", "c")
    assert found.confusion(("a",)).tolist() == [[1]]


def test_what_is_saved_is_loaded(tmp_path):
    rows = [("héllo\n\ufffd", "a", "b", "x"), ("", "", "a", "y"), ('"', "b", "b", "x")]
    found = profile.with_unread(of(rows, delays=np.array([1.5, np.nan, 0])), rejected=2, blank=3)
    found.save(tmp_path / "a.parquet")
    loaded = Profile.load(tmp_path / "a.parquet")
    assert str(loaded.sample.to_pylist()) == str(found.sample.to_pylist())  # nan is not nan
    for name in ("read", "rejected", "blank", "replaced", "unlabelled", "pairs", "predicted"):
        assert getattr(loaded, name) == getattr(found, name)
    assert dict(loaded.segments) == dict(found.segments)
    assert loaded.delays().tolist() == found.delays().tolist()


def test_a_masked_profile_is_masked_once_and_stays_so_when_it_is_stored(tmp_path):
    rows = [("mail ann@example.org", "a", "a", "x"), ("fine", "a", "b", "x")]
    found = replace(of(rows), stream=("@ann hi",))
    masked = profile.masked(found)
    assert masked.unfitted() == ["mail [mail]", "fine"]
    assert masked.texts() == ["[handle] hi"]
    assert (masked.pairs, masked.sample.schema) == (found.pairs, found.sample.schema)
    assert profile.masked(masked) is masked
    assert (masked + Profile()).masked
    masked.save(tmp_path / "a.parquet")
    assert Profile.load(tmp_path / "a.parquet").masked


def test_a_profile_of_an_earlier_release_is_not_masked(tmp_path):
    of([("@ann", "a", "a", "x")]).save(tmp_path / "a.parquet")
    table = pq.read_table(tmp_path / "a.parquet")
    facts = json.loads(table.schema.metadata[b"triage"])
    del facts["masked"], facts["undated"]
    older = table.replace_schema_metadata({b"triage": json.dumps(facts)})
    pq.write_table(older, tmp_path / "a.parquet")
    assert not Profile.load(tmp_path / "a.parquet").masked


def drawn_rows():
    answers = DrawnAnswers(
        np.array(["random", "", "uncertain", "uncertain"], object),
        np.array([20.0, np.nan, 1.0, np.nan]),
        np.array([True, True, False, False]),
        np.array(["a"] * 4, object),
    )
    return with_drawn(of([("t", "a", "a", "x")] * 3), answers, hard=2)


def test_rows_that_were_drawn_count_by_what_they_stand_for_and_add_up(tmp_path):
    found = drawn_rows()
    assert found.drawn == {
        ("random", 20.0, True): 1,
        ("", 1.0, True): 1,
        ("uncertain", 1.0, False): 1,
    }
    assert (found.read, found.rows, found.left_out) == (5, 3, 1)
    assert found.weighted.value == 21 / 22
    both = found + found
    assert (both.weighted.rows, both.weighted.value, both.left_out) == (6, 21 / 22, 2)
    both.save(tmp_path / "a.parquet")
    loaded = Profile.load(tmp_path / "a.parquet")
    assert (loaded.drawn, loaded.left_out) == (both.drawn, 2)
    assert loaded.weighted == both.weighted


def test_rows_that_do_not_say_how_they_were_drawn_are_stored_as_they_were():
    found = of([("t", "a", "a", "x")])
    names = {"read", "rejected", "blank", "undated", "replaced", "mojibake", "unlabelled"}
    assert found.counts_json().keys() == names | {"pairs", "predicted", "segments"}
    assert (found.weighted, found.share) == (None, (1, 1))


def test_where_no_message_may_be_kept_a_stored_profile_has_its_counts_alone(tmp_path):
    found = replace(of([("canary", "a", "b", "x")] * 9), stream=("canary",))
    kept = profile.disclosed(found, Disclosure(examples=0))
    kept.save(tmp_path / "a.parquet")
    assert b"canary" not in (tmp_path / "a.parquet").read_bytes()
    assert kept.texts() == [""] * 9
    assert (kept.pairs, kept.judged()[1].tolist()) == (found.pairs, found.judged()[1].tolist())
    assert profile.disclosed(found, Disclosure()) is found


def test_the_newest_label_of_the_parts_is_that_of_the_whole():
    older, newer = (
        replace(Profile(), newest_label=np.datetime64(day, "s"))
        for day in ("2026-03-01", "2026-03-02")
    )
    assert (newer + older + Profile()).newest_label == newer.newest_label
    assert np.isnat((Profile() + Profile()).newest_label)
