"""How many labelled rows a window needs so that a loss of accuracy is CRITICAL in 90 % of windows.

Exact, as `common.monitoring.power` says.

python -m benchmarks.window_rows --floors 0.8 0.85 0.9
"""

from __future__ import annotations

import argparse
import sys

from tabulate import tabulate

from common.monitoring.power import critical_share

POWER = 0.90
LOSSES = (0.03, 0.05, 0.10, 0.15)
SIZES = (*range(30, 200, 5), *range(200, 3000, 25))


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--floors", type=float, nargs="+", default=[0.80, 0.85, 0.90])
    args = parser.parse_args()
    table = [
        (f"{floor:.2f}", *(f"{rows_needed(floor, floor - loss):,}" for loss in LOSSES))
        for floor in args.floors
    ]
    headers = ("floor", *(f"{100 * loss:.0f} points below" for loss in LOSSES))
    sys.stdout.write(tabulate(table, headers, tablefmt="github", disable_numparse=True) + "\n")
    return 0


def rows_needed(floor: float, true: float) -> int:
    """Rows at which a model of accuracy `true`, below the floor, is CRITICAL often enough."""
    return next(rows for rows in SIZES if critical_share(rows, floor, true) >= POWER)


if __name__ == "__main__":
    sys.exit(main())
