import zipfile
from pathlib import Path

import pytest

from common.data.reading import Reading
from common.errors import InputError
from common.scoring import jobs

TEXT = "text\nhello\n"


def planned(inputs, output=None, **how):
    return [(job.source, job.output) for job in jobs.plan(inputs, output, "text", **how)]


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
    with pytest.raises(InputError, match="there is no file to score"):
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
    (job,) = jobs.plan([messages / "a.csv"], messages.parent / name, "text", format=given)
    assert job.format == found


def test_a_name_that_ends_with_another_format_is_refused(messages, tmp_path):
    with pytest.raises(InputError, match=r"let the name end with \.parquet"):
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
    found = jobs.plan([path], tmp_path, "text", members=members)
    assert [job.reading.member for job in found] == members
    assert [job.output.name for job in found] == [
        "week.monday.predictions.csv",
        "week.tuesday.predictions.csv",
    ]


def test_parts_are_numbered_and_what_lies_beside_them_is_hidden(messages, tmp_path):
    folder = tmp_path / "not-there-yet"
    found = jobs.plan([messages], folder, "text", part=True, format="parquet")
    assert [job.output.name for job in found] == ["part-00000.parquet", "part-00001.parquet"]
    assert {job.manifest.name[0] + job.rejects.name[0] for job in found} == {"__"}


def test_the_form_of_the_input_is_part_of_the_job(messages):
    reading = Reading(delimiter=";")
    (job,) = jobs.plan([messages / "a.csv"], None, "text", reading=reading)
    assert job.reading == reading
