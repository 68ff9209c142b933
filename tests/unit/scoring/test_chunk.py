"""What is added to each row."""

import re

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scoring_helpers import IDENTITY, plan, read, write

from common.errors import InputError, ModelUnavailable
from common.scoring.file import Options, score_file
from common.scoring.manifest import Outcomes
from common.scoring.model import LoadedModel


def test_blank_texts_stay_with_empty_cells(tmp_path, score):
    job, manifest = score(write(tmp_path / "a.csv", "1,,x", "2,  ,y", "3,NA,z", '4," \u3000",'))
    assert [row[3:] == ["", "", ""] for row in read(job.output)[1:]] == [True, True, False, True]
    assert manifest.rows == Outcomes(read=4, scored=1, blank=3, rejected=0)


def test_probabilities_of_all_classes_add_up(tmp_path, score):
    job, _ = score(write(tmp_path / "a.csv", "1,lost,", "2,,"), prefix="m_", proba=True)
    header, first, blank = read(job.output)
    assert header[3:6] == ["m_prediction", "m_confidence", "m_model_version"]
    assert header[6:] == ["m_proba_angry", "m_proba_calm", 'm_proba_odd, "very"']
    assert sum(map(float, first[6:])) == pytest.approx(1, abs=1e-5)
    assert float(first[4]) == max(map(float, first[6:]))
    assert blank[3:] == [""] * 6


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_reasons_are_words_of_the_message(tmp_path, score, ending):
    source = write(tmp_path / "a.csv", '1,"it is LOST!!",', "2,,")
    job, _ = score(source, tmp_path / f"out.{ending}", explain=True)
    if ending == "csv":
        (first, blank) = [row[6] for row in read(job.output)[1:]]
    else:
        first, blank = pq.read_table(job.output)["because"].to_pylist()
    assert re.fullmatch(r"(\S+ \(\+\d\.\d\d\)(, )?)+", first)
    assert "LOST (+" in first, "as the message writes it"
    assert not blank


def test_a_text_column_of_lists_is_refused_by_its_name(tmp_path, score):
    source = tmp_path / "a.parquet"
    pq.write_table(pa.table({"text": [["lost"]]}), source)
    with pytest.raises(InputError, match=r"a\.parquet, column 'text', holds list"):
        score(source)
    assert list(tmp_path.iterdir()) == [source]


def test_a_model_that_cannot_explain_its_answers_says_so(tmp_path):
    class Silent:
        classes_ = np.array(["angry", "calm"], object)

        def predict_proba(self, texts):
            return np.full((len(texts), 2), 0.5)

    source, silent = write(tmp_path / "a.csv", "1,hello,"), LoadedModel(Silent(), IDENTITY)
    job = plan(source, with_reasons=True)
    with pytest.raises(ModelUnavailable, match=r"version 7 of triage can't explain.*--explain"):
        score_file(job, silent, Options())
    assert list(tmp_path.iterdir()) == [source]
    assert score_file(plan(source), silent, Options()).classes == {"angry": 1, "calm": 0}
