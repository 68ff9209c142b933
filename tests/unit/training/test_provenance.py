"""What a version was made from, and whether the project is as it was then."""

from types import SimpleNamespace

import pytest

from common.data.source import choose_source
from common.errors import InputError
from common.registry.versions import Version
from common.training import provenance
from common.training.provenance import Provenance

MADE_FROM = Provenance(
    at="2026-03-02T06:00:00+00:00",
    by="ann@here",
    file="messages.csv",
    location="/data/messages.csv",
    data_sha256="d1",
    rows="8 of 10 rows used (2 without text)",
    synthetic=False,
    train_rows=8000,
    holdout_rows=2000,
    family="boosted",
    git_commit="c1",
    lock_sha256="l1",
    predictions_sha256="p1",
    settings={"seed": "42"},
)


def test_a_page_shows_everything_under_a_heading():
    sections = MADE_FROM.sections()
    assert list(sections) == ["Data", "Training", "Code", "Settings"]
    shown = {value for section in sections.values() for value in section.values()}
    assert {
        "2026-03-02 06:00 UTC",
        "ann@here",
        "messages.csv",
        "d1",
        "8,000 rows",
        "2,000 rows",
        "c1",
        "l1",
        "p1",
        "boosted",
    } <= shown
    assert sections["Settings"] == {"seed": "42"}


def test_a_file_that_differs_by_a_byte_is_refused(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("text,mood\n")
    source = choose_source(path, tmp_path, 42)
    tags = {"data_sha256": provenance.files.sha256(path)}
    version = Version("triage", 3, "run", tags)
    provenance.require_same_data(version, source)
    path.write_text("text,mood\n\n")
    with pytest.raises(InputError, match="is not the file that version 3 was fitted on"):
        provenance.require_same_data(version, source)
    with pytest.raises(InputError, match="not recorded"):
        provenance.require_same_data(Version("triage", 3, "run", {}), source)


def test_a_reproduction_says_what_differs_from_then(tmp_path):
    result = SimpleNamespace(predictions_sha256="p1", holdout=[0] * 5, metrics={"accuracy": 1.0})
    tags = {"predictions_sha256": "p1", "lock_sha256": "unknown", "git_commit": "c0"}
    found = provenance.reproduction(result, Version("triage", 3, "run", tags), tmp_path)
    assert (found.identical, found.same_lock_file, found.same_commit) == (True, True, False)
    assert found.holdout_rows == 5
    other = Version("triage", 3, "run", tags | {"predictions_sha256": "p2"})
    assert not provenance.reproduction(result, other, tmp_path).identical


def test_without_a_lock_file_its_digest_is_unknown(tmp_path):
    assert provenance.lock_sha256(tmp_path) == "unknown"
    (tmp_path / "requirements.lock").write_text("a==1\n")
    assert len(provenance.lock_sha256(tmp_path)) == 64
