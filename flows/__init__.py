"""Train, predict and monitor on a schedule with Prefect, which runs in an environment of its own.

`pipeline` has the flows, `tasks` their steps, `deployments` their schedules and what starts a
retraining; `server` finds or starts Prefect's server. Below them is what knows no Prefect:
`process` runs a script of the project as a child, `outcome` says what its exit code means,
`results` reads what it printed, `summaries` writes that for Prefect's pages.

The flows import nothing of the project: it has another environment, and they know its scripts as
a person at a terminal does, by their flags, exit codes and JSON.
"""
