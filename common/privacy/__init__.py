"""Personal data: find what the project has written of a person's messages, and remove it.

`person` says what to look for, `documents` takes it out of one document of any kind, `local` goes
through files (outputs, rejects, drafts, reports, logs, the monitor's database), `stored` through
the runs and models in MLflow; `forget` does it all, `__main__` is the command `python -m
common.privacy`. May import all but pipelines; only `__main__` uses the command line.
"""
