"""Compare our monitor with Evidently and NannyML on the same days of a stream of real messages.

Days are drawn as in `benchmarks.streams`: 21 usual ones, then three on which nothing happens, or
something does. Evidently judges each day alone, NannyML days as chunks, ours looks each morning.
All keep their defaults; a second table moves the limits of the others so that they alarm on as many
stable days as ours tells people of.

    python -m benchmarks.monitors.environment peers
    python -m benchmarks.monitors --peers peers --file tweets.csv --target-column topic
"""

from __future__ import annotations

import argparse
import platform
import subprocess
import sys
import tempfile
from pathlib import Path

import pandas as pd

from benchmarks import streams
from benchmarks.monitors import environment, ours, verdicts
from benchmarks.monitors.days import draw_histories, write

# The floor, below the accuracy on the holdout, as docs/monitoring.md advises.
BELOW = 0.05


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    streams.add_stream_flags(parser)
    add = parser.add_argument
    add("--peers", type=Path, required=True, help="environment with Evidently and NannyML")
    add("--histories", type=int, default=10, help="of 21 usual days [%(default)s]")
    add("--attempts", type=int, default=2, help="of each kind, for each history [%(default)s]")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        stream = streams.read(args, folder)
        accuracy = stream.reference.expected / stream.reference.rows
        histories = list(draw_histories(stream, args.histories, args.attempts))
        write(folder, stream, histories)
        script = Path(__file__).with_name("peers.py")
        subprocess.run([environment.python(args.peers), script, folder], check=True)
        theirs = pd.read_parquet(folder / "verdicts.parquet")
    found = ours.judge(stream, histories, accuracy - BELOW)
    streams.write(
        f"{len(stream.days)} days to draw from; accuracy on the holdout {accuracy:.3f}; "
        f"{args.histories * args.attempts} attempts of each kind\n"
        f"Python {platform.python_version()}\n\n"
    )
    streams.write(verdicts.table(pd.concat([found, theirs], ignore_index=True)) + "\n\n")
    told = {
        verdicts.DRIFT: verdicts.rate(found, ours.TOLD_DRIFT),
        verdicts.ACCURACY: verdicts.rate(found, ours.TOLD_ACCURACY),
    }
    streams.write("Limits moved: as many stable days as ours tells people of\n\n")
    streams.write(verdicts.table(verdicts.at_rate(theirs, told)) + "\n\n")
    warned = {verdicts.DRIFT: verdicts.rate(found, ours.WARNED)}
    of_drift = theirs[theirs["about"] == verdicts.DRIFT]
    streams.write("Limits moved: as many stable days as a check of ours warns of\n\n")
    streams.write(verdicts.table(verdicts.at_rate(of_drift, warned)) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
