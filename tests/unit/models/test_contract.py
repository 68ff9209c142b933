"""What `models.base` promises, held against every family that is listed."""

import atexit
import pickle
import random
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cache
from pathlib import Path

import cloudpickle
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from checkpoints import write_checkpoint
from helpers import ROOT

import common.models
from common.models.base import Classifier, Explains, KnowsWords, TellsTerms
from common.models.embeddings import WordTable
from common.models.extras import Extras
from common.models.families import FAMILIES, FamilyUnavailable

LABELS = ("angry", "Calm", "thank-you")
WORDS = {
    "angry": ("lost", "broken", "worst", "late", "refund"),
    "Calm": ("question", "hours", "open", "size", "colour"),
    "thank-you": ("thanks", "lovely", "great", "solved", "quick"),
}
NEW = [
    "it is LOST!!",
    "thanks a lot",
    "",
    "日本 👍",
    "a\nb",
    "x" * 3000,
    "zebra quagga",
    "thanks a lot",
]
THREADS = 8


def labelled(rows, seed=3):
    """Texts of ten words, most of them of the text's class, and the classes."""
    chance = random.Random(seed)
    labels = [LABELS[row % len(LABELS)] for row in range(rows)]
    every = [word for words in WORDS.values() for word in words]
    texts = [
        " ".join(chance.choices(WORDS[label], k=6) + chance.choices(every, k=4)) for label in labels
    ]
    return texts, labels


def make(family, class_weight=None):
    """A classifier of a family, with vectors or a checkpoint if it can't do without."""
    every = [word for words in WORDS.values() for word in words]
    vectors = np.random.default_rng(2).normal(size=(len(every), 3)).astype(np.float32)
    given = WordTable.of("mine", every, vectors) if family.embeddings == "needed" else None
    fine_tuned = checkpoint() if family.checkpoint else ""
    return family.make("message", class_weight, 7, Extras(embeddings=given, transformer=fine_tuned))


@cache
def checkpoint():
    """The folder of a tiny transformer, which is removed at the end."""
    folder = tempfile.TemporaryDirectory()
    atexit.register(folder.cleanup)
    return str(write_checkpoint(Path(folder.name), sum(WORDS.values(), ())))


def fit(family, rows=240, class_weight=None):
    texts, labels = labelled(rows)
    return make(family, class_weight).fit(np.array(texts, object), np.array(labels, object))


@pytest.fixture(scope="module", params=FAMILIES.values(), ids=FAMILIES)
def family(request):
    if lack := request.param.lacks(embeddings=True, checkpoint=True):
        pytest.skip(lack)
    return request.param


@pytest.fixture(scope="module")
def model(family):
    return fit(family)


def test_a_family_says_what_it_is(family):
    assert FAMILIES[family.name] is family
    assert family.summary
    assert family.requirements == tuple(sorted(family.requirements))


def test_a_family_whose_extra_is_missing_says_which_command_installs_it(family):
    without = replace(family, needs=("json", "no_such_module"), extra="neural")
    with pytest.raises(FamilyUnavailable) as raised:
        make(without)
    needs = f"MODEL_FAMILY={family.name} needs no_such_module: run `make neural`."
    assert str(raised.value) == needs == without.lacks(embeddings=True, checkpoint=True)


def test_a_family_that_needs_vectors_or_a_checkpoint_says_so(family):
    said = "set EMBEDDINGS." if family.embeddings == "needed" else ""
    said = "set TRANSFORMER." if family.checkpoint else said
    assert family.lacks().endswith(said)
    assert bool(family.lacks()) == bool(said)


def test_classes_are_sorted_strings(model):
    assert isinstance(model, Classifier)
    assert model.classes_.tolist() == sorted(LABELS)
    assert {type(name) for name in model.classes_} <= {str, np.str_}


def test_it_learns_what_tells_the_classes_apart(model):
    texts, labels = labelled(90, seed=11)
    answers = model.classes_[model.predict_proba(texts).argmax(axis=1)]
    assert (answers == np.array(labels, object)).mean() > 0.8


@pytest.mark.parametrize("texts", [NEW, NEW[:1], []], ids=len)
def test_each_row_has_probabilities_that_sum_to_one(model, texts):
    proba = model.predict_proba(texts)
    assert proba.shape == (len(texts), len(LABELS))
    assert proba.dtype == np.float64
    assert ((proba >= 0) & (proba <= 1)).all()
    assert proba.sum(axis=1) == pytest.approx(np.ones(len(texts)))


def test_what_is_missing_is_an_empty_text(model):
    missing = model.predict_proba([None, pd.NA, float("nan"), ""])
    assert len({row.tobytes() for row in missing}) == 1


@pytest.mark.parametrize("kind", [list, tuple, lambda t: np.array(t, object), pa.array, pd.Series])
def test_texts_may_come_as_any_sequence(model, kind):
    assert model.predict_proba(kind(NEW)).tobytes() == model.predict_proba(NEW).tobytes()


def test_answers_depend_on_neither_chunks_nor_order(model):
    texts = NEW + labelled(60, seed=5)[0]
    whole = model.predict_proba(texts)
    chunks = [model.predict_proba(texts[start : start + 7]) for start in range(0, len(texts), 7)]
    assert np.concatenate(chunks).tobytes() == whole.tobytes()
    assert model.predict_proba(texts[::-1])[::-1].tobytes() == whole.tobytes()


def test_fitting_again_gives_the_same_model(family, model):
    assert fit(family).predict_proba(NEW).tobytes() == model.predict_proba(NEW).tobytes()


def test_balanced_classes_are_accepted(family):
    assert fit(family, class_weight="balanced").predict_proba(NEW).shape == (len(NEW), len(LABELS))


@pytest.mark.parametrize("library", [pickle, cloudpickle])
def test_a_pickled_model_answers_bit_by_bit_the_same(model, library):
    again = pickle.loads(library.dumps(model))
    assert again.predict_proba(NEW).tobytes() == model.predict_proba(NEW).tobytes()
    assert again.classes_.tolist() == model.classes_.tolist()


def test_a_stored_model_needs_nothing_of_this_project_nor_of_other_families(
    family, model, tmp_path
):
    others = {name for each in FAMILIES.values() for name in each.requirements}
    cloudpickle.register_pickle_by_value(common.models)
    try:
        (tmp_path / "model.pkl").write_bytes(cloudpickle.dumps(model))
    finally:
        cloudpickle.unregister_pickle_by_value(common.models)
    code = (
        "import pickle, sys\n"
        "class Absent:\n"
        "    def find_spec(self, name, *_):\n"
        f"        if name in {others - {*family.requirements}!r}: raise ModuleNotFoundError(name)\n"
        "sys.meta_path.insert(0, Absent())\n"
        "print(pickle.load(open('model.pkl', 'rb')).predict_proba(['a b']).shape)"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", code], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.stdout == f"(1, {len(LABELS)})\n", done.stderr
    assert str(ROOT) not in done.stderr


def test_many_threads_get_the_answers_of_one(model):
    assert type(model).concurrent is True
    again = pickle.loads(pickle.dumps(model))
    asked = [labelled(20, seed=seed)[0] for seed in range(40)]
    expected = [model.predict_proba(texts).tobytes() for texts in asked]
    with ThreadPoolExecutor(THREADS) as threads:
        found = threads.map(lambda texts: again.predict_proba(texts).tobytes(), asked)
        assert list(found) == expected


@pytest.mark.parametrize("frame", [pd.DataFrame({"message": NEW}), NEW], ids=["frame", "list"])
def test_a_frame_has_the_most_probable_class_and_its_probability(model, frame):
    answers = model.predict_frame(frame)
    proba = model.predict_proba(NEW)
    assert list(answers.columns) == ["prediction", "confidence"]
    assert answers["prediction"].tolist() == model.classes_[proba.argmax(axis=1)].tolist()
    assert answers["confidence"].tolist() == proba.max(axis=1).tolist()


def test_every_step_of_fitting_is_told(family):
    texts, labels = labelled(240)
    steps = []
    make(family).fit(texts, labels, steps.append)
    assert sum(steps) == family.steps


def test_one_class_is_refused(family):
    with pytest.raises(ValueError, match="two classes"):
        make(family).fit(["a b", "c d"], ["calm", "calm"])


def test_reasons_are_weighted_words_the_heaviest_first(model):
    if not isinstance(model, Explains):
        assert not hasattr(model, "explain")
        return
    texts = labelled(9, seed=2)[0]
    reasons = model.explain(texts, model.predict_proba(texts), top=3)
    assert len(reasons) == len(texts)
    assert any(reasons)
    for text, pairs in zip(texts, reasons, strict=True):
        weights = [weight for _, weight in pairs]
        assert len(pairs) <= 3
        assert weights == sorted(weights, reverse=True)
        assert all(word in text for word, _ in pairs)


def test_telling_terms_are_those_of_each_class(model):
    if not isinstance(model, TellsTerms):
        assert not hasattr(model, "telling_terms")
        return
    terms = model.telling_terms(top=4)
    assert list(terms) == model.classes_.tolist()
    for label, pairs in terms.items():
        assert len(pairs) <= 4
        assert pairs[0][0] in WORDS[label]


def test_unknown_words_are_those_that_no_training_text_had(model):
    if not isinstance(model, KnowsWords):
        assert not hasattr(model, "unknown_words")
        return
    found = model.unknown_words(["zebra lost quagga", "", "thanks"])
    assert [(sorted(words), count) for words, count in found] == [
        (["quagga", "zebra"], 3),
        ([], 0),
        ([], 1),
    ]
