"""A registry moved from one store to another, by way of a folder of plain files.

`records` is what is moved, as plain values; `reading` reads it from a store; `folder` is its form
on disk: layout, digests, what is whole and what is damaged; `stored_files` copies artifacts out of
a store and into one. `export` writes a registry into a folder. `restore` writes a folder into a
store: `write_runs` its runs and logged models, `write_versions` the registered model, and `mapping`
knows which ids there stand for which of the export. Both go on where a killed process stopped. May
import what the registry may.
"""
