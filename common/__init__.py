"""What train.py, predict.py and monitor.py share.

In the order in which a message meets them: `data` reads files, `models` turn text into
probabilities, `evaluation` measures, `registry` keeps versions in MLflow; on these stand the three
subjects `training`, `scoring` and `monitoring`, then `preparation` of messages for a data lake,
`reports` for people and machines, and `pipelines`, which has one run of each script as a function.
The files beside these folders are the ground that all of them stand on. `make lint` checks that
imports point one way.
"""

import os
from pathlib import Path

__version__ = "1.0.0"

# Where the three scripts are: a checkout, or the environment that they were installed in.
CODE = Path(__file__).resolve().parent.parent


def _project(code: Path) -> Path:
    """The project's folder, with `.env`, `mlflow.db` and logs.

    TRIAGE_HOME if that is set. Else the checkout, so that cron's working directory does not matter.
    Where the code was installed, the project is what the current directory is part of: the nearest
    folder upwards with `mlflow.db` or `.env`, or the current directory itself.
    """
    if home := os.environ.get("TRIAGE_HOME"):
        return Path(home).expanduser().resolve()
    if not any(code.glob("triage_trio-*.dist-info")):
        return code
    try:
        here = Path.cwd()
    except FileNotFoundError:  # deleted; what reads the settings says so
        return Path(os.environ.get("PWD", os.devnull))
    known = (
        folder
        for folder in (here, *here.parents)
        if (folder / "mlflow.db").is_file() or (folder / ".env").is_file()
    )
    return next(known, here)


ROOT = _project(CODE)
# Whose lock file and commit tell what a model was made with; an installed copy has neither.
MADE_WITH = CODE if (CODE / "requirements.lock").is_file() else ROOT
# In a container with a read-only root they are somewhere else.
LOGS = Path(os.environ.get("TRIAGE_LOGS") or ROOT / "logs").expanduser().absolute()
DATA = Path(os.environ.get("TRIAGE_DATA") or ROOT / "data").expanduser().absolute()
