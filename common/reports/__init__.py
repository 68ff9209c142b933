"""What people and machines read of results; nothing here decides anything.

`training` gathers what a training leaves: `figures` for MLflow, the page of the `contest`, the
`model_card`; `monitoring` is the monitor's page; `charts` lays out numbers and `html` fills in
`templates/`; `console` is what a script prints at its end, as text and as JSON, `targets` the same
of several targets, `preparation` what prepare does; `prometheus` writes figures for Prometheus. May
import preparation, training, scoring, monitoring, registry and what lies below.
"""
