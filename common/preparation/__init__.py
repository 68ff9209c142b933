"""Raw messages to versioned Parquet: each text once, labelled where a rule is asked for.

In the order in which data meets them: `recipe` says what is done to a row; `part` surveys an input,
and `duplicates` finds which of its rows repeat an earlier one of any input; then `part` writes what
is left. `local` and `spark` do that for all inputs, `manifest` says what became of the rows.

Stands on scoring, of which it uses how jobs are planned, staged, drafted and marked as complete.
May import scoring, data and the ground; never models, the registry, training or monitoring.
"""
