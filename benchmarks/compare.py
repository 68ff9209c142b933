"""Compare the model with what users would pick instead, in one run on this machine.

Accuracy on a holdout chosen by content (30 %); fitting and scoring each in a process of its own.
Scoring is CSV to CSV: ours is predict.py as it stands, the others read and write with pandas.
With --data, accuracy and fit are measured on that file, else on synthetic messages with the variety
of real ones. Such messages are scored too, or those of --score-file; how many different pieces they
have stands beside the speeds, which depend on it.

    python -m benchmarks.compare
    python -m benchmarks.compare --data airline.csv --target-column airline_sentiment --score-rows 0
    python -m benchmarks.compare --score-file messages.csv --repeats 3
    python -m benchmarks.compare --fit-rows 140000 --score-rows 500000 --repeats 3
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

from tabulate import tabulate

from benchmarks import variety
from benchmarks.peers import CONTENDERS

ROOT = Path(__file__).resolve().parent.parent
LIBRARIES = ("catboost", "scikit-learn", "pyarrow", "mlflow", "pandas", "fasttext-numpy2-wheel")
HOLDOUT_PERCENT = 30
# Memory is bounded by chunks, so it is the same for 100,000 rows and for 5 million.
FLAT = 1.25


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--data", type=Path, help="labelled messages [the synthetic sample]")
    add("--text-column", default="text", help="[%(default)s]")
    add("--target-column", default="inbound", help="[%(default)s]")
    add("--fit-rows", type=int, default=20_000, help="rows of the sample to fit on [%(default)s]")
    add("--score-rows", type=int, default=100_000, help="rows to score; 0: none [%(default)s]")
    add("--score-file", type=Path, help="score this CSV file instead of --score-rows messages")
    add("--score-text-column", default="text", help="its messages [%(default)s]")
    add("--plain", action="store_true", help="generate messages that repeat the same few words")
    add("--repeats", type=int, default=1, help="scorings of which to take the median [1]")
    add("--growth", type=int, nargs="*", default=[], help="more sizes for predict.py to score")
    add("--only", nargs="*", default=list(CONTENDERS), choices=CONTENDERS, help="contenders")
    add("--worker", nargs="+", help=argparse.SUPPRESS)
    return parser


def main() -> int:
    args = build_parser().parse_args()
    if args.worker:
        result = {"fit": fit, "score": score}[args.worker[0]](*args.worker[1:])
        sys.stdout.write(json.dumps(result | {"peak MB": own_peak()}) + "\n")
        return 0
    with tempfile.TemporaryDirectory() as folder:
        flat = compare(args, Path(folder))
    return 0 if flat else 1


def compare(args: argparse.Namespace, folder: Path) -> bool:
    """Print the tables; return whether memory stays the same, however much is scored."""
    peaks = [1.0]
    source = args.data or sample(folder / "fit", args.fit_rows, args.plain)
    split(source, args.text_column, args.target_column, folder)
    fitted = {name: worker("fit", name, folder) for name in args.only}
    for figures in fitted.values():
        del figures["peak MB"]
    say(f"Fitted on 70 % of {source.name}, tested on the other {HOLDOUT_PERCENT} %:", fitted)
    if args.score_rows or args.score_file:
        peaks = measure_scoring(args, source, folder)
    installed = {found.name.lower(): found.version for found in distributions()}
    versions = ", ".join(f"{name} {installed[name]}" for name in LIBRARIES if name in installed)
    processors = len(os.sched_getaffinity(0))
    sys.stdout.write(f"{processors} processors, Python {platform.python_version()}, {versions}\n")
    flat = max(peaks) <= FLAT * min(peaks)
    if not flat:
        sys.stdout.write("Memory is NOT flat.\n")
    return flat


def measure_scoring(args: argparse.Namespace, source: Path, folder: Path) -> list[float]:
    """Print rows a second of each contender, and of ours by size; return the peaks of those."""
    project = trained(folder / "project", source, args)
    if args.score_file:
        scored_file, column = args.score_file.resolve(), args.score_text_column
    else:
        scored_file, column = sample(folder / "score", args.score_rows, args.plain), "text"
    texts = variety.read(scored_file, column)
    rows, pieces = len(texts), variety.piece_counts(texts)
    runs: dict[str, list[dict[str, Any]]] = {name: [] for name in args.only}
    for _ in range(args.repeats):
        for name in args.only:
            runs[name].append(scored(name, project, scored_file, column, rows, folder))
    title = (
        f"Scoring {rows:,} rows, CSV to CSV, median of {args.repeats} ({pieces.total() / rows:.1f} "
        f"pieces a message, {len(pieces) / rows:.2f} of them new):"
    )
    middle = {name: medians(found) for name, found in runs.items()}
    if "ours" in middle:
        ours = middle["ours"]["rows/s with start"]
        for found in middle.values():
            found["times slower than ours"] = ours / found["rows/s with start"]
    say(title, middle)
    grown = {
        f"{n:,} rows": scored(
            "ours", project, sample(folder / f"score{n}", n, args.plain), "text", n, folder
        )
        for n in args.growth
    }
    if not grown:
        return [1.0]
    say("Growth of ours:", grown)
    return [found["peak MB"] for found in grown.values()]


def fit(name: str, folder: str) -> dict[str, Any]:
    """Fit one contender on train.csv, test it on test.csv, store it, load it again."""
    import pandas as pd
    from sklearn.metrics import accuracy_score, f1_score, log_loss

    train, test = (
        pd.read_csv(Path(folder, side), dtype=str, keep_default_na=False)
        for side in ("train.csv", "test.csv")
    )
    contender = CONTENDERS[name]()
    start = time.perf_counter()
    contender.fit(train["text"].tolist(), train["label"].tolist())
    seconds, peak = time.perf_counter() - start, own_peak()
    predicted, proba = contender.predict(test["text"].tolist())
    path = stored(name, folder)
    contender.save(path)
    start = time.perf_counter()
    CONTENDERS[name]().load(path)
    loaded = time.perf_counter() - start
    return {
        "accuracy": accuracy_score(test["label"], predicted),
        "macro-F1": f1_score(test["label"], predicted, average="macro"),
        "log loss": None
        if proba is None
        else log_loss(test["label"], proba, labels=contender.classes),
        "fit s": seconds,
        "fit peak MB": peak,
        "model MB": path.stat().st_size / 1e6,
        "load s": loaded,
    }


def score(name: str, folder: str, source: str, text_column: str) -> dict[str, Any]:
    """Score a CSV file as a short script would: pandas reads, the model predicts, pandas writes."""
    import pandas as pd

    contender = CONTENDERS[name]()
    contender.load(stored(name, folder))
    start = time.perf_counter()
    frame = pd.read_csv(source, dtype=str, keep_default_na=False, encoding_errors="replace")
    texts = frame[text_column].tolist()
    if hasattr(contender, "predict_best"):
        frame["prediction"], frame["confidence"] = contender.predict_best(texts)
    else:
        frame["prediction"], proba = contender.predict(texts)
        if proba is not None:
            frame["confidence"] = proba.max(axis=1)
    frame.to_csv(Path(folder, "out.csv"), index=False)
    return {"rows/s": len(frame) / (time.perf_counter() - start)}


def scored(
    name: str, project: Path, source: Path, text_column: str, rows: int, folder: Path
) -> dict[str, Any]:
    """Rows a second without and with the start of the process, and the peak of its memory."""
    start = time.perf_counter()
    if name == "ours":
        found = predict(project, source, text_column)
    else:
        found = worker("score", name, folder, source, text_column)
    return {
        "rows/s": found["rows/s"],
        "rows/s with start": rows / (time.perf_counter() - start),
        "peak MB": found["peak MB"],
    }


def predict(project: Path, source: Path, text_column: str) -> dict[str, Any]:
    """predict.py in the project; the peak is that of all its processes together."""
    output = project / "out.csv"
    flags = ("--text-column", text_column, "--json", "--force", "-o", str(output))
    process = subprocess.Popen(
        [sys.executable, "predict.py", str(source), *flags],
        cwd=project,
        env=environment(),
        stdout=subprocess.PIPE,
        text=True,
    )
    peak = 0.0
    while process.poll() is None:
        peak = max(peak, family_memory(process.pid))
        time.sleep(0.25)  # looking takes time from the work
    manifest = json.loads(process.communicate()[0])["files"][0]
    return {"rows/s": manifest["rows_per_second"], "peak MB": peak}


def family_memory(pid: int) -> float:
    """Memory in MB of a process and its children; what they share counts once (PSS)."""
    total = 0.0
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        for member in [str(pid), *children]:
            lines = Path(f"/proc/{member}/smaps_rollup").read_text().splitlines()
            total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024
    except OSError:  # one of them has just ended
        return total
    return total


def own_peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def stored(name: str, folder: str) -> Path:
    return Path(folder, f"{list(CONTENDERS).index(name)}.model")


def trained(project: Path, source: Path, args: argparse.Namespace) -> Path:
    """A project of its own with a champion, so that no registry of the user's is touched."""
    shutil.copytree(ROOT / "common", project / "common")
    for script in ("train.py", "predict.py"):
        shutil.copy(ROOT / script, project)
    (project / "logs").mkdir()
    columns = ("--text-column", args.text_column, "--target-column", args.target_column)
    run("train.py", "--data", source.resolve(), *columns, cwd=project)
    return project


def split(source: Path, text_column: str, target_column: str, folder: Path) -> None:
    """Write train.csv and test.csv with the columns text and label."""
    import pandas as pd

    from common.data.columns import MessageColumns
    from common.data.labelled import read_split

    sides = read_split(source, MessageColumns(text_column, target_column), HOLDOUT_PERCENT)[:2]
    for side, name in zip(sides, ("train.csv", "test.csv"), strict=True):
        frame = pd.DataFrame({"text": side.texts, "label": side.labels})
        frame.to_csv(folder / name, index=False)


def sample(folder: Path, rows: int, plain: bool) -> Path:
    how = ("--class", "inbound", "--rows", rows, "--seed", 1, "--out", folder)
    run("-m", "common.data.synthetic", *how, *(() if plain else ("--varied",)), cwd=ROOT)
    return folder / "synthetic_messages.csv"


def worker(task: str, *arguments: object) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(
        run("-m", "benchmarks.compare", "--worker", task, *arguments, cwd=ROOT).splitlines()[-1]
    )
    return found


def run(*command: object, cwd: Path) -> str:
    return subprocess.run(
        [sys.executable, *map(str, command)],
        cwd=cwd,
        env=environment(),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    ).stdout


def environment() -> dict[str, str]:
    return os.environ | {"MLFLOW_TRACKING_URI": ""}


def medians(found: list[dict[str, Any]]) -> dict[str, Any]:
    return {key: statistics.median(one[key] for one in found) for key in found[0]}


def say(title: str, rows: dict[str, dict[str, Any]]) -> None:
    columns = list(next(iter(rows.values())))
    cells = [[name, *(shown(found[column]) for column in columns)] for name, found in rows.items()]
    table = tabulate(cells, ["", *columns], tablefmt="github", disable_numparse=True)
    sys.stdout.write(f"{title}\n\n{table}\n\n")
    sys.stdout.flush()


def shown(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f}" if value >= 100 else f"{value:.4f}" if value < 1 else f"{value:.1f}"


if __name__ == "__main__":
    sys.exit(main())
