"""What a model from elsewhere answers, and the process that it runs in.

The process runs a small program here that speaks as `registry.adopted_worker` does; tests/e2e has
models of MLflow.
"""

import os
import pickle
import signal
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from common.models import adopted_process
from common.models.adopted import ASKED_AT_ONCE, AdoptedClassifier, Mapping, probabilities
from common.models.base import Classifier

PROGRAM = """
import json, os, pathlib, sys, time
header = json.loads(sys.stdin.buffer.readline())
archive = sys.stdin.buffer.read(header["bytes"])
def say(answer):
    print(json.dumps(answer), flush=True)
if archive == b"broken":
    say({"error": "ImportError", "detail": "no such thing"})
say({"classes": ["odd", "even"], "column": header["column"]})
for line in sys.stdin.buffer:
    texts = json.loads(line)
    if texts is None or "die" in texts:
        break
    if texts[0].startswith("hang"):
        mark = pathlib.Path(texts[0].removeprefix("hang "))
        if not mark.is_file():
            mark.is_dir() or mark.touch()
            os.fork()
            time.sleep(60)
    if "fail" in texts:
        say({"error": "ValueError", "detail": "of fail"})
    else:
        say({"scores": [[len(text) % 2, 1 - len(text) % 2] for text in texts]})
"""
LABELS = PROGRAM.replace(
    '"scores": [[len(text) % 2, 1 - len(text) % 2] for text in texts]',
    '"labels": [text[-1] for text in texts]',
)
NAMES = Mapping(("b", "a"), class_columns=("b", "a"))


@pytest.fixture
def classifier():
    made = AdoptedClassifier("text", b"zip", None, None, PROGRAM)
    made.understand(Mapping(tuple(made.own_classes)))
    return made


def test_it_promises_what_a_classifier_does(classifier):
    assert isinstance(classifier, Classifier)
    assert classifier.classes_.tolist() == ["even", "odd"]
    assert classifier.predict_proba(["a", "ab"]).tolist() == [[0, 1], [1, 0]]
    assert classifier.predict_proba(pa.array(["ab", None])).tolist() == [[1, 0], [1, 0]]
    assert classifier.predict_proba([]).shape == (0, 2)
    frame = classifier.predict_frame(pd.DataFrame({"text": ["a"], "other": [1]}))
    assert frame.to_dict("list") == {"prediction": ["odd"], "confidence": [1.0]}
    many = ["x" * (k % 3) for k in range(ASKED_AT_ONCE + 1)]
    assert classifier.predict(many).tolist() == ["odd" if len(t) % 2 else "even" for t in many]
    copy = pickle.loads(pickle.dumps(classifier))
    assert copy.predict(["a"]).tolist() == ["odd"]


def test_the_classes_that_it_says_are_told_as_it_calls_them(classifier):
    texts = np.array(["0", "1"] * ASKED_AT_ONCE + ["say 0"], object)
    said = AdoptedClassifier("text", b"zip", None, None, LABELS)
    said.understand(Mapping(("b", "a")))
    assert said.classes_said(texts) == [text[-1] for text in texts]


def test_several_threads_get_each_their_own_answers(classifier):
    asked = [["x" * (k % 7)] * (k % 5) for k in range(200)]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(classifier.predict, asked))
    assert [row.tolist() for row in found] == [classifier.predict(row).tolist() for row in asked]


def test_a_process_that_ends_is_started_again(classifier):
    os.kill(classifier._process._process.pid, signal.SIGKILL)
    assert classifier.predict(["a"]).tolist() == ["odd"]
    for ask in (classifier.predict, classifier.raw_answer):
        with pytest.raises(RuntimeError, match="ends when it is asked"):
            ask(["die"])
    assert classifier.predict(["a"]).tolist() == ["odd"]


def test_a_process_that_hangs_is_killed_and_started_again_once(classifier, monkeypatch, tmp_path):
    monkeypatch.setattr(adopted_process, "PATIENCE_SECONDS", 0.6)
    monkeypatch.setattr(adopted_process, "SECONDS_A_TEXT", 0)
    first = classifier._process._process
    assert classifier.predict([f"hang {tmp_path}/once"]).shape == (1,)
    assert classifier._process._process is not first
    with pytest.raises(RuntimeError, match="the adopted model hangs: no answer within 1 s"):
        classifier.predict([f"hang {tmp_path}"])
    assert classifier.predict(["a"]).tolist() == ["odd"]
    with pytest.raises(RuntimeError, match="no answer within 1 s"):
        AdoptedClassifier("text", b"", None, None, "import time; time.sleep(60)")


def test_a_fork_asks_a_process_of_its_own(classifier):
    before = classifier._process._process.pid
    child = os.fork()
    if not child:
        try:
            same = classifier.predict(["a"]).tolist() == ["odd"]
            os._exit(0 if same and classifier._process._process.pid != before else 1)
        finally:
            os._exit(2)
    assert os.waitpid(child, 0)[1] == 0
    assert classifier.predict(["a"]).tolist() == ["odd"]
    assert classifier._process._process.pid == before


def test_errors_quote_no_messages_but_those_that_are_made_up(classifier):
    with pytest.raises(RuntimeError) as caught:
        classifier.predict(["fail"])
    assert str(caught.value) == "the adopted model fails (ValueError)"
    with pytest.raises(RuntimeError, match="ValueError: of fail"):
        classifier.raw_answer(["fail"])
    with pytest.raises(RuntimeError, match="ImportError: no such thing"):
        AdoptedClassifier("text", b"broken", None, None, PROGRAM)
    with pytest.raises(RuntimeError, match="its process ends at once: ZeroDivisionError"):
        AdoptedClassifier("text", b"", None, None, "1 / 0")
    with pytest.raises(RuntimeError, match="/no/python can't be run"):
        AdoptedClassifier("text", b"", None, "/no/python", PROGRAM)


@pytest.mark.parametrize(
    ("answer", "mapping", "expected"),
    [
        ({"scores": [[0.2, 0.8]]}, NAMES, [0.2, 0.8]),
        ({"scores": [[0.2]]}, NAMES, [0.8, 0.2]),
        ({"scores": [[0.0, np.log(3)]]}, Mapping(("b", "a"), "logits"), [0.25, 0.75]),
        ({"scores": [[np.log(3)]]}, Mapping(("b", "a"), "logits"), [0.25, 0.75]),
        ({"labels": ["a"]}, Mapping(("b", "a"), sureness=0.9), [0.1, 0.9]),
        ({"labels": ["A"]}, NAMES, [0, 1]),
        ({"labels": ["0"]}, Mapping(("b", "a"), numbered=True), [1, 0]),
        ({"labels": ["1"]}, Mapping(("1", "2"), numbered=True), [0, 1]),
        ({"labels": ["1"]}, Mapping(("1", "2")), [1, 0]),
        ({"columns": {"label": ["b"]}}, NAMES, [1, 0]),
        ({"columns": {"a": [0.3], "b": [0.7]}}, NAMES, [0.7, 0.3]),
        (
            {"columns": {"id": [1.0], "neg": [0.3], "pos": [0.7]}},
            Mapping(("a", "b"), class_columns=("neg", "pos")),
            [0.3, 0.7],
        ),
        (
            {"columns": {"label": ["a"], "score": [0.6]}},
            Mapping(("b", "a"), label_column="label", score_column="score"),
            [0.4, 0.6],
        ),
    ],
)
def test_answers_of_each_form_become_probabilities(answer, mapping, expected):
    assert probabilities(answer, 1, mapping)[0] == pytest.approx(expected)


def test_an_answer_stays_the_most_probable_class_however_unsure_it_is():
    proba = probabilities({"labels": ["c"]}, 1, Mapping(("a", "b", "c"), sureness=0.1))
    assert proba.argmax() == 2
    assert proba.sum() == pytest.approx(1)


def test_how_sure_a_model_is_must_be_a_number():
    mapping = Mapping(("b", "a"), label_column="label", score_column="score")
    for score, said in (("whose", "the model's column score holds no numbers$"), ("nan", "NaN")):
        with pytest.raises(ValueError, match=said):
            probabilities({"columns": {"label": ["a"], "score": [score]}}, 1, mapping)
    logits = Mapping(("b", "a"), "logits")
    with pytest.raises(ValueError, match="infinite"):
        probabilities({"scores": [[np.nan, 1.0]]}, 1, logits)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({"scores": [[0.2, 0.3, 0.5]]}, "with 1 x 3 figures, but there are 2 labels"),
        ({"scores": [[-1.0, 2.0]]}, "if they are logits, say so"),
        ({"scores": []}, "1 texts with 0"),
        ({"scores": [[np.nan, 0.5]]}, r"infinite or no numbers \(NaN\)"),
        ({"scores": [[np.inf, 0.0]]}, "infinite"),
        ({"columns": {"a": ["0.5"], "b": ["whose"]}}, "column b holds no numbers$"),
        ({"labels": ["c"]}, "a class that is not among its labels"),
        ({"labels": ["0"]}, "a class that is not among its labels"),
        ({"labels": []}, "1 texts with 0 classes"),
        ({"columns": {"x": ["a"], "y": [1.0]}}, r"columns x, y: say which one .*--label-column"),
    ],
)
def test_answers_that_mean_something_else_are_refused(answer, said):
    with pytest.raises(ValueError, match=said):
        probabilities(answer, 1, NAMES)
