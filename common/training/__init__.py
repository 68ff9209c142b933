"""From labelled messages to a version that is champion, or is not.

`recipe` says how a model is made; `fit` splits the messages, fits a classifier of a family and
measures it on the holdout; `tournament` finds the best family, without the holdout;
`provenance` says what it was made from and whether it can be made again; `registration` makes it a
version; `contest` holds the rules between champion and challenger, and `rolled_back` what a
rollback asks for besides; `flips` finds the answers that would change; `promotion` holds the
contest with the champion of the registry and moves the alias; `outcome` is what all that came to.
May import registry, data, evaluation, models and what lies below them; knows nothing of scoring,
monitoring or pages.
"""
