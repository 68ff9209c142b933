"""Evidently and NannyML on the days of a folder, with the defaults of both.

Run by the Python of their environment, which has nothing of the project:

    peers/bin/python benchmarks/monitors/peers.py FOLDER

Reads what `days` has written there; writes verdicts.parquet, rows of `verdicts.Verdict`.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# Both send usage data unless told not to.
os.environ.update(DO_NOT_TRACK="1", ITERATIVE_DO_NOT_TRACK="1", NML_DISABLE_USAGE_LOGGING="1")

import nannyml
import pandas as pd
from evidently import DataDefinition, Dataset, Report
from evidently.metrics import ValueDrift

Row = dict[str, Any]
DAY = ["history", "kind", "attempt", "day"]
FIRST = pd.Timestamp("2026-01-05")
# What Evidently's names don't say.
SAID = {
    "Absolute text content drift": "AUC of a classifier that tells them apart",
    "Percentile text content drift": "AUC of a classifier that tells them apart, against chance",
}
CHUNKS = {"timestamp_column_name": "date", "chunk_period": "D"}


def evidently(reference: pd.DataFrame, days: pd.DataFrame, before: pd.DataFrame) -> Iterator[Row]:
    """Each day alone against the reference that we have too, and against the days before it."""
    holdout = reference[reference["kind"] == "holdout"]
    messages = reference[reference["kind"] == "messages"]
    for day, window in days.groupby(DAY, sort=False):
        earlier = before[before["history"] == day[0]]
        for column, side, name in (
            ("text", messages, "the training file"),
            ("text", earlier, "the 21 days before"),
            ("prediction", holdout, "the holdout"),
            ("prediction", earlier, "the 21 days before"),
        ):
            said = _drift(column, side, window)
            said["method"] = f"{column} against {name}: {SAID.get(said['method'], said['method'])}"
            yield {"monitor": "Evidently", **dict(zip(DAY, day, strict=True)), **said}


def _drift(column: str, reference: pd.DataFrame, window: pd.DataFrame) -> Row:
    """What its default method for the column says."""
    of_kind = "text_columns" if column == "text" else "categorical_columns"
    definition = DataDefinition(**{of_kind: [column]})
    current, then = (
        Dataset.from_pandas(side[[column]].reset_index(drop=True), data_definition=definition)
        for side in (window, reference)
    )
    report = Report([ValueDrift(column=column)], include_tests=True).run(current, then).dict()
    (metric,), (test,) = report["metrics"], report["tests"]
    method, limit = metric["config"]["method"], metric["config"]["threshold"]
    is_p_value = "p_value" in method
    return {
        "method": method,
        "about": "drift",
        "alarm": test["status"].name == "FAIL",
        "score": -float(metric["value"]) if is_p_value else float(metric["value"]),
        "limit": f"{limit:g}",
    }


def nanny(days: pd.DataFrame, before: pd.DataFrame, classes: list[str]) -> Iterator[Row]:
    """Days as chunks, fitted on the 21 days before: it asks for six chunks, and a holdout makes one
    or two."""
    for number, earlier in before.groupby("history"):
        calculators = _calculators(classes)
        for calculator in calculators.values():
            calculator.fit(_dated(earlier, classes))
        of_history = days[days["history"] == number]
        for (kind, attempt), window in of_history.groupby(["kind", "attempt"], sort=False):
            after = window.assign(day=window["day"] + earlier["day"].max() + 1)
            now = _dated(after, classes)
            which = {"monitor": "NannyML", "history": number, "kind": kind, "attempt": attempt}
            for method, calculator in calculators.items():
                for day, said in enumerate(_chunks(calculator, now)):
                    yield {**which, "method": method, "day": day, **said}


def _calculators(classes: list[str]) -> dict[str, Any]:
    binary = len(classes) == 2
    common = {
        "metrics": ["accuracy"],
        "y_true": "label",
        "y_pred": "prediction",
        "y_pred_proba": f"p_{classes[1]}" if binary else {name: f"p_{name}" for name in classes},
        "problem_type": f"classification_{'binary' if binary else 'multiclass'}",
        **CHUNKS,
    }
    answers = ["prediction"]
    return {
        "accuracy estimated without labels (CBPE)": nannyml.CBPE(**common),
        "accuracy realised": nannyml.PerformanceCalculator(**common),
        "prediction: Jensen-Shannon distance": nannyml.UnivariateDriftCalculator(
            answers, treat_as_categorical=answers, **CHUNKS
        ),
    }


def _dated(rows: pd.DataFrame, classes: list[str]) -> pd.DataFrame:
    """With the date of each day; two classes as 0 and 1, as it wants them."""
    rows = rows.assign(date=FIRST + pd.to_timedelta(rows["day"], unit="D")).reset_index(drop=True)
    if len(classes) == 2:
        for column in ("label", "prediction"):
            rows[column] = (rows[column] == classes[1]).astype(int)
    return rows


def _chunks(calculator: Any, rows: pd.DataFrame) -> Iterator[Row]:
    """What it says of each day; scores are standard deviations below the usual accuracy, or the
    distance as a multiple of its limit."""
    if isinstance(calculator, nannyml.UnivariateDriftCalculator):
        found = calculator.calculate(rows).filter(period="analysis").to_df()
        found = found["prediction"]["jensen_shannon"]
        scores, about, limit = found["value"] / found["upper_threshold"], "drift", "mean + 3 sd"
    else:
        ask = calculator.estimate if isinstance(calculator, nannyml.CBPE) else calculator.calculate
        found = ask(rows).filter(period="analysis").to_df()["accuracy"]
        usual = (found["upper_threshold"] + found["lower_threshold"]) / 2
        scores = 3 * (usual - found["value"]) / (found["upper_threshold"] - usual)
        about, limit = "accuracy", "mean +- 3 sd"
    for alarm, score in zip(found["alert"].astype(bool), scores.astype(float), strict=True):
        yield {"about": about, "alarm": alarm, "score": score, "limit": limit}


def main() -> int:
    warnings.filterwarnings("ignore")
    folder = Path(sys.argv[1])
    reference = pd.read_parquet(folder / "reference.parquet")
    days = pd.read_parquet(folder / "days.parquet")
    before, days = days[days["kind"] == "before"], days[days["kind"] != "before"]
    classes = [name.removeprefix("p_") for name in days.columns if name.startswith("p_")]
    rows = [*evidently(reference, days, before), *nanny(days, before, classes)]
    pd.DataFrame(rows).to_parquet(folder / "verdicts.parquet", index=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
