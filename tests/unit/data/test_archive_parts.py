import struct
import zipfile

import pytest

from common.data.reader import MessageFile
from common.errors import InputError

CSV = "id,text\n" + "".join(f"{k},where is order {k}?\n" for k in range(2000))


def archive(path):
    with zipfile.ZipFile(path, "w") as made:
        made.writestr("twcs.csv", CSV)
    return path.read_bytes()


def split(folder, name="twcs"):
    """As `zip -s` writes it: a mark, then the archive in two parts, the end on disk 1."""
    whole = b"PK\x07\x08" + archive(folder / "whole.zip")
    at = whole.rindex(b"PK\x05\x06")
    whole = whole[: at + 4] + struct.pack("<HH", 1, 1) + whole[at + 8 :]
    (folder / f"{name}.z01").write_bytes(whole[:20_000])
    (folder / f"{name}.zip").write_bytes(whole[20_000:])


@pytest.mark.parametrize("name", ["twcs.zip", "twcs.z01"])
def test_a_split_archive_is_joined_with_a_command_that_is_named(tmp_path, name):
    split(tmp_path)
    with pytest.raises(InputError) as caught:
        MessageFile(tmp_path / name)
    said = str(caught.value)
    assert "one part of an archive that was split" in said
    assert f"python -m common.fetch {tmp_path}/twcs.zip -o DIR, or zip -s 0 {tmp_path}/" in said
    assert said.endswith(f"twcs.zip --out joined.zip, or 7z x {tmp_path}/twcs.zip.")


def test_the_last_part_alone_is_known_by_its_end(tmp_path):
    split(tmp_path)
    (tmp_path / "twcs.z01").unlink()
    with pytest.raises(InputError, match="With all parts in one folder"):
        MessageFile(tmp_path / "twcs.zip")


def test_a_part_of_another_kind_is_unpacked(tmp_path):
    (tmp_path / "twcs.zip.001").write_bytes(archive(tmp_path / "whole.zip")[:20_000])
    with pytest.raises(InputError, match=r"join them: 7z x .*twcs\.zip\.001\.$"):
        MessageFile(tmp_path / "twcs.zip.001")


def test_a_whole_archive_is_read(tmp_path):
    archive(tmp_path / "a.zip")
    with MessageFile(tmp_path / "a.zip") as messages:
        assert sum(len(chunk.table) for chunk in messages) == 2000
