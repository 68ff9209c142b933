"""Files of what mistakes cost: read, or refused in one line that names file and row."""

import re

import pytest

from common.data.cost_file import read_costs
from common.errors import InputError

HEADER = "truth,answer,cost\n"


@pytest.fixture
def written(tmp_path):
    def write(text, header=HEADER):
        path = tmp_path / "costs.csv"
        path.write_bytes((header + text).encode() if isinstance(text, str) else text)
        return path

    return write


def test_rows_are_costs_by_true_class_and_answer(written):
    text = '\ufeffTruth, answer ,cost\r\nurgent,*,10\r\n\r\n*,@person,.5\r\n"a, ""b""",NA,0\r\n'
    found = read_costs(written(text, ""))
    assert found.costs == {
        ("urgent", "*"): 10,
        ("*", "@person"): 0.5,
        ('a, "b"', "NA"): 0,
    }
    assert list(found.rows.values()) == [2, 4, 5]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("urgent,*\n", r"row 2: 2 cells, not the three of truth,answer,cost\."),
        ("a,b,1\nurgent,*,1,2\n", r"row 3: 4 cells"),
        ("a,,1\n", r"row 2: truth and answer must be a class each"),
        ("a,b,-1\n", r"row 2: the cost must be a number from 0 on, not '-1'\."),
        ("a,b,inf\n", r"not 'inf'\."),
        ("a,b,nan\n", r"not 'nan'\."),
        ("a,b,1e999\n", r"not '1e999'\."),
        ("a,b,\n", r"not ''\."),
        ("a,b,1\na,c,2\na, b,3\n", r"row 4: the pair of row 2 again\."),
        ("@person,b,1\n", r"row 2: @person is an answer, so it stands in the second column\."),
        ('a,"b,1\n', r"row 2: unexpected end of data\."),
        ("", r"has no row: write them as urgent,other,10\."),
    ],
)
def test_a_row_that_is_no_cost_is_refused_in_one_line(written, text, told):
    with pytest.raises(InputError) as refused:
        read_costs(written(text))
    assert re.search(told, str(refused.value))
    assert "costs.csv" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_what_is_no_such_file_is_refused(written, tmp_path):
    with pytest.raises(InputError, match=r"row 1: the header must be truth,answer,cost\."):
        read_costs(written("a;b;1\n", "truth;answer;cost\n"))
    with pytest.raises(InputError, match=r"costs\.csv, row 2: not UTF-8\."):
        read_costs(written(b"truth,answer,cost\n\xff,b,1\n"))
    with pytest.raises(InputError, match=r"cannot read .*none\.csv: No such file"):
        read_costs(tmp_path / "none.csv")
    with pytest.raises(InputError, match="larger than 1,000,000 bytes"):
        read_costs(written("a,b,1\n" * 200_000))


def test_an_unknown_class_is_named_with_its_row_and_those_that_are(written):
    found = read_costs(written("a,*,2\na,nope,1\n"))
    found.require_classes(["a", "nope"])
    with pytest.raises(InputError, match=r"costs\.csv, row 3: 'nope' is no class .*: a and b\."):
        found.require_classes(["b", "a"])


def test_a_class_that_is_called_as_a_sign_is_refused(written):
    found = read_costs(written("a,b,2\n"))
    with pytest.raises(InputError, match=r"'@person' is a class of the messages"):
        found.require_classes(["a", "b", "@person"])


def test_looks_cost_something_for_all_classes_or_for_none(written):
    found = read_costs(written("a,@person,2\n"))
    found.require_classes(["a"])
    with pytest.raises(InputError, match=r"but not for 'b': add a row \*,@person,COST"):
        found.require_classes(["a", "b"])
    read_costs(written("a,@person,2\n*,@person,1\n")).require_classes(["a", "b"])
