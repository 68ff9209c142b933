"""MLflow behind plain functions; the only package that imports it.

`store` reaches a tracking store and gives the `Registry` that all functions here take; `patience`
gives each call to a server a time limit; `moving` finds the artifacts of a store that was moved;
`runs` logs what a training, a scoring or a look of the monitor leaves behind, `run_files` changes
what they left, `pages` links to MLflow's pages; `artifact` is a fitted model as it is stored,
loaded and checked; `versions` registers, finds and loads versions of the registered model,
`columns` those it was trained with, `descriptions` what MLflow's pages say of it, and `listing`
shows them all; `foreign` fetches models that were made elsewhere, and `adopted_worker` is the
program that runs them; `lock` lets one process at a time change the champion; `history` keeps who
was champion from when to when (`register`), and `judged` on which rows those were tested that were
rolled back from; `transfer` moves all of it to another store; `__main__` is the command
`python -m common.registry`. May import data, evaluation, models and what lies below them; only
`__main__` uses the command line.
"""

import os

# MLflow reads these from the environment, some of them when it is imported, which this package
# alone does: so they are set here, for scripts and notebooks alike, and give way to what is set
# already. Without a limit its client tries for 248 seconds when a server is down, and waits as long
# as a busy server asks it to, an hour for instance; without the fourth it reports to its makers.
MLFLOW_DEFAULTS = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "60",
    "MLFLOW_HTTP_RESPECT_RETRY_AFTER_HEADER": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_CONFIGURE_LOGGING": "false",  # its records go the way of ours
}

for _name, _value in MLFLOW_DEFAULTS.items():
    os.environ.setdefault(_name, _value)
