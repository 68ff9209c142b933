import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from scoring_helpers import write

from common.data.reading import Reading
from common.errors import InputError, MissingColumn, SettingsError
from common.scoring import jobs
from common.scoring.jobs import JobSettings

TEXT = "text\nhello\n"


SETTINGS = JobSettings("text")


def planned(inputs, output=None, **how):
    return [(job.source, job.output) for job in jobs.plan(inputs, output, SETTINGS, **how)]


@pytest.fixture
def messages(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    for name in ("b.csv", "a.csv", "_SUCCESS"):
        (folder / name).write_text(TEXT)
    return folder


@pytest.mark.parametrize("pattern", ["*.csv", "[ab].*", "**/*.csv"])
def test_a_pattern_that_no_shell_has_expanded_is_expanded(messages, tmp_path, pattern):
    found = planned([messages / pattern], tmp_path)
    assert [source.name for source, _ in found] == ["a.csv", "b.csv"]


def test_a_relative_pattern_starts_here(messages, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert len(planned([Path("in/*.csv")], tmp_path)) == 2


def test_a_pattern_that_matches_nothing_is_one_line(messages, tmp_path):
    with pytest.raises(InputError, match="there is no file to read"):
        planned([messages / "*.parquet"], tmp_path)


@pytest.mark.parametrize(
    ("name", "given", "found"),
    [
        ("x.csv", None, "csv"),
        ("x.parquet", None, "parquet"),
        ("x.JSONL", None, "jsonl"),
        ("x", None, "csv"),
        ("x", "parquet", "parquet"),
        ("x.v2", "jsonl", "jsonl"),
        ("x.tsv", "csv", "csv"),
    ],
)
def test_the_format_is_what_the_name_ends_with_or_what_is_given(messages, name, given, found):
    (job,) = jobs.plan([messages / "a.csv"], messages.parent / name, SETTINGS, format=given)
    assert job.settings.format == found


def test_a_name_that_ends_with_another_format_is_refused(messages, tmp_path):
    with pytest.raises(InputError, match=r"let its name end with \.parquet"):
        planned([messages / "a.csv"], tmp_path / "x.csv", format="parquet")


def test_a_format_names_the_output_that_is_not_named(messages):
    ((_, output),) = planned([messages / "a.csv"], format="jsonl")
    assert output == messages / "a.predictions.jsonl"


def test_each_member_of_an_archive_is_an_input(tmp_path):
    path = tmp_path / "week.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("days/monday.csv", "days/tuesday.csv"):
            archive.writestr(name, TEXT)
    members = ["days/monday.csv", "days/tuesday.csv"]
    found = jobs.plan([path], tmp_path, SETTINGS, members=members)
    assert [job.settings.reading.member for job in found] == members
    assert [job.output.name for job in found] == [
        "week.monday.predictions.csv",
        "week.tuesday.predictions.csv",
    ]


def test_parts_are_numbered_and_what_lies_beside_them_is_hidden(messages, tmp_path):
    folder = tmp_path / "not-there-yet"
    found = jobs.plan([messages], folder, replace(SETTINGS, part=True), format="parquet")
    assert [job.output.name for job in found] == ["part-00000.parquet", "part-00001.parquet"]
    assert {job.manifest.name[0] + job.rejects.name[0] for job in found} == {"__"}


def test_the_form_of_the_input_is_part_of_the_job(messages):
    reading = Reading(delimiter=";")
    (job,) = jobs.plan([messages / "a.csv"], None, JobSettings("text", reading=reading))
    assert job.settings.reading == reading


@pytest.mark.parametrize("name", ["a.csv", "link.csv"])
def test_an_input_is_never_an_output(tmp_path, name):
    source = write(tmp_path / "a.csv", "1,hello,")
    (tmp_path / "link.csv").symlink_to(source)
    with pytest.raises(InputError, match="never changed"):
        jobs.plan([source], tmp_path / name, SETTINGS)


def test_two_inputs_never_share_an_output(tmp_path):
    sources = []
    for day in ("monday", "tuesday"):
        (tmp_path / day).mkdir()
        sources.append(write(tmp_path / day / "a.csv", "1,hello,"))
    with pytest.raises(InputError, match="for two inputs"):
        jobs.plan(sources, tmp_path, SETTINGS)
    with pytest.raises(InputError, match="not a folder"):
        jobs.plan(sources, tmp_path / "out.csv", SETTINGS)


@pytest.mark.parametrize("name", ["scored", "deep/scored", "scored.d"])
def test_a_folder_for_several_inputs_is_made(messages, tmp_path, name):
    output = tmp_path / name
    planned = jobs.plan([messages / "a.csv", messages / "b.csv"], output, SETTINGS)
    assert not output.exists()
    jobs.make_folder(planned, output)
    assert output.is_dir()
    assert {job.output.parent for job in planned} == {output}


def test_a_folder_of_one_input_has_an_output_folder_too(messages, tmp_path):
    (messages / "a.csv").unlink()
    (job,) = jobs.plan([messages], tmp_path / "scored", SETTINGS)
    assert job.output.parent == tmp_path / "scored"


def test_one_input_goes_to_a_file_unless_a_folder_is_meant(messages, tmp_path):
    source, output = messages / "a.csv", tmp_path / "scored"
    (job,) = jobs.plan([source], output, SETTINGS)
    jobs.make_folder([job], output)
    assert job.output == output and not output.exists()
    (job,) = jobs.plan([source], output, SETTINGS, output_is_folder=True)
    jobs.make_folder([job], output)
    assert job.output == output / "a.predictions.csv" and output.is_dir()


def test_a_file_is_no_folder_and_one_that_can_not_be_made_is_named(messages, tmp_path):
    (tmp_path / "file").write_text("")
    source = messages / "a.csv"
    with pytest.raises(InputError, match="is a file, not a folder"):
        jobs.plan([source], tmp_path / "file", SETTINGS, output_is_folder=True)
    below = tmp_path / "file" / "scored"
    planned = jobs.plan([source], below, SETTINGS, output_is_folder=True)
    with pytest.raises(InputError, match="can't be made: Not a directory"):
        jobs.make_folder(planned, below)


def test_an_excel_file_can_not_be_written(messages, tmp_path):
    with pytest.raises(InputError, match=r"name a \.csv, which Excel opens"):
        jobs.plan([messages / "a.csv"], tmp_path / "out.xlsx", SETTINGS)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("day.csv", "day.predictions.csv"),
        ("day.xlsx", "day.predictions.csv"),
        ("day.csv.gz", "day.predictions.csv"),
        ("day.jsonl.zst", "day.predictions.csv"),
        ("day.parquet", "day.predictions.parquet"),
        ("day.2024.tsv", "day.2024.predictions.csv"),
        ("day", "day.predictions.csv"),
    ],
)
def test_the_default_output_is_named_after_the_input(tmp_path, name, expected):
    assert jobs.default_name(tmp_path / name) == expected


@pytest.mark.parametrize("ending", [".rejects.csv", ".manifest.json", ".flips.csv"])
def test_an_input_is_none_of_the_files_beside_the_output(tmp_path, ending):
    source = tmp_path / f"out.csv{ending}"
    source.write_text("id,text\n" if ending.endswith("csv") else '{"text": "hello"}\n')
    with pytest.raises(InputError, match="never changed"):
        jobs.plan([source], tmp_path / "out.csv", SETTINGS)


def test_an_input_named_twice_is_refused(tmp_path):
    source = write(tmp_path / "a.csv", "1,hello,")
    with pytest.raises(InputError, match="for two inputs"):
        jobs.plan([source, source], None, SETTINGS)


def test_several_inputs_go_to_a_folder(tmp_path):
    (tmp_path / "out").mkdir()
    sources = [write(tmp_path / name, "1,hello,") for name in ("a.csv", "b.csv")]
    planned = jobs.plan(sources, tmp_path / "out", SETTINGS)
    assert [job.output for job in planned] == [
        tmp_path / "out" / "a.predictions.csv",
        tmp_path / "out" / "b.predictions.csv",
    ]


def test_a_plan_refuses_what_lacks_the_text_column(tmp_path):
    good = write(tmp_path / "a.csv", "1,hello,")
    bad = write(tmp_path / "b.csv", header="id,txt\n")
    with pytest.raises(MissingColumn, match="TEXT_COLUMN"):
        jobs.plan([good, bad], None, SETTINGS)


def test_a_manifest_never_replaces_an_input(tmp_path):
    source = tmp_path / "day.csv.manifest.json"
    source.write_text('{"text": "precious"}\n')
    with pytest.raises(InputError, match="never changed"):
        jobs.plan([source], tmp_path / "day.csv", SETTINGS)


def test_a_folder_where_a_file_would_go_is_named_before_work_starts(tmp_path):
    source = write(tmp_path / "a.csv", "1,hello,")
    (tmp_path / "a.predictions.csv.manifest.json").mkdir()
    with pytest.raises(InputError, match="is a folder"):
        jobs.plan([source], None, SETTINGS)


def test_an_output_that_is_a_circle_of_links_is_one_line(tmp_path):
    source = write(tmp_path / "a.csv", "1,hello,")
    (tmp_path / "circle.csv").symlink_to(tmp_path / "circle.csv")
    with pytest.raises(InputError, match="can't be written"):
        jobs.plan([source], tmp_path / "circle.csv", SETTINGS)


@pytest.mark.parametrize("ending", [".csv.gz", ".zip", ".jsonl.zst"])
def test_an_output_that_would_not_be_compressed_is_refused(tmp_path, ending):
    source = write(tmp_path / "a.csv", "1,hello,")
    with pytest.raises(InputError, match="would not be compressed"):
        jobs.plan([source], tmp_path / f"b{ending}", SETTINGS)


def test_a_folder_gives_a_job_for_each_of_its_files(tmp_path):
    days, out = tmp_path / "days", tmp_path / "out"
    for folder in (days, out, days / "deeper"):
        folder.mkdir()
    for name in ("b.csv", "a.csv", ".hidden.csv", "_SUCCESS"):
        write(days / name, "1,hello,")
    planned = jobs.plan([days], out, SETTINGS)
    assert [job.source.name for job in planned] == ["a.csv", "b.csv"]
    assert [job.output.parent for job in planned] == [out, out]
    for output in (None, days):
        with pytest.raises(InputError, match="name another one for the output"):
            jobs.plan([days], output, SETTINGS)
    with pytest.raises(InputError, match="without files"):
        jobs.plan([days / "deeper"], out, SETTINGS)


def test_a_format_that_is_not_known_is_one_line(messages):
    with pytest.raises(SettingsError, match="one of csv, jsonl, parquet, not 'xml'"):
        planned([messages / "a.csv"], format="xml")
