"""The neural family: what the contract of all families does not say of it."""

import io
import pickle
import subprocess
import sys
from itertools import pairwise

import numpy as np
import pytest
from helpers import ROOT
from hypothesis import given
from hypothesis import strategies as st

from common.models import buckets, network, neural, text
from common.models.families import FAMILIES

LABELS = ("calm", "cross", "glad")
WORDS = {
    "calm": ("question", "hours", "open", "size"),
    "cross": ("lost", "broken", "worst", "refund"),
    "glad": ("thanks", "lovely", "great", "solved"),
}
NEW = ["it is LOST!!", "", "lovely, thanks", "日本 👍", "what are the opening hours", "x" * 2000]


@pytest.fixture(scope="module")
def model():
    pytest.importorskip("torch")
    chance = np.random.default_rng(1)
    labels = [LABELS[row % 3] for row in range(150)]
    texts = [
        " ".join(chance.choice(WORDS[label], 6)) + f" {chance.integers(9)}" for label in labels
    ]
    return neural.NeuralClassifier(seed=3).fit(texts, labels)


def h(values):
    """The hash as `buckets` documents it, one value at a time."""
    found = 0
    for value in values:
        found = (found * 0x100000001B3 + value + 1) % 2**64
    return found


def bucket(found, kind, bits):
    found = (found + kind * 0x9E3779B97F4A7C15) % 2**64
    found = (found ^ found >> 30) * 0xBF58476D1CE4E5B9 % 2**64
    found = (found ^ found >> 27) * 0x94D049BB133111EB % 2**64
    return (found ^ found >> 31) >> 64 - bits


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=30), max_size=4))
def test_buckets_are_those_of_the_documented_hash(texts):
    found = buckets.hashed(texts, 18)
    assert len(found.tokens) == len(texts)
    every = found.take(np.arange(len(texts)))
    assert every.lengths.tolist() == found.sizes.tolist()
    for row, message in enumerate(texts):
        words = [list(map(ord, f" {word} ")) for word in text.tokens(message)]
        expected = [bucket(h(word), buckets.WORD, 18) for word in words]
        expected += [
            bucket(h(word[at : at + n]), buckets.PART, 18)
            for word in words
            for n in (2, 3, 4, 5)
            for at in range(len(word) - n + 1)
        ]
        expected += [
            bucket(h([h(left), h(right)]), buckets.PAIR, 18) for left, right in pairwise(words)
        ]
        of_row = every.numbers[every.offsets[row] : every.offsets[row + 1]]
        assert sorted(of_row.tolist()) == sorted(expected)


def test_the_bucket_of_a_word_stays_what_it_was():
    assert buckets.hashed(["lost"], 18).terms.numbers[0] == 205339


@pytest.mark.parametrize("name", ["model.pt2", "model.ts"])
def test_exported_files_answer_as_the_model_does(model, name):
    torch = pytest.importorskip("torch")
    file = io.BytesIO(model.exports()[name])
    if name == "model.ts":
        asked = torch.jit.load(file)
    else:
        asked = torch.export.load(file).module()
    for texts in (NEW, NEW[:1], NEW[1:2]):
        bags = buckets.hashed(texts, network.BITS).take(np.arange(len(texts)))
        answers = asked(torch.from_numpy(bags.numbers), torch.from_numpy(bags.offsets[:-1]))
        assert np.abs(answers.detach().numpy() - model.predict_proba(texts)).max() < 1e-6


def test_without_a_word_its_class_is_as_much_less_probable_as_the_reason_says(model):
    message = "lovely lost size"
    proba = model.predict_proba([message])
    ((first, *_),) = model.explain([message], proba)
    word, loss = first
    # What stands on both sides of the word makes a pair without it, which was never seen.
    left = " ".join(part for part in message.split() if part != word)
    odds = [np.log(p / (1 - p)) for p in model.predict_proba([message, left])[:, proba[0].argmax()]]
    assert loss == pytest.approx(odds[0] - odds[1], abs=0.3)
    assert loss > 0


def test_a_class_of_one_row_is_learnt_too(model):
    texts = ["lost it"] * 30 + ["open hours"] * 30 + ["zebra"]
    labels = ["cross"] * 30 + ["calm"] * 30 + ["animal"]
    proba = neural.NeuralClassifier().fit(texts, labels).predict_proba(["zebra", "lost it"])
    assert proba.shape == (2, 3)
    assert proba[0, 0] > proba[1, 0]


def test_scoring_loads_no_torch(model, tmp_path):
    (tmp_path / "model.pkl").write_bytes(pickle.dumps(model))
    code = (
        "import pickle, sys; model = pickle.load(open(sys.argv[1], 'rb')); "
        "print(len(model.predict_proba(['a', 'b'])), 'torch' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "model.pkl"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.stdout == "2 False\n", done.stderr


def test_without_torch_training_says_which_command_installs_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    assert FAMILIES["neural"].lacks() == "MODEL_FAMILY=neural needs torch: run `make neural`."
