"""Make a virtual environment that has Evidently and NannyML, apart from the project's own.

python -m benchmarks.monitors.environment peers
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import venv
from pathlib import Path

# Of evidently 0.7.23, which can't be imported with pandas 3, nannyml 0.13.1, numpy 2.4.6, pandas
# 2.3.3, pyarrow 26.0.1, scikit-learn 1.9.1, scipy 1.17.1, and what they need.
REQUIREMENTS = Path(__file__).with_name("requirements.lock")


def make(folder: Path) -> None:
    venv.create(folder, with_pip=True)
    install = (python(folder), "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    # The lock is whole; pip 23 takes `pandas[parquet]` for another package than the pinned one.
    locked = ("--require-hashes", "--no-deps", "-r", REQUIREMENTS)
    subprocess.run([*install, *locked], check=True)


def python(folder: Path) -> Path:
    return folder / "bin" / "python"


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    make(parser.parse_args().folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
