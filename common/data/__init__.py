"""Files of messages: in as a stream of chunks, out whole or not at all.

In the order in which a message meets them: `remote` finds what is behind an address, `files` what
is on disk, `runs` which folders of a data lake are whole; `compression` opens a file,
`archive_parts` refuses one part of a split archive, `joined_archive` reads all of them as one;
`reader` reads any file, with `csv_reader`,
`jsonl_reader` and `excel_reader` (whose `excel_sheet` runs as a process of its own), by what
`reading` knows of its form, and `ranges` cuts a large one; `encoding` and `header` find what it
does not say. `columns` says what a file has where, `labels` how classes are
spelt, `rules` makes them from texts, `label_file` reads those of a file of their own, `labelled`
joins messages with their classes, `split` decides which are holdout; `cost_file` reads what
mistakes cost. `source` chooses what a training reads, `tables` makes a file of a table in memory.
`atomic` writes files, `sqlite` opens a database of our own, `connectors` fetch messages from
elsewhere, `synthetic` makes messages up.

May import the ground (errors, text, types, settings), nothing above it.
"""
