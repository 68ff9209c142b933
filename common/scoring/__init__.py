"""A file of messages to a file of predictions.

In the order in which data meets them: `jobs` plans which input gives which output; `staging` and
`stdio` make local files of what is remote or piped; `local` or `spark` (on a `cluster`) does one
job after the other with `file`, or a large one in `pieces`, which resumes what `resume` kept, has
`chunk` ask the `model` (and `shadow` compare a challenger) and writes what `formats` encodes;
`flips` writes down messages whose class the challenger would change;
`manifest` says what was done, `lake` marks a whole folder as complete. `total` adds up a run.
`table` answers a table in memory.

May import data, models.base and the ground (errors, text, types, parallel); never the registry,
training or monitoring.
"""
