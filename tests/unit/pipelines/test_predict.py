"""What a request of predict refuses, before anything is loaded."""

import subprocess
import sys
from datetime import date
from pathlib import Path

import pyarrow as pa
import pytest
from helpers import ROOT

from common.errors import InputError, SettingsError
from common.pipelines.predict import PredictRequest, classify

FILE, PIPE = Path("a.csv"), Path("-")


@pytest.mark.parametrize(
    ("inputs", "how", "says"),
    [
        ([FILE], {"output": FILE, "output_dir": Path("x")}, "two places"),
        ([FILE], {"run_id": "x"}, "are for --output-dir"),
        ([FILE], {"run_date": date(2026, 3, 1)}, "are for --output-dir"),
        ([FILE], {"engine": "sparc"}, "local or spark, not 'sparc'"),
        ([FILE], {"spark_master": "local[2]"}, "is for --engine spark"),
        ([FILE], {"chunk_size": 0}, "at least 1"),
        ([FILE], {"workers": 0}, "at least 1"),
        ([PIPE], {"engine": "spark", "output": FILE}, "save it as a file"),
        ([PIPE, FILE], {}, "scored alone"),
        ([], {}, "at least one path"),
        ("a.csv", {}, "a list"),
        (pa.table({"text": ["hello"]}), {}, "a place for its output"),
    ],
)
def test_what_can_not_be_meant_together_is_one_line(inputs, how, says):
    with pytest.raises(SettingsError, match=says) as caught:
        PredictRequest(inputs, **how)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("inputs", "how", "expected"),
    [
        ([PIPE], {}, True),
        ([PIPE], {"output": FILE}, False),
        ([PIPE], {"output_dir": Path("x")}, False),
        ([FILE], {}, False),
        (pa.table({"text": ["hello"]}), {"output": FILE}, False),
    ],
)
def test_only_a_pipe_without_a_place_goes_to_standard_output(inputs, how, expected):
    assert PredictRequest(inputs, **how).to_stdout is expected


def test_a_request_is_made_without_loading_a_heavy_library():
    code = """
import sys
from pathlib import Path
from common.pipelines.predict import PredictRequest, classify
PredictRequest([Path("a.csv")])
print(sorted({"mlflow", "sklearn", "pandas", "numpy", "pyarrow", "pydantic"} & set(sys.modules)))
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert (done.stdout, done.stderr) == ("[]\n", "")


@pytest.mark.parametrize("inputs", [Path("new.csv"), "new.csv", []])
def test_inputs_that_are_not_a_list_of_paths_are_refused(inputs):
    with pytest.raises(SettingsError, match="a list of at least one path"):
        PredictRequest(inputs, output=Path("out.csv"))


def test_one_text_is_not_taken_for_a_list_of_letters():
    with pytest.raises(InputError, match="not one text"):
        classify("hello")


def test_a_request_shows_no_password():
    assert "secret" not in repr(PredictRequest([Path("a")], tracking_uri="http://u:secret@h"))
