"""Numbers of answers against the truth; no files, no models, no settings.

`metrics` measures one model's answers; `paired` tells two models on the same rows apart;
`two_samples` tells two independent sets of rows apart; `profile` sums up a stretch of messages so
that another one can be compared with it. May import errors, text and types alone.
"""
