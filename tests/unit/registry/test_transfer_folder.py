"""An export is refused if anything in it is not what was written."""

import json
import shutil
import subprocess

import pytest

from common.errors import InputError
from common.registry.transfer import folder as layout
from common.registry.transfer.records import (
    ExportRecord,
    Point,
    RegistryRecord,
    RunRecord,
    made_at,
)


def a_run(**other):
    given = {
        "run_id": "0" * 32,
        "experiment": "triage",
        "name": "train",
        "status": "FINISHED",
        "start_time": 1,
        "end_time": 2,
        "deleted": False,
        "tags": {"a": "1"},
        "params": {},
        "metrics": (Point("accuracy", 0.1 + 0.2, 3, 0),),
        "datasets": (),
        "inputs": (),
        "outputs": (),
        "files": {"deep/page.html": 4},
    }
    return RunRecord(**given | other)


@pytest.fixture
def export(tmp_path):
    """A whole export with one run."""
    registry = RegistryRecord("triage", 1, "", {}, {}, 0, ())
    whole = ExportRecord(1, "id", "1.0", "2026-01-01", registry, {"triage": {}})
    folder = tmp_path / "export"
    folder.mkdir()
    layout.write(folder / layout.EXPORT, whole)

    def fetch(target):
        (target / "deep").mkdir(parents=True)
        (target / "deep" / "page.html").write_bytes(b"page")

    layout.place(folder / "runs" / ("0" * 32) / layout.RUN, a_run(), fetch)
    layout.seal(folder)
    return folder


@pytest.fixture
def page(export):
    return export / "runs" / ("0" * 32) / "artifacts" / "deep" / "page.html"


def refusal(export):
    with pytest.raises(InputError) as caught:
        layout.refuse_damage(export)
    return str(caught.value)


def test_what_was_written_is_read_again(export):
    layout.refuse_damage(export)
    assert layout.runs(export) == [a_run()]


def test_the_digests_are_those_of_sha256sum(export):
    subprocess.run(["sha256sum", "--check", "--strict", "SHA256SUMS"], cwd=export, check=True)


@pytest.mark.parametrize("value", [0.1 + 0.2, float("nan"), float("inf"), 5e-324, -0.0])
def test_numbers_are_read_again_to_the_last_bit(value, tmp_path):
    layout.write(tmp_path / "run.json", a_run(metrics=(Point("m", value, 1, 2),)))
    json.loads((tmp_path / "run.json").read_text(), parse_constant=pytest.fail)  # strict JSON
    (point,) = layout.read(tmp_path / "run.json", RunRecord).metrics
    assert repr(point.value) == repr(value)


def test_a_changed_byte_is_found_and_its_file_named(export, page):
    page.write_bytes(b"Page")
    assert f"{page} is damaged" in refusal(export)


@pytest.mark.parametrize("name", ["export.json", f"runs/{'0' * 32}/run.json"])
def test_a_changed_record_is_found_and_its_file_named(export, name):
    path = export / name
    path.write_text(path.read_text().replace("triage", "triagE"))
    assert f"{path} is damaged" in refusal(export)


def test_a_missing_file_is_named(export, page):
    page.unlink()
    assert f"{page} is missing" in refusal(export)


def test_an_added_file_is_named(export, page):
    page.with_name("added.html").touch()
    assert "added.html does not belong to it" in refusal(export)


def test_damaged_digests_are_named_with_their_line(export):
    sums = export / "SHA256SUMS"
    sums.write_text(sums.read_text() + "cut off")
    assert f"{sums} is damaged in line 4" in refusal(export)


def test_an_unfinished_export_is_refused(export):
    (export / "SHA256SUMS").unlink()
    assert "is not finished: run the same export again" in refusal(export)


def test_a_folder_of_something_else_is_refused(tmp_path):
    assert "holds no export" in refusal(tmp_path)
    assert "does not exist" in refusal(tmp_path / "none")
    (tmp_path / "file").touch()
    assert "is not a folder" in refusal(tmp_path / "file")


def test_another_format_is_refused(export):
    path = export / "export.json"
    path.write_text(path.read_text().replace('"format": 1', '"format": 2'))
    with pytest.raises(InputError, match="not of format 1"):
        layout.read(path, ExportRecord)


def test_a_record_of_another_shape_is_refused_with_the_place(tmp_path):
    path = tmp_path / "run.json"
    layout.write(path, a_run())
    path.write_text(path.read_text().replace('"start_time": 1', '"start_time": "soon"'))
    with pytest.raises(InputError, match=r"run\.json is damaged: see start_time"):
        layout.read(path, RunRecord)


def test_an_id_that_leads_elsewhere_is_refused(export):
    layout.write(export / "runs" / ("0" * 32) / "run.json", a_run(run_id="../../outside"))
    with pytest.raises(InputError, match="of another object"):
        layout.runs(export)


def test_one_process_at_a_time_works_on_an_export(export):
    with (
        layout.alone(export),
        pytest.raises(InputError, match="another process"),
        layout.alone(export),
    ):
        pass
    with layout.alone(export):  # the first one has ended
        pass


def test_a_name_that_no_list_can_hold_is_refused(export, page):
    page.rename(page.with_name("two\nlines"))
    with pytest.raises(InputError, match="can't be exported"):
        layout.seal(export)


def test_only_what_is_asked_for_is_kept(export):
    (export / "runs" / ".half.part").mkdir()
    shutil.copytree(export / "runs" / ("0" * 32), export / "runs" / "gone")
    layout.keep(export / "runs", {"0" * 32})
    assert [path.name for path in (export / "runs").iterdir()] == ["0" * 32]


def test_times_have_their_milliseconds():
    assert made_at(1795982442324) == "2026-11-29T20:00:42.324+00:00"
