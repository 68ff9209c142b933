import re
import shlex

import pytest

from common.evaluation.metrics import ClassMetrics
from common.reports.charts import Group
from common.reports.model_card import Card, inline, limits, render
from common.training.contest import Rule, Verdict

HOSTILE = "a|b`c`\n| x | <script>alert(1)</script> [link](y) **bold**"
NAN = float("nan")


def a_card(**other):
    values = {
        "model": "triage",
        "version": 7,
        "run_id": "abc123",
        "trained": "2026-03-02 06:00 UTC by ann@here",
        "git_commit": "e83c5163",
        "columns": {"--text-column": "text", "--target-column": "my class"},
        "text_column": "text",
        "label_source": "column 'inbound'",
        "data_name": "messages.csv",
        "data_sha256": "e3b0c442",
        "synthetic": False,
        "rows_in_words": "10,000 of 10,020 rows used",
        "train_rows": 8000,
        "train_classes": {"order": 6100, "refund": 1900},
        "holdout_rows": 2000,
        "metrics": {"accuracy": 0.9, "f1_macro": 0.8, "ece": 0.01},
        "per_class": {
            "order": ClassMetrics(1500, 0.9, 0.95, 0.92),
            "refund": ClassMetrics(500, 0.8, 0.7, 0.75),
        },
        "segments": (Group("north", 1200, (0.93,)), Group("south", 800, (0.855,))),
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
    assert "Trained 2026-03-02 06:00 UTC by ann@here, at commit e83c5163." in text
    assert "[contest.html](contest.html), beside this card in run abc123" in text
    assert "| order   | 6,100           | 1,500          |" in text
    assert "| south     | 800            | 0.8550     |" in text


def test_the_commands_name_the_version_and_its_columns():
    text = render(a_card())
    model = "--model 7 --model-name triage --text-column text"
    assert f"\npython predict.py new.csv {model}\n" in text
    assert f"\npython monitor.py --data labelled.csv {model} --target-column 'my class'\n" in text


def test_the_snippet_in_python_can_be_compiled_whatever_the_names():
    text = render(a_card(model="tri'age\n```", text_column='te"xt'))
    (snippet,) = re.findall("^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    compile(snippet, "snippet", "exec")


def test_hostile_names_stay_in_their_cell():
    per_class = {HOSTILE: ClassMetrics(5, NAN, 0.0, NAN)}
    rule = Rule("accuracy", HOSTILE, None, 0.1, HOSTILE, False)
    verdict = Verdict(False, "rejected", HOSTILE, HOSTILE, (rule,))
    text = render(
        a_card(
            data_name=HOSTILE,
            label_source=HOSTILE,
            per_class=per_class,
            verdict=verdict,
            segments=[Group(HOSTILE, 5, (0.1,))],
        )
    )
    assert not re.search(r"(?<!\\)<script|(?<!\\)\[link|(?<!\\)\*\*bold", text)
    tables = re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE)
    assert len(tables) == 4
    for table in tables:
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}) == 1
    assert "nan" not in text


def test_a_hostile_column_stays_in_its_command():
    (commands,) = re.findall(
        "^```bash\n(.*?)^```$",
        render(a_card(columns={"--text-column": HOSTILE})),
        re.MULTILINE | re.DOTALL,
    )
    first, second = commands.splitlines()
    assert shlex.split(first)[-1] == " ".join(HOSTILE.split()) == shlex.split(second)[-1]


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
