"""Which messages people should label next, and the labels that they give.

A file that predict.py wrote is drawn from (`draw`; `novelty` says what the model does not know,
`known` what is labelled) and becomes a queue (`queue`, `issues`), whose form is in `form`; work in
an older queue is not replaced (`replaced`). What people filled in is checked
(`answers`) and joined to the file of labels that train.py and monitor.py read (`stored`, `absorb`).
It may import data, evaluation and models.
"""
