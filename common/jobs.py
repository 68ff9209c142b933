"""What predict.py has to do: which inputs, which outputs, and that none destroys another."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from common.data import MessageFile
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


@dataclass(frozen=True)
class Job:
    """One input, where its predictions go, and which columns are added.

    Attributes:
        keep: the input's columns that are kept; None for all of them.
        spreadsheet_safe: texts that a spreadsheet would run as formulas are quoted.
    """

    source: Path
    output: Path
    text_column: str
    prefix: str = ""
    with_proba: bool = False
    with_reasons: bool = False
    keep: tuple[str, ...] | None = None
    spreadsheet_safe: bool = False

    @property
    def rejects(self) -> Path:
        return self.output.with_name(self.output.name + ".rejects.csv")

    @property
    def format(self) -> str:
        """csv, jsonl or parquet, by the output's ending; csv where that says nothing."""
        return _FORMATS.get(self.output.suffix.lower(), "csv")

    @property
    def copies_rows(self) -> bool:
        """Whether rows of CSV are copied as they stand, rather than written anew."""
        return self.keep is None and not self.spreadsheet_safe

    @property
    def manifest(self) -> Path:
        return self.output.with_name(self.output.name + ".manifest.json")

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


def plan(
    inputs: Sequence[Path],
    output: Path | None,
    text_column: str,
    prefix: str = "",
    with_proba: bool = False,
    with_reasons: bool = False,
    keep: Sequence[str] | None = None,
    spreadsheet_safe: bool = False,
) -> list[Job]:
    """One job for each input, checked before anything slow starts.

    The default output is `<input's stem>.predictions.csv` beside the input, `.parquet` for
    Parquet. With several inputs, or a folder of them, `output` must be a folder.

    Raises:
        InputError: an input that can't be read or lacks the text column, or an output that would
            overwrite an input or another output.
    """
    sources = [source for given in inputs for source in _files(given, output)]
    if output and not output.is_dir() and len(sources) > 1:
        raise InputError(f"{output} is no folder: with several inputs, -o must name one.")
    jobs = []
    for source in sources:
        with MessageFile(source) as messages:
            messages.require(text_column, "TEXT_COLUMN")
            for column in keep or ():
                messages.require(column, "--columns")
        name = default_name(source)
        target = output / name if output and output.is_dir() else output
        target = target or source.with_name(name)
        if target.suffix.lower() in _COMPRESSED:
            raise InputError(
                f"{target} would not be compressed: name a file that ends with .csv, .jsonl or "
                ".parquet, and compress it afterwards."
            )
        kept = None if keep is None else tuple(dict.fromkeys(keep))
        jobs.append(
            Job(
                source,
                target,
                text_column,
                prefix,
                with_proba,
                with_reasons,
                kept,
                spreadsheet_safe,
            )
        )
    try:
        _refuse_collisions(jobs)
    except (OSError, RuntimeError) as error:  # names that are too long, links in a circle
        raise InputError(f"the output can't be written: {error}.") from error
    return jobs


def _files(given: Path, output: Path | None) -> list[Path]:
    """The input itself; of a folder, its files without those that are hidden or marks of others
    (`_SUCCESS`)."""
    if not given.is_dir():
        return [given]
    found = sorted(
        path for path in given.iterdir() if path.is_file() and not path.name.startswith((".", "_"))
    )
    if not found:
        raise InputError(f"{given} is a folder without files to score.")
    if output is None or output.resolve() == given.resolve():
        raise InputError(
            f"{given} is a folder: name another one for the output with -o, so that what was "
            "scored is not taken for input the next time."
        )
    return found


def _refuse_collisions(jobs: Sequence[Job]) -> None:
    sources = {job.source.resolve() for job in jobs}
    paths = [path for job in jobs for path in (job.output, job.rejects, job.manifest)]
    times = Counter(path.resolve() for path in paths)
    for path in paths:
        if times[path.resolve()] > 1:
            raise InputError(f"{path} would be written for two inputs: score them apart.")
        if path.resolve() in sources:
            raise InputError(f"{path} is also an input, which is never changed: set -o.")
        if path.is_dir():
            raise InputError(f"{path} is a folder, but a file of this name would be written.")


def default_name(source: Path) -> str:
    """The output's name for an input.

    >>> default_name(Path("in/day.csv.gz")), default_name(Path("day.parquet"))
    ('day.predictions.csv', 'day.predictions.parquet')
    """
    stem = source
    for endings in (_COMPRESSED, _FORMATS):
        stem = stem.with_suffix("") if stem.suffix.lower() in endings else stem
    ending = ".parquet" if source.suffix.lower() == ".parquet" else ".csv"
    return f"{stem.name}.predictions{ending}"
