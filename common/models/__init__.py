"""From texts to probabilities: families of classifiers, and what each of them promises.

`base` is the contract that users of a classifier know it by; `families` lists who keeps it, each
with the packages its stored model needs; `boosted` and `linear` are classes of families: `pieces`
splits messages, `text` counts words, `ngrams` their parts, `linear_scores` weighs them per class,
`embedding_scores` does so with the vectors of `embeddings`, `features` makes dense columns of that
and of `piece_statistics`, and remembers them in `row_cache`; `scored` is what families on these
columns share, `softmax` and `boosting` are how they make probabilities of them;
`neural` is another family: `buckets` hashes words and their parts, `neural_fit` learns a `network`
of them with torch; `transformer` answers with a `checkpoint`, which `transformer_fit` fine-tunes;
`context` parts a message from what it answers; `key_table` finds keys among known ones; `legacy`
adapts versions that earlier releases registered.
May import nothing else of ours: a stored model carries this package's code inside it, so that it
keeps the code it was fitted with, even if it is loaded where this project isn't.

A new family is a module here, with a class that keeps `base.TrainableClassifier`, and a line in
`families`; tests/unit/models/test_contract.py holds it against the contract.
"""
