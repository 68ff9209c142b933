"""Synthetic support messages: a first look, tests and benchmarks need no data of anybody's.

`triage` is an endless stream of messages of customers, written with `phrases`; `messages` one of
messages between customers and brands. `origin` recognises both. `scenarios` are days in which a
known thing happens: `topics` says what to the first kind, `inbound` to the second. `sample` is the
file that train.py takes when it is given none, `histories` are days as files. The command is
`python -m common.data.synthetic`.
"""
