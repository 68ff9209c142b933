"""What there is to do: which inputs, which outputs, and that none destroys another."""

from __future__ import annotations

import glob
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from common.data import excel_reader
from common.data.files import FLIPS, MANIFEST, REJECTS, parts
from common.data.reader import MessageFile
from common.data.reading import FIND_OUT, Reading
from common.data.remote import file_name, is_remote, matches, without_secrets
from common.errors import InputError
from common.scoring import formats

_COMPRESSED = (".gz", ".bz2", ".xz", ".zst", ".zip")


@dataclass(frozen=True)
class JobSettings:
    """How an input is read and what its output holds.

    All of it identifies a job, by these names, in manifests and drafts: under other names, what was
    scored before would be scored again.

    Attributes:
        format: of the output, one of `formats.FORMATS`.
        prefix: put before the names of the columns that are added.
        keep: the input's columns that are kept; None: all of them.
        spreadsheet_safe: quote texts that a spreadsheet would run as formulas.
        reading: what is known of the input's form.
        part: the output is one of a folder of parts; readers of the folder must skip the files
            beside it.
        with_route: add who looks at each answer.
        only: write only the rows that go this way, "auto" or "person"; None: all.
    """

    text_column: str
    format: str = "csv"
    prefix: str = ""
    with_proba: bool = False
    with_reasons: bool = False
    keep: tuple[str, ...] | None = None
    spreadsheet_safe: bool = False
    reading: Reading = FIND_OUT
    part: bool = False
    with_route: bool = False
    only: str | None = None


@dataclass(frozen=True)
class Job:
    """One input, and where its predictions go.

    Attributes:
        shown_source, shown_output: what to call the two, if they are copies of something else.
        companions: endings of what may lie beside the output, but for the manifest.
    """

    source: Path
    output: Path
    settings: JobSettings
    shown_source: str | None = None
    shown_output: str | None = None
    companions: tuple[str, ...] = (REJECTS, FLIPS)

    @property
    def source_name(self) -> str:
        return self.shown_source or str(self.source)

    @property
    def output_name(self) -> str:
        return self.shown_output or str(self.output)

    @property
    def rejects(self) -> Path:
        return self.beside(REJECTS)

    @property
    def rejects_name(self) -> str:
        return self.name_of(self.rejects)

    @property
    def flips(self) -> Path:
        return self.beside(FLIPS)

    @property
    def manifest(self) -> Path:
        return self.beside(MANIFEST)

    def name_of(self, path: Path) -> str:
        """What to call a file beside the output."""
        if self.shown_output is None:
            return str(path)
        return f"{self.shown_output.rpartition('/')[0]}/{path.name}"

    def check(self) -> None:
        """Refuse an input that can't be read or lacks a column, before slow work starts.

        Raises:
            InputError: says which.
        """
        with MessageFile(self.source, reading=self.settings.reading) as messages:
            messages.require(self.settings.text_column, "TEXT_COLUMN")
            for column in self.settings.keep or ():
                messages.require(column, "--columns")

    def beside(self, ending: str) -> Path:
        """The file beside the output whose name has this ending."""
        # Readers of folders, such as Spark, skip names that start with an underscore.
        hidden = "_" if self.settings.part else ""
        return self.output.with_name(f"{hidden}{self.output.name}{ending}")


def plan(
    inputs: Sequence[Path],
    output: Path | None,
    settings: JobSettings,
    members: Sequence[str] = (),
    format: str | None = None,
    output_is_folder: bool = False,
) -> list[Job]:
    """Make a job for each input, checked before anything slow starts.

    The default output is `<input's stem>.predictions.csv` beside the input, `.parquet` for
    Parquet. With several inputs, or a folder of them, `output` must be a folder, or the name of one
    for `make_folder` to make.

    Args:
        settings: of all jobs, but for their format and member; parts go to the folder `output`,
            which need not exist yet.
        members: of a zip archive, the files to read, each an input of its own.
        format: of the outputs, needed for parts; None: as their names end.
        output_is_folder: whatever `output` looks like.

    Raises:
        SettingsError: there is no such format.
        InputError: an input can't be read or lacks a column, or an output would overwrite an input
            or another output.
    """
    if format is not None:
        formats.require_known(format)
    sources: list[tuple[Path, str | None]] = [
        (source, member)
        for given in inputs
        for source in _files(given, output)
        for member in members or (None,)
    ]
    several = len(sources) > 1 or any(source not in inputs for source, _ in sources)
    is_folder = settings.part or output_is_folder
    folder = output if output and (is_folder or _is_folder(output, several)) else None
    if output and not folder and len(sources) > 1:
        raise InputError(f"{output} is not a folder: with several inputs, -o must name one.")
    if folder and not is_remote(folder) and folder.is_file():
        raise InputError(f"{folder} is a file, not a folder: name another one with -o.")
    jobs = []
    for number, (source, member) in enumerate(sources):
        if settings.part:
            name = f"part-{number:05}.{format}"
        else:
            name = default_name(source, member, format)
        if not output and is_remote(source):
            raise InputError(f"{without_secrets(source)}: name the output with -o.")
        target = folder / name if folder else output or source.with_name(name)
        reading = replace(settings.reading, member=member)
        chosen = replace(settings, format=_format(target, format), reading=reading)
        jobs.append(Job(source, target, chosen))
        if not is_remote(source):
            jobs[-1].check()
    _refuse_collisions(jobs)
    return jobs


def _files(given: Path, output: Path | None) -> list[Path]:
    """Return the input itself, what a pattern matches, or the files of a folder.

    Hidden files and markers such as `_SUCCESS` are left out.
    """
    if is_remote(given):
        return _not_empty(given, matches(given))
    if not given.exists() and glob.has_magic(str(given)):
        start = Path(given.anchor)
        return _not_empty(given, sorted(start.glob(str(given.relative_to(start)))))
    if not given.is_dir():
        return [given]
    if output is None or (not is_remote(output) and output.resolve() == given.resolve()):
        raise InputError(
            f"{given} is a folder: name another one for the output with -o, so that predictions "
            "are not taken for input the next time."
        )
    return _not_empty(given, parts(given))


def _not_empty(given: Path, found: list[Path]) -> list[Path]:
    if not found:
        raise InputError(f"{given}: there is no file to read.")
    return found


def _is_folder(output: Path, several: bool) -> bool:
    known = output.suffix.lower() in (*formats.ENDINGS, *_COMPRESSED)
    if is_remote(output):  # an object store has no folders: a name without a known ending means one
        return not known
    return output.is_dir() or (several and not known and not output.exists())


def make_folder(jobs: Sequence[Job], output: Path) -> None:
    """Make the folder that jobs write to, if they write to one and it isn't there.

    Args:
        output: as it was given to `plan`.

    Raises:
        InputError: it can't be made.
    """
    if is_remote(output) or not all(job.output.parent == output for job in jobs):
        return
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{output} can't be made: {error.strerror}.") from error


def _format(target: Path, given: str | None) -> str:
    ending = target.suffix.lower()
    if ending in _COMPRESSED:
        raise InputError(
            f"{target} would not be compressed: name a file that ends with one of "
            f"{', '.join(formats.ENDINGS)}, and compress it afterwards."
        )
    if ending in excel_reader.ENDINGS:
        raise InputError(
            f"{target} would not be an Excel file: name a .csv, which Excel opens "
            "(--spreadsheet-safe makes it safe to)."
        )
    if given and formats.ENDINGS.get(ending, given) != given:
        raise InputError(f"{target} would hold {given}: let its name end with .{given}.")
    return given or formats.ENDINGS.get(ending, formats.Csv.name)


def _refuse_collisions(jobs: Sequence[Job]) -> None:
    try:
        sources = {_place(job.source) for job in jobs}
        paths = [
            path
            for job in jobs
            for path in (job.output, job.manifest, *map(job.beside, job.companions))
        ]
        times = Counter(map(_place, paths))
        for path in paths:
            if times[_place(path)] > 1:
                raise InputError(f"{path} would be written for two inputs: score them apart.")
            if _place(path) in sources:
                raise InputError(f"{path} is also an input, which is never changed: set -o.")
            if not is_remote(path) and path.is_dir():
                raise InputError(f"{path} is a folder, but a file of this name would be written.")
    except (OSError, RuntimeError) as error:  # a name that is too long, links in a circle
        raise InputError(f"the output can't be written: {error}.") from error


def _place(path: Path) -> str:
    """Return the same text for each way to write a path."""
    return str(path if is_remote(path) else path.resolve())


def default_name(source: Path, member: str | None = None, format: str | None = None) -> str:
    """Name the output of an input.

    >>> default_name(Path("in/day.csv.gz")), default_name(Path("day.parquet"))
    ('day.predictions.csv', 'day.predictions.parquet')
    >>> default_name(Path("week.zip"), "days/monday.csv", "jsonl")
    'week.monday.predictions.jsonl'
    """
    name = Path(file_name(source))
    usual = formats.Parquet if name.suffix.lower() in formats.Parquet.endings else formats.Csv
    ending = format or usual.name
    stems = [_stem(name)] + ([_stem(Path(member))] if member else [])
    return f"{'.'.join(stems)}.predictions.{ending}"


def _stem(path: Path) -> str:
    for endings in (_COMPRESSED, (*formats.ENDINGS, *excel_reader.ENDINGS)):
        path = path.with_suffix("") if path.suffix.lower() in endings else path
    return path.name
