"""What a run of predict.py is asked to do: fields as flags and settings have them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from common.errors import SettingsError
from common.pipelines.target_names import model_of, one_target
from common.scoring import stdio

if TYPE_CHECKING:  # heavy libraries are loaded by the functions that need them
    from common.data.tables import Table


@dataclass(frozen=True)
class PredictRequest:
    """What one run is asked to do; see `predict.py --help`.

    Attributes:
        inputs: files, folders, patterns, addresses (`remote.parse_location`), or `-` for standard
            input; or a pandas or Arrow table.
        text_column: the column with the message; None: as the version was trained.
        delimiter, encoding, header, sheet, field_characters: the form of the input, if it can't be
            found out: see `reading.Reading`.
        member: files of a zip archive to score; empty: the only one.
        strict: write nothing if a row can't be read.
        max_rejects: write nothing if more rows than this can't be read.
        output: file or folder; None: beside the input, or standard output for standard input. A
            folder is made if it isn't there.
        output_is_folder: `output` is a folder, whatever it looks like.
        format: csv, jsonl or parquet; None: as the output's name ends.
        columns: columns of the input to keep; None: all.
        prefix: put before the names of the columns that are added.
        proba, explain: add the probability of each class; the words that speak most for the
            prediction.
        auto_accuracy: what a version is expected to promise, so that one without a promise gets an
            empty column `route`; None: nothing is expected.
        only: write only rows of this route, "auto" or "person"; None: all.
        spreadsheet_safe: quote cells that look like formulas.
        output_dir, run_date, run_id: write numbered parts to a versioned folder.
        metrics_file: write figures for Prometheus there.
        model: alias, `latest` or number of a version of `model_name`.
        challenger: compare with this version's answers, without writing them (--shadow).
        force: score again what was scored already.
        chunk_size: rows scored at once, which bounds memory.
        workers: processes; None: one for each processor.
        engine, spark_master: what scores, and the address of its cluster.
        draft_days: remove what interrupted runs left for longer.
        tracking_uri: MLflow's server or database; None: mlflow.db in the project's folder.
        experiment: what the run is logged under.
        targets: answer several at once, each with the model that `targets.train_each` has made of
            it under `model_name`, in columns of their own; empty: there is one.

    Raises:
        SettingsError: some of it can't be meant together.
    """

    inputs: Sequence[Path] | Table
    text_column: str | None = None
    delimiter: str | None = None
    encoding: str | None = None
    header: tuple[str, ...] | None = None
    sheet: str | None = None
    field_characters: int = 16_000_000
    member: tuple[str, ...] = ()
    strict: bool = False
    max_rejects: int | None = None
    output: Path | None = None
    output_is_folder: bool = False
    format: str | None = None
    columns: tuple[str, ...] | None = None
    prefix: str = ""
    proba: bool = False
    explain: bool = False
    auto_accuracy: float | None = None
    only: Literal["auto", "person"] | None = None
    spreadsheet_safe: bool = False
    output_dir: Path | None = None
    run_date: date | None = None
    run_id: str | None = None
    metrics_file: Path | None = None
    model: str = "champion"
    challenger: str | None = None
    force: bool = False
    chunk_size: int = 10_000
    workers: int | None = None
    engine: str = "local"
    spark_master: str | None = None
    draft_days: float = 7
    tracking_uri: str | None = field(default=None, repr=False)
    experiment: str = "triage"
    model_name: str = "triage"
    targets: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        problem = self._contradiction()
        if problem:
            raise SettingsError(problem)

    def _contradiction(self) -> str | None:
        place = self.output or self.output_dir
        if self.output and self.output_dir:
            return "-o and --output-dir are two places for the output: give one."
        if (self.run_date or self.run_id) and not self.output_dir:
            return "--run-date and --run-id are for --output-dir."
        if self.engine not in ("local", "spark"):
            return f"--engine must be local or spark, not {self.engine!r}."
        if self.spark_master and self.engine != "spark":
            return "--spark-master is for --engine spark."
        if self.chunk_size < 1 or (self.workers is not None and self.workers < 1):
            return "--chunk-size and --workers must be at least 1."
        if isinstance(self.inputs, str | Path):
            return "inputs must be a list of at least one path."
        if not isinstance(self.inputs, Sequence):
            return None if place else "a table needs a place for its output: give one."
        if not self.inputs:
            return "inputs must be a list of at least one path."
        if stdio.STANDARD in self.inputs and len(self.inputs) > 1:
            return "- (standard input) is scored alone: give the files to another run."
        if stdio.STANDARD in self.inputs and self.engine == "spark":
            return "Spark can't read standard input: save it as a file."
        return self._contradiction_of_targets() if self.targets else None

    def _contradiction_of_targets(self) -> str | None:
        one = f"one target at a time: {one_target(self.targets[0], self.model_name)}"
        if self.engine == "spark":
            return f"--engine spark scores {one}."
        if self.challenger:
            return f"--shadow compares {one}."
        if self.metrics_file:
            return f"--metrics-file is of {one}."
        if self.only:
            return f"--only is of {one}."
        if self.model.isdecimal():
            return "each target has versions of its own: --model champion, challenger or latest."
        return None

    @property
    def model_names(self) -> tuple[str, ...]:
        """The registered models that answer."""
        if not self.targets:
            return (self.model_name,)
        return tuple(model_of(self.model_name, target) for target in self.targets)

    @property
    def to_stdout(self) -> bool:
        """Whether the predictions go to standard output."""
        piped = isinstance(self.inputs, Sequence) and stdio.STANDARD in self.inputs
        return piped and self.output is None and self.output_dir is None
