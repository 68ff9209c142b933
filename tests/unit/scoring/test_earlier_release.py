"""What the release before this one left is recognised: a finished manifest, an interrupted draft.

All texts here were written by that release; they are not to be brought up to date.
"""

import json

import numpy as np
import pytest
from scoring_helpers import plan

from common.data.reading import Reading
from common.scoring.file import Options, score_file
from common.scoring.manifest import Manifest
from common.scoring.model import LoadedModel, ModelIdentity

INPUT = "id;text\n1;hello\n2;\n3\n4;bye\n5;see you\n"
OUTPUT = """\
id;text;ml_prediction;ml_confidence;ml_model_version;ml_proba_angry;ml_proba_calm;ml_because
1;hello;calm;0.75;7;0.25;0.75;a (+0.50)
2;;;;;;;
4;bye;calm;0.75;7;0.25;0.75;a (+0.50)
5;see you;calm;0.75;7;0.25;0.75;a (+0.50)
"""
REJECTS = 'line,reason,raw\n4,"expected 2 fields, found 1",3\n'
MANIFEST = """\
{
  "identity": {
    "input": "3155317ecb4d045eebd23710837bb0cac321ca1fac8fe22ad31873b585ad50ad",
    "model": [
      {
        "name": "triage",
        "version": 7,
        "run_id": "abc"
      },
      {
        "name": "triage",
        "version": 8,
        "run_id": "def"
      }
    ],
    "settings": {
      "text_column": "text",
      "format": "csv",
      "prefix": "ml_",
      "with_proba": true,
      "with_reasons": true,
      "keep": [
        "id",
        "text"
      ],
      "spreadsheet_safe": true,
      "reading": {
        "delimiter": ";",
        "encoding": "utf-8",
        "header": null,
        "member": null,
        "field_characters": 16000000
      },
      "part": false,
      "chunk_rows": 2,
      "output_version": 1
    }
  },
  "model": {
    "name": "triage",
    "version": 7,
    "run_id": "abc"
  },
  "input": {
    "path": "a.csv",
    "size": 37,
    "sha256": "3155317ecb4d045eebd23710837bb0cac321ca1fac8fe22ad31873b585ad50ad"
  },
  "output": {
    "path": "a.predictions.csv",
    "size": 222,
    "sha256": "e89d4bb26d1abbe046c5e6eed54f9a918d2e65d6a865450494770b60590bba36",
    "rejects": "a.predictions.csv.rejects.csv"
  },
  "rows": {
    "read": 5,
    "scored": 3,
    "blank": 1,
    "rejected": 1
  },
  "replaced_cells": 0,
  "classes": {
    "angry": 0,
    "calm": 3
  },
  "mean_confidence": 0.75,
  "seconds": 0.271,
  "rows_per_second": 18.4,
  "workers": 1,
  "versions": {
    "python": "3.11.7",
    "catboost": "1.2.10",
    "mlflow": "3.17.2",
    "scikit-learn": "1.9.1",
    "pyarrow": "25.0.1"
  },
  "shadow": {
    "model": {
      "name": "triage",
      "version": 8,
      "run_id": "def"
    },
    "rows": 3,
    "agreeing": 0,
    "agreement": 0.0,
    "by_class": {
      "calm": {
        "rows": 3,
        "agreeing": 0,
        "agreement": 0.0
      }
    },
    "changes": [
      {
        "from": "calm",
        "to": "angry",
        "rows": 3
      }
    ],
    "first_differing_rows": [
      {
        "row": 1,
        "from": "calm",
        "to": "angry"
      },
      {
        "row": 3,
        "from": "calm",
        "to": "angry"
      },
      {
        "row": 4,
        "from": "calm",
        "to": "angry"
      }
    ]
  }
}
"""
# After the first two of three chunks; 20 more bytes of the third were written.
DRAFT = OUTPUT[:200]
STATE = (
    '{"identity": {"input": "3155317ecb4d045eebd23710837bb0cac321ca1fac8fe22ad31873b585ad50ad", '
    '"model": [{"name": "triage", "version": 7, "run_id": "abc"}, '
    '{"name": "triage", "version": 8, "run_id": "def"}], '
    '"settings": {"text_column": "text", "format": "csv", "prefix": "ml_", "with_proba": true, '
    '"with_reasons": true, "keep": ["id", "text"], "spreadsheet_safe": true, '
    '"reading": {"delimiter": ";", "encoding": "utf-8", "header": null, "member": null, '
    '"field_characters": 16000000}, "part": false, "chunk_rows": 2, "output_version": 1}}, '
    '"content_bytes": 180, "rejects_bytes": 49, '
    '"payload": {"tally": {"scored": 2, "blank": 1, "rejected": 1, "replaced": 0, '
    '"classes": {"calm": 2}, "confidence": 1.5, '
    '"shadow": {"pairs": [["calm", "angry", 2]], '
    '"differing": [[1, "calm", "angry"], [3, "calm", "angry"]]}, '
    '"chunks": 2, "seconds": 0.012298355999973865}, "bytes": 37}}'
)


class Constant:
    """Gives every text the same answer, and counts the texts."""

    classes_ = np.array(["angry", "calm"], object)

    def __init__(self, *proba):
        self.proba = proba
        self.asked = 0

    def predict_proba(self, texts):
        self.asked += len(texts)
        return np.tile(self.proba, (len(texts), 1))

    def explain(self, texts, proba, top=3):
        return [[("a", 0.5)]] * len(texts)


@pytest.fixture
def job(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    source = tmp_path / "a.csv"
    source.write_text(INPUT)
    return plan(
        source.relative_to(tmp_path),
        prefix="ml_",
        with_proba=True,
        with_reasons=True,
        keep=("id", "text"),
        spreadsheet_safe=True,
        reading=Reading(delimiter=";", encoding="utf-8"),
    )


def score(job, classifier):
    model = LoadedModel(classifier, ModelIdentity("triage", 7, "abc"))
    challenger = LoadedModel(Constant(0.75, 0.25), ModelIdentity("triage", 8, "def"))
    return score_file(job, model, Options(chunk_rows=2), challenger)


def test_what_it_scored_is_not_scored_again(job):
    for path, text in ((job.output, OUTPUT), (job.rejects, REJECTS), (job.manifest, MANIFEST)):
        path.write_text(text)
    classifier = Constant(0.25, 0.75)
    manifest = score(job, classifier)
    assert manifest.done_already
    assert classifier.asked == 0
    assert manifest.to_json() == json.loads(MANIFEST) | {"done_already": True}


def test_what_it_was_interrupted_in_is_resumed(job, caplog):
    for ending, text in (("", DRAFT), ("-rejects", REJECTS), ("-state", STATE)):
        job.output.with_name(f".{job.output.name}.draft{ending}").write_text(text)
    classifier = Constant(0.25, 0.75)
    manifest = score(job, classifier)
    assert "starting over" not in caplog.text
    assert classifier.asked == 1
    assert (job.output.read_text(), job.rejects.read_text()) == (OUTPUT, REJECTS)
    expected = json.loads(MANIFEST)
    for changing in ("seconds", "rows_per_second", "versions"):
        expected[changing] = manifest.to_json()[changing]
    assert manifest.to_json() == expected


def test_the_manifest_keeps_its_bytes():
    again = Manifest.from_json(json.loads(MANIFEST)).to_json()
    assert json.dumps(again, indent=2) + "\n" == MANIFEST


@pytest.mark.parametrize("damage", ["{", "[]", "3", '{"identity": []}', MANIFEST.replace("7", "x")])
def test_a_damaged_manifest_is_one_of_nothing(job, damage):
    for path, text in ((job.output, OUTPUT), (job.rejects, REJECTS), (job.manifest, damage)):
        path.write_text(text)
    assert not score(job, Constant(0.25, 0.75)).done_already
