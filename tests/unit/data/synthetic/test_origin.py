"""Made-up messages are recognised by their authors, real ones never taken for made-up."""

import pytest

from common.data.synthetic.origin import is_synthetic


@pytest.mark.parametrize(
    ("authors", "expected"),
    [
        (["synthetic_1", "synthetic_2"], True),
        (["115712", "FictelCare"], True),
        (["115712", "sprintcare"], False),
        (["115712", "115713"], False),
        (["synthetic_1", "ann"], False),
        (["FictelCare", "ann"], False),
        (["synthetic_1", ""], False),
        ([], False),
    ],
)
def test_all_authors_must_be_ours(authors, expected):
    assert is_synthetic(authors) is expected
