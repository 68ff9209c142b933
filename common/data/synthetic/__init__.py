"""Synthetic support messages: a first look, tests and benchmarks need no data of anybody's.

`messages` is an endless stream of them, `sample` the file that train.py takes when it is given
none, `scenarios` are days in which a known thing happens, `histories` these days as files. The
command is `python -m common.data.synthetic`.
"""
