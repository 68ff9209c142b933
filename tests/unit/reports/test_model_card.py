import re

import pytest

from common.evaluation.metrics import ClassMetrics
from common.reports.model_card import Card, inline, limits, render
from common.training.contest import Rule, Verdict

HOSTILE = "a|b`c`\n| x | <script>alert(1)</script> [link](y) **bold**"
NAN = float("nan")


def a_card(**other):
    values = {
        "model": "triage",
        "version": 7,
        "text_column": "text",
        "label_source": "column 'inbound'",
        "data_name": "messages.csv",
        "data_sha256": "e3b0c442",
        "synthetic": False,
        "train_rows": 8000,
        "holdout_rows": 2000,
        "metrics": {"accuracy": 0.9, "f1_macro": 0.8, "ece": 0.01},
        "per_class": {
            "order": ClassMetrics(1500, 0.9, 0.95, 0.92),
            "refund": ClassMetrics(500, 0.8, 0.7, 0.75),
        },
        "verdict": Verdict(True, "promoted", "new champion", "it is better"),
    }
    return Card(**values | other)


def test_the_card_has_the_sections_and_the_figures():
    text = render(a_card())
    titles = ["Intended use", "Data", "Metrics", "Promotion", "Limits", "How to load it"]
    assert re.findall("^## (.*)$", text, re.MULTILINE) == titles
    assert "0.9000 (95 % interval 0.8861 to 0.9124)" in text
    assert "8,000 fitted on, 2,000 held out" in text
    assert "promoted: new champion: it is better." in text
    assert "mlflow.pyfunc.load_model('models:/triage/7')" in text
    assert "python predict.py messages.csv --model 7" in text


def test_the_snippet_in_python_can_be_compiled_whatever_the_names():
    text = render(a_card(model="tri'age\n```", text_column='te"xt'))
    (snippet,) = re.findall("^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    compile(snippet, "snippet", "exec")


def test_hostile_names_stay_in_their_cell():
    per_class = {HOSTILE: ClassMetrics(5, NAN, 0.0, NAN)}
    rule = Rule("accuracy", HOSTILE, None, 0.1, HOSTILE, False)
    verdict = Verdict(False, "rejected", HOSTILE, HOSTILE, (rule,))
    text = render(
        a_card(data_name=HOSTILE, label_source=HOSTILE, per_class=per_class, verdict=verdict)
    )
    assert not re.search(r"(?<!\\)<script|(?<!\\)\[link|(?<!\\)\*\*bold", text)
    tables = re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE)
    assert len(tables) == 3
    for table in tables:
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}) == 1
    assert "nan" not in text


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        ({"synthetic": True}, "SYNTHETIC"),
        ({"metrics": {"accuracy": 0.9, "ece": 0.12}}, "Confidence is off by 0.1200"),
        ({"family_limits": "It knows English alone."}, "It knows English alone."),
        ({"per_class": {"rare": ClassMetrics(29, 1.0, 1.0, 1.0)}}, "rely on: rare."),
    ],
)
def test_a_limit_is_told_where_it_holds(other, expected):
    assert expected in " ".join(limits(a_card(**other)))
    assert expected not in " ".join(limits(a_card()))


def test_rare_classes_beyond_fifty_are_counted():
    per_class = {f"class {k:02}": ClassMetrics(100 - k, 0.5, 0.5, 0.5) for k in range(60)}
    text = render(a_card(per_class=per_class))
    assert "class 49" in text
    assert "class 50" not in text
    assert "10 rarer classes are left out." in text


def test_inline_text_is_cut():
    assert len(inline("x" * 1000)) == 200
