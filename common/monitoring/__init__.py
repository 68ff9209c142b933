"""Watch a model: judge windows of messages, keep incidents, tell people of them once.

In the order in which data meets the parts: `source` says where messages and their classes are,
`observe` sums them up by window (`windows` says which), `checks` ask questions of each window,
`history` keeps what later runs need to know of it, `news` says what is new in the newest one
(`phrases`, `rates`, `bursts`), `run` joins these, `incidents` follow what is wrong from its opening
to its recovery, `alerts` tell people, `retrain` trains again, and `result` is all that was found,
for reports and JSON. May import `data`, `evaluation`, `models.base` and what reads texts of
`models` (`text`, `pieces`, `context`); not `training`, `scoring`, `registry` or `reports`.
"""
