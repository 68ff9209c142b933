"""MLflow behind plain functions; the only package that imports it.

`store` reaches a tracking store and gives the `Registry` that all functions here take; `runs` logs
what a training, a scoring or a look of the monitor leaves behind; `artifact` is a fitted model as
it is stored, loaded and checked; `versions` registers, finds and loads versions of the registered
model; `lock` lets one process at a time change the champion; `history` keeps who was champion from
when to when; `__main__` is the command `python -m common.registry`. May import data, evaluation,
models and what lies below them; only `__main__` uses the command line.
"""
