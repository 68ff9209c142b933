"""Numbers of answers against the truth; no files, no models, no settings.

`costs` says what mistakes cost and `decisions` how probabilities become answers; `metrics` measures
one model's answers, `routing` which of them nobody has to look at; `paired` tells two models on the
same rows apart; `two_samples` tells two independent sets of rows apart; `profile` sums up a stretch
of messages so that another one can be compared with it. May import errors, text and types alone.
"""
