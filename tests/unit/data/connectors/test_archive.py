import zipfile

import pandas as pd
import pytest
from helpers import largest_file
from sources import fetched, zip_split

from common.data import compression
from common.data.connectors import landing
from common.errors import InputError
from common.pipelines.fetch import FetchRequest, run

CSV = "id,text\n" + "".join(
    f"{k},where is order {k * 2654435761 % 2**32:x}?\n" for k in range(9000)
)


def archive(path, **files):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in (files or {"twcs.csv": CSV}).items():
            made.writestr(name, content)
    return path


def ids(folder):
    return [row["id"] for row in fetched(folder)]


def test_rows_arrive_once_however_often_they_are_fetched(tmp_path):
    request = FetchRequest(archive(tmp_path / "archive.zip"), tmp_path / "raw")
    first, second = run(request), run(request)
    assert (first.rows, first.parts) == (9000, ["part-00000.parquet"])
    assert (second.rows, second.parts, second.rows_in_all) == (0, [], 9000)
    assert ids(tmp_path / "raw") == [str(k) for k in range(9000)]


def test_an_archive_in_parts_is_the_same_source_as_the_whole_one(tmp_path):
    (tmp_path / "twcs.csv").write_text(CSV)
    split = zip_split(tmp_path, "64k", "twcs.csv")
    assert (tmp_path / "twcs.z01").exists()
    assert run(FetchRequest(split, tmp_path / "raw")).rows == 9000
    whole = archive(tmp_path / "whole.zip")
    assert run(FetchRequest(whole, tmp_path / "raw")).rows == 0


def test_rows_that_cannot_be_read_are_set_aside_with_their_part(tmp_path, monkeypatch):
    monkeypatch.setattr(landing, "PART_ROWS", 1)
    content = "id,text\n1,a\n2\n3,call +44 20 7946 0958\n4,b,@ann\n"
    request = FetchRequest(archive(tmp_path / "a.zip", **{"a.csv": content}), tmp_path / "raw")
    masked = FetchRequest(request.source, tmp_path / "masked", mask=True)
    assert (run(request).rows, run(masked).rejects) == (2, 2)
    assert len(pd.read_parquet(tmp_path / "raw")) == 2
    rejects = (tmp_path / "raw" / "_part-00000.parquet.rejects.csv").read_text().splitlines()
    assert rejects[0] == "line,reason,raw"
    assert rejects[2].startswith("5,") and rejects[2].endswith('"4,b,@ann"')
    assert "@ann" not in (tmp_path / "masked" / "_part-00000.parquet.rejects.csv").read_text()
    assert fetched(tmp_path / "masked")[1]["text"] == "call [phone]"


def test_another_file_does_not_go_into_the_same_folder(tmp_path):
    run(FetchRequest(archive(tmp_path / "a.zip"), tmp_path / "raw"))
    other = archive(tmp_path / "b.zip", **{"twcs.csv": CSV + "x,y\n"})
    with pytest.raises(
        InputError, match=r"raw holds rows of twcs.csv \(CRC .*, not of twcs.csv \("
    ):
        run(FetchRequest(other, tmp_path / "raw"))


def test_of_several_files_one_is_chosen(tmp_path):
    path = archive(tmp_path / "a.zip", **{"twcs/twcs.csv": CSV, "sample.csv": "id,text\n1,a\n"})
    with pytest.raises(InputError, match=r"2 files .'twcs/twcs.csv', 'sample.csv'.: choose with"):
        run(FetchRequest(path, tmp_path / "raw"))
    assert run(FetchRequest(path, tmp_path / "raw", member="sample.csv")).rows == 1


def test_an_encrypted_archive_is_refused(tmp_path):
    (tmp_path / "twcs.csv").write_text(CSV)
    path = zip_split(tmp_path, "64k", "twcs.csv", flags=("-P", "secret"))
    with pytest.raises(InputError, match=r"twcs.csv in .* is encrypted: unpack it"):
        run(FetchRequest(path, tmp_path / "raw"))


@pytest.mark.parametrize("split", [False, True])
def test_damage_is_noticed_before_a_row_is_kept(tmp_path, split):
    (tmp_path / "twcs.csv").write_text(CSV)
    path = zip_split(tmp_path, "64k" if split else "10m", "twcs.csv", flags=("-0",))
    damaged = tmp_path / "twcs.z02" if split else path
    content = bytearray(damaged.read_bytes())
    content[30_000] ^= 1
    damaged.write_bytes(content)
    said = "the parts of .* do not fit together" if split else "is damaged or cut short .Bad CRC"
    with pytest.raises(InputError, match=said):
        run(FetchRequest(path, tmp_path / "raw"))
    assert not list((tmp_path / "raw").glob("*.parquet"))


def test_swapped_parts_are_said_to_be_so(tmp_path):
    (tmp_path / "twcs.csv").write_text(CSV)
    path = zip_split(tmp_path, "64k", "twcs.csv", flags=("-0",))
    one, two = (tmp_path / f"twcs.z0{number}" for number in (2, 3))
    first, second = one.read_bytes(), two.read_bytes()
    one.write_bytes(second)
    two.write_bytes(first)
    with pytest.raises(InputError, match="or under the name of another part"):
        run(FetchRequest(path, tmp_path / "raw"))


def test_a_bomb_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(compression, "UNCHECKED_BYTES", 1000)
    path = archive(tmp_path / "a.zip", **{"a.csv": "id,text\n" + "1,a\n" * 1_000_000})
    with pytest.raises(InputError, match="swells to more than 200 times"):
        run(FetchRequest(path, tmp_path / "raw"))
    assert not list((tmp_path / "raw").glob("*.parquet"))


def test_a_full_disk_is_one_line_and_the_next_run_goes_on(tmp_path):
    request = FetchRequest(archive(tmp_path / "a.zip"), tmp_path / "raw")
    with largest_file(20_000), pytest.raises(InputError, match=r"cannot write .*part-00000"):
        run(request)
    assert not list((tmp_path / "raw").glob("*.parquet"))
    assert run(request).rows == 9000
    assert len(set(ids(tmp_path / "raw"))) == 9000


def test_a_part_leads_to_the_archive(tmp_path):
    with pytest.raises(InputError, match=r"twcs.z01 is one part of an archive: name .*twcs.zip"):
        run(FetchRequest(tmp_path / "twcs.z01", tmp_path / "raw"))
