"""What is wrong, from its opening to its recovery, and who has still to be told.

`lifecycle` decides from the windows of a subject what is to be told next; `book` keeps windows,
incidents and queued notices in one SQLite file, whose rows are in `tables` and whose former
versions are read by `migrations`; `outbox` hands what is queued to `alerts`. Of checks they import
findings and their severity only; `outbox` alone knows `alerts` and the run's `result`.
"""

STATE_FILE = "monitor.db"
