"""One run of each script as a function of one typed request.

`train.run`, `predict.run` and `monitor.run` take a frozen request and give a typed result: no
command line, no settings, no printing, no exit code. The scripts call them, and so do services,
flows and notebooks; `classify.classify` answers messages in memory. They may import everything else
but the command line (`cli`, `flags`).
"""
