"""What EMBEDDINGS names, made into what a classifier takes."""

import logging

import pytest

from common.data import word_vectors
from common.errors import InputError, SettingsError
from common.models.embeddings import Encoder
from common.training.embeddings import require, source_of


@pytest.fixture
def words(tmp_path):
    path = tmp_path / "words.vec"
    path.write_text("Good 1 2\nbad 3 4\n")
    return path


def test_a_file_becomes_a_table_of_tokens(words):
    require(str(words))
    table = source_of(str(words))
    assert (table.name, table.rows) == ("words.vec", {"good": 0, "bad": 1})


def test_a_module_and_a_function_become_an_encoder():
    require("statistics:mean")
    assert isinstance(source_of("statistics:mean"), Encoder)


def test_none_is_none():
    require("none")
    assert source_of("none") is None


def test_that_a_file_is_too_large_for_the_memory_is_said(words, monkeypatch, caplog):
    monkeypatch.setattr(word_vectors, "MOST_BYTES", 8)
    with caplog.at_level(logging.WARNING):
        assert source_of(str(words)).rows == {"good": 0}
    assert "words.vec has more words than fit into memory: the first 1 are used." in caplog.text


def test_a_module_beside_the_scripts_is_refused(tmp_path, monkeypatch):
    (tmp_path / "mine_alone.py").write_text("def f(texts): ...")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    assert isinstance(source_of("mine_alone:f"), Encoder)
    with pytest.raises(SettingsError, match="no module 'mine_alone' that a stored model would"):
        require("mine_alone:f")


def test_what_is_wrong_is_said_before_anything_is_fitted(tmp_path):
    with pytest.raises(InputError, match="cannot read"):
        require(str(tmp_path / "none.vec"))
    with pytest.raises(SettingsError, match="has no attribute 'f'"):
        source_of("statistics:f")
