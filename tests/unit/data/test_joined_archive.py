"""Archives that the real `zip -s` has split."""

import shutil
import zipfile

import pyarrow as pa
import pytest
from sources import zip_split

from common.data import joined_archive
from common.data.reader import MessageFile
from common.data.reading import Reading
from common.errors import InputError

ROWS = 40_000


@pytest.fixture
def folder(tmp_path):
    digits = [f"{k * 2654435761 % 2**32:x}" for k in range(ROWS)]
    lines = (f"{k},where is order {word}?" for k, word in enumerate(digits))
    (tmp_path / "twcs.csv").write_text("id,text\n" + "\n".join(lines) + "\n")
    (tmp_path / "sample.csv").write_text("id,text\n1,short\n")
    return tmp_path


def rows(path, **reading):
    with MessageFile(path, reading=Reading(joined=True, **reading)) as messages:
        return pa.concat_tables([chunk.table for chunk in messages])


@pytest.mark.parametrize("flags", [(), ("-fz",), ("-0",)], ids=str)
def test_all_rows_of_an_archive_in_parts(folder, flags):
    archive = zip_split(folder, "64k", "twcs.csv", flags=flags)
    found = joined_archive.parts_of(archive)
    assert len(found) > 2
    assert [part.suffix for part in found[:2]] == [".z01", ".z02"]
    with MessageFile(folder / "twcs.csv") as messages:
        plain = pa.concat_tables([chunk.table for chunk in messages])
    assert rows(archive).combine_chunks() == plain.combine_chunks()


def test_each_of_several_files_is_where_it_is_said_to_be(folder):
    archive = zip_split(folder, "64k", "twcs.csv", "sample.csv")
    with joined_archive.open_joined(archive) as raw, zipfile.ZipFile(raw) as joined:
        assert joined.testzip() is None
        for name in ("twcs.csv", "sample.csv"):
            assert joined.read(name) == (folder / name).read_bytes()
    with pytest.raises(InputError, match=r"2 files \('twcs.csv', 'sample.csv'\): choose with --me"):
        rows(archive)
    assert rows(archive, member="sample.csv").to_pylist() == [{"id": "1", "text": "short"}]


def test_a_comment_at_the_end_does_not_hide_it(folder):
    (folder / "comment.txt").write_text("from Kaggle\n.\n")
    archive = zip_split(folder, "64k", "twcs.csv")
    content = archive.read_bytes()
    archive.write_bytes(content[:-2] + b"\x05\x00" + b"hello")
    assert len(rows(archive)) == ROWS


def test_an_archive_that_fits_in_one_part_is_read_too(folder):
    archive = zip_split(folder, "10m", "twcs.csv")
    assert archive.read_bytes().startswith(b"PK\x07\x08")
    assert len(rows(archive)) == ROWS


def test_parts_that_are_missing_are_named(folder):
    archive = zip_split(folder, "64k", "twcs.csv")
    (folder / "twcs.z02").unlink()
    with pytest.raises(InputError, match=r"is the last of \d parts, but .* has no twcs.z02: put"):
        rows(archive)


def test_names_in_capitals_are_found(folder):
    archive = zip_split(folder, "64k", "twcs.csv")
    (folder / "twcs.z01").rename(folder / "TWCS.Z01")
    assert len(rows(archive)) == ROWS


@pytest.mark.parametrize(("first", "second"), [("z01", "z02"), ("z02", "z03")])
def test_swapped_parts_are_noticed(folder, first, second):
    archive = zip_split(folder, "64k", "twcs.csv")
    one, two, spare = folder / f"twcs.{first}", folder / f"twcs.{second}", folder / "spare"
    one.rename(spare)
    two.rename(one)
    spare.rename(two)
    with pytest.raises(InputError):
        rows(archive)


def test_parts_of_two_archives_are_noticed(folder):
    other = folder / "other"
    other.mkdir()
    text = (folder / "twcs.csv").read_text().replace("where", "there")
    (other / "twcs.csv").write_text(text)
    archive = zip_split(folder, "64k", "twcs.csv", flags=("-0",))
    zip_split(other, "64k", "twcs.csv", flags=("-0",))
    shutil.copy(other / "twcs.z02", folder / "twcs.z02")
    # Nothing but the checksum tells.
    with pytest.raises(InputError, match="CRC"):
        rows(archive)


def test_a_part_that_was_cut_short_is_named(folder):
    archive = zip_split(folder, "64k", "twcs.csv")
    part = folder / "twcs.z02"
    part.write_bytes(part.read_bytes()[:-100])
    assert "Look at twcs.z02" in str(joined_archive.misfit(archive))
    with pytest.raises(InputError):
        rows(archive)


@pytest.mark.parametrize("content", [b"", b"PK", b"x" * 100, b"PK\x05\x06" + bytes(10)])
def test_what_is_no_archive_is_one_line(tmp_path, content):
    path = tmp_path / "a.zip"
    path.write_bytes(content)
    with pytest.raises(InputError, match="is not a zip archive, or its end is missing"):
        joined_archive.open_joined(path)
