"""What an archive may cost: members, directory, memory of the decoder."""

import io
import lzma
import zipfile

import pytest

from common.data import compression
from common.data.compression import decompressed
from common.data.reader import MessageFile
from common.errors import InputError


def archive(path, members, zip64=False, comment=b""):
    with zipfile.ZipFile(path, "w") as file:
        for number in range(members):
            with file.open(f"{number}.csv", "w", force_zip64=zip64) as member:
                member.write(b"text\nhello\n")
        file.comment = comment
    return path


def content(path, member=None):
    with path.open("rb") as raw:
        return decompressed(raw, path, member).read()


@pytest.mark.parametrize("comment", [b"", b"a comment"])
def test_an_archive_of_many_files_is_refused_before_its_directory_is_read(
    tmp_path, monkeypatch, comment
):
    path = archive(tmp_path / "a.zip", 30, comment=comment)
    monkeypatch.setattr(compression, "MAX_DIRECTORY_BYTES", 1000)
    monkeypatch.setattr(zipfile, "ZipFile", None)
    with pytest.raises(InputError, match=r"more than 10,000 files: unpack it"):
        content(path)


def test_the_directory_of_zip64_is_found(tmp_path, monkeypatch):
    # Python writes the record of zip64 for more than 65,535 members.
    monkeypatch.setattr(zipfile, "ZIP_FILECOUNT_LIMIT", 5)
    path = archive(tmp_path / "a.zip", 30)
    assert b"PK\x06\x06" in path.read_bytes()
    assert content(path, "7.csv") == b"text\nhello\n"
    monkeypatch.setattr(compression, "MAX_DIRECTORY_BYTES", 1000)
    with pytest.raises(InputError, match="more than 10,000 files"):
        content(path, "7.csv")


def test_members_are_counted(tmp_path, monkeypatch):
    path = archive(tmp_path / "a.zip", 4)
    monkeypatch.setattr(compression, "MAX_MEMBERS", 4)
    assert content(path, "3.csv") == b"text\nhello\n"
    monkeypatch.setattr(compression, "MAX_MEMBERS", 3)
    with pytest.raises(InputError, match="more than 3 files"):
        content(path, "3.csv")


@pytest.mark.parametrize("padding", [b"", b"\0" * 8])
def test_streams_of_xz_are_read_to_the_end(tmp_path, padding):
    path = tmp_path / "a.csv.xz"
    path.write_bytes(lzma.compress(b"text\nhello\n") + padding + lzma.compress(b"bye\n") + padding)
    assert content(path) == b"text\nhello\nbye\n"


def test_an_xz_file_that_asks_for_much_memory_is_one_line(tmp_path):
    path = tmp_path / "a.csv.xz"
    hungry = [{"id": lzma.FILTER_LZMA2, "dict_size": 1 << 29}]
    stream = io.BytesIO()
    with lzma.LZMAFile(stream, "w", filters=hungry) as file:
        file.write(b"text\nhello\n")
    path.write_bytes(stream.getvalue())
    with (
        pytest.raises(InputError, match="256,000,000 bytes of memory to unpack"),
        MessageFile(path),
    ):
        pass


def test_the_largest_preset_of_xz_is_read(tmp_path):
    path = tmp_path / "a.csv.xz"
    path.write_bytes(lzma.compress(b"text\nhello\n", preset=9 | lzma.PRESET_EXTREME))
    assert content(path) == b"text\nhello\n"
