"""What predict.py has to do: which inputs, which outputs, and that none destroys another."""

from __future__ import annotations

import glob
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from common.data.files import MANIFEST, REJECTS, parts
from common.data.reader import MessageFile
from common.data.reading import FIND_OUT, Reading
from common.data.remote import file_name, is_remote, matches, shown
from common.errors import InputError

_COMPRESSED = (".gz", ".bz2", ".xz", ".zst", ".zip")
_FORMATS = {
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".parquet": "parquet",
}
FORMATS = tuple(dict.fromkeys(_FORMATS.values()))


@dataclass(frozen=True)
class Job:
    """One input, where its predictions go, and which columns are added.

    Attributes:
        format: of the output: csv, jsonl or parquet.
        keep: the input's columns that are kept; None for all of them.
        spreadsheet_safe: texts that a spreadsheet would run as formulas are quoted.
        reading: what is known of the input's form.
        part: one of a folder of parts; what lies beside it is not to be taken for one.
        shown_source, shown_output: addresses that the two are local copies of.
    """

    source: Path
    output: Path
    text_column: str
    format: str = "csv"
    prefix: str = ""
    with_proba: bool = False
    with_reasons: bool = False
    keep: tuple[str, ...] | None = None
    spreadsheet_safe: bool = False
    reading: Reading = FIND_OUT
    part: bool = False
    shown_source: str | None = None
    shown_output: str | None = None

    @property
    def rejects(self) -> Path:
        return self._beside(REJECTS)

    @property
    def manifest(self) -> Path:
        return self._beside(MANIFEST)

    @property
    def shown_rejects(self) -> str:
        if self.shown_output is None:
            return str(self.rejects)
        return f"{self.shown_output.rpartition('/')[0]}/{self.rejects.name}"

    @property
    def copies_rows(self) -> bool:
        """Whether rows of CSV are copied as they stand, rather than written anew."""
        return self.keep is None and not self.spreadsheet_safe

    def added_columns(self, classes: Sequence[str]) -> list[tuple[str, pa.DataType]]:
        """Names and types of what is added, in order."""
        columns = [
            ("prediction", pa.string()),
            ("confidence", pa.float64()),
            ("model_version", pa.int64()),
        ]
        if self.with_proba:
            columns += [(f"proba_{name}", pa.float64()) for name in classes]
        if self.with_reasons:
            columns.append(("because", pa.string()))
        return [(self.prefix + name, kind) for name, kind in columns]

    def check(self) -> None:
        """Refuse an input that can't be read or lacks a column, before slow work starts.

        Raises:
            InputError: says which.
        """
        with MessageFile(self.source, reading=self.reading) as messages:
            messages.require(self.text_column, "TEXT_COLUMN")
            for column in self.keep or ():
                messages.require(column, "--columns")

    def _beside(self, ending: str) -> Path:
        # Readers of folders, as Spark, skip names that start so.
        return self.output.with_name(f"{'_' * self.part}{self.output.name}{ending}")


def plan(
    inputs: Sequence[Path],
    output: Path | None,
    text_column: str,
    members: Sequence[str] = (),
    format: str | None = None,
    part: bool = False,
    reading: Reading = FIND_OUT,
    **how: Any,
) -> list[Job]:
    """One job for each input, checked before anything slow starts.

    The default output is `<input's stem>.predictions.csv` beside the input, `.parquet` for
    Parquet. With several inputs, or a folder of them, `output` must be a folder.

    Args:
        members: of a zip archive, the files to read, each an input of its own.
        format: of the outputs; None: as their names end.
        part: the outputs are numbered parts of the folder `output`, which need not be there yet.
        how: of `Job`.

    Raises:
        InputError: an input that can't be read or lacks a column, or an output that would
            overwrite an input or another output.
    """
    sources: list[tuple[Path, str | None]] = [
        (source, member)
        for given in inputs
        for source in _files(given, output)
        for member in members or (None,)
    ]
    folder = output if output and (part or _is_folder(output)) else None
    if output and not folder and len(sources) > 1:
        raise InputError(f"{output} is no folder: with several inputs, -o must name one.")
    jobs = []
    for number, (source, member) in enumerate(sources):
        if part:
            name = f"part-{number:05}.{format}"
        else:
            name = default_name(source, member, format)
        if not output and is_remote(source):
            raise InputError(f"{shown(source)}: name the output with -o.")
        target = folder / name if folder else output or source.with_name(name)
        job = Job(
            source,
            target,
            text_column,
            _format(target, format),
            reading=replace(reading, member=member),
            part=part,
            **how,
        )
        if not is_remote(source):
            job.check()
        jobs.append(job)
    try:
        _refuse_collisions(jobs)
    except (OSError, RuntimeError) as error:  # names that are too long, links in a circle
        raise InputError(f"the output can't be written: {error}.") from error
    return jobs


def _files(given: Path, output: Path | None) -> list[Path]:
    """The input itself; what a pattern matches; of a folder, its files without those that are
    hidden or marks of others (`_SUCCESS`)."""
    if is_remote(given):
        return _not_empty(given, matches(given))
    if not given.exists() and glob.has_magic(str(given)):
        start = Path(given.anchor)
        return _not_empty(given, sorted(start.glob(str(given.relative_to(start)))))
    if not given.is_dir():
        return [given]
    if output is None or (not is_remote(output) and output.resolve() == given.resolve()):
        raise InputError(
            f"{given} is a folder: name another one for the output with -o, so that what was "
            "scored is not taken for input the next time."
        )
    return _not_empty(given, parts(given))


def _not_empty(given: Path, found: list[Path]) -> list[Path]:
    if not found:
        raise InputError(f"{given}: there is no file to score.")
    return found


def _is_folder(output: Path) -> bool:
    # An object store has no folders: there, a name without a known ending is one.
    known = output.suffix.lower() in (*_FORMATS, *_COMPRESSED)
    return not known if is_remote(output) else output.is_dir()


def _format(target: Path, given: str | None) -> str:
    ending = target.suffix.lower()
    if ending in _COMPRESSED:
        raise InputError(
            f"{target} would not be compressed: name a file that ends with .csv, .jsonl or "
            ".parquet, and compress it afterwards."
        )
    if given and _FORMATS.get(ending, given) != given:
        raise InputError(f"{target} would hold {given}: let the name end with .{given}.")
    return given or _FORMATS.get(ending, "csv")


def _refuse_collisions(jobs: Sequence[Job]) -> None:
    sources = {_place(job.source) for job in jobs}
    paths = [path for job in jobs for path in (job.output, job.rejects, job.manifest)]
    times = Counter(map(_place, paths))
    for path in paths:
        if times[_place(path)] > 1:
            raise InputError(f"{path} would be written for two inputs: score them apart.")
        if _place(path) in sources:
            raise InputError(f"{path} is also an input, which is never changed: set -o.")
        if not is_remote(path) and path.is_dir():
            raise InputError(f"{path} is a folder, but a file of this name would be written.")


def _place(path: Path) -> str:
    """The same for each way to write it."""
    return str(path if is_remote(path) else path.resolve())


def default_name(source: Path, member: str | None = None, format: str | None = None) -> str:
    """The output's name for an input.

    >>> default_name(Path("in/day.csv.gz")), default_name(Path("day.parquet"))
    ('day.predictions.csv', 'day.predictions.parquet')
    >>> default_name(Path("week.zip"), "days/monday.csv", "jsonl")
    'week.monday.predictions.jsonl'
    """
    name = Path(file_name(source))
    ending = format or ("parquet" if name.suffix.lower() == ".parquet" else "csv")
    stems = [_stem(name)] + ([_stem(Path(member))] if member else [])
    return f"{'.'.join(stems)}.predictions.{ending}"


def _stem(path: Path) -> str:
    for endings in (_COMPRESSED, _FORMATS):
        path = path.with_suffix("") if path.suffix.lower() in endings else path
    return path.name
