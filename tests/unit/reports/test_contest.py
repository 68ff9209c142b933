import re
from typing import get_args
from xml.etree import ElementTree

import numpy as np
import pytest
from parsed_page import Page

from common.masking import Disclosure
from common.reports import contest as contest_page
from common.reports.contest import EXPLANATIONS, Answers, Contest, rule_rows, surest_errors
from common.training import flips
from common.training.contest import Policy, Rule, RuleName, Verdict, first_model, no_contest
from common.training.coverage import Answered

HOSTILE = "</script><img src=x onerror=alert(1)>"
MESSAGES = (
    HOSTILE,
    "line\nbreak\r\ttab",
    "\u202eoverridden",
    "مرحبا، أين طلبي؟",
    "👩‍👩‍👧‍👦" * 200,
    "x" * 5000,
    "nul\x00 bell\x07 lone \ud800",
    "{{ 7 * 7 }} {% raw %}",
)
RULES = (
    Rule("accuracy", "accuracy", 0.9, 0.92, "gain > 0.005", True),
    Rule("recall", "recall per class", 0.8, 0.7, "no clear drop", False),
    Rule("log_loss", "log loss", 0.5, 0.4),
)
STAYS = Verdict(False, "rejected", "champion stays", "refunds are recognised less often", RULES)


def answers(true, classes, skill, seed):
    """Answers that are right in about the share `skill` of the rows."""
    random = np.random.default_rng(seed)
    proba = random.dirichlet(np.ones(len(classes)), len(true)) * (1 - skill)
    proba += skill * (np.asarray(true)[:, None] == np.asarray(classes, object))
    predicted = np.array(classes, object)[proba.argmax(axis=1)]
    return Answers(predicted, proba)


def a_contest(rows=200, classes=("order", "refund", "<b>bold</b>"), **other):
    true = np.array(classes, object)[np.arange(rows) % len(classes)]
    values = {
        "model": "triage",
        "version": 7,
        "run_id": "abc123",
        "champion_version": 3,
        "verdict": STAYS,
        "classes": tuple(classes),
        "texts": [MESSAGES[k % len(MESSAGES)] for k in range(rows)],
        "true": true,
        "challenger": answers(true, classes, 0.3, 1),
        "champion": answers(true, classes, 0.2, 2),
        "left_out": 12,
        "segments": None,
        "made": {"Trained": "2026-03-02 06:00 UTC by ann@here", "Data": HOSTILE},
        "provenance": {"Data": {"File": "messages.csv", "Label source": HOSTILE}},
    }
    values |= other
    if values["champion"] is not None and "changes" not in other:
        sides = (values[role] for role in ("champion", "challenger"))
        found = [Answered(side.predicted, side.confidence, side.confidence) for side in sides]
        values["changes"] = flips.count(values["true"], *found)
    return Contest(**values)


def page(**other):
    return Page(contest_page.render(a_contest(**other)))


def everything_hostile():
    names = (HOSTILE, "a\nb\u202e", '"><svg onload=alert(1)>')
    rules = (Rule("accuracy", HOSTILE, 0.1, 0.2, HOSTILE, False),)
    return {
        "classes": names,
        "model": HOSTILE,
        "run_id": HOSTILE,
        "verdict": Verdict(False, HOSTILE, HOSTILE, HOSTILE, rules),
        "segments": np.array([HOSTILE, "x", None, 3.5] * 50, object),
        "provenance": {HOSTILE: {HOSTILE: HOSTILE}},
    }


@pytest.mark.parametrize("other", [{}, everything_hostile()], ids=["messages", "everything"])
def test_hostile_text_is_shown_and_does_nothing(other):
    found = page(**other)
    assert HOSTILE in found.text
    assert not {tag for tag, _ in found.tags} & {"script", "img", "iframe", "link", "a", "object"}
    names = {name for _, attributes in found.tags for name in attributes}
    assert not {name for name in names if name.startswith("on")} | names & {"src", "href"}


def test_the_page_needs_no_network():
    html = contest_page.render(a_contest(texts=["hello"] * 200, made={}, provenance={}))
    assert not re.search(r"https?:|//\w|src=|url\(|@import", html)
    assert "default-src 'none'" in html


def test_messages_are_one_cut_line_without_control_characters():
    html = contest_page.render(a_contest(shown=Disclosure(examples=20)))
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", html)
    assert "line break tab" in html
    assert "�overridden" in html
    long = contest_page.render(a_contest(texts=["x" * 1000] * 200))
    assert "x" * 279 + "…" in long
    assert "x" * 280 not in long
    emoji = "👩‍👩‍👧‍👦"
    assert emoji in contest_page.render(a_contest(texts=[emoji * 200] * 200))
    assert "{{ 7 * 7 }}" in html


def test_figures_are_well_formed_and_have_a_text_alternative():
    html = contest_page.render(a_contest())
    drawings = [ElementTree.fromstring(svg) for svg in re.findall("<svg.*?</svg>", html, re.DOTALL)]
    assert len(drawings) == 2
    for svg in drawings:
        assert svg.get("role") == "img"
        assert svg.find("title").get("id") == svg.get("aria-labelledby")
    assert "NaN" not in html and "nan" not in html


def test_every_table_has_a_caption_and_headers_with_a_scope():
    tags = page(segments=np.array(["en", "de"] * 100, object)).tags
    names = [tag for tag, _ in tags]
    assert names.count("caption") == names.count("table")
    assert all("scope" in attributes for tag, attributes in tags if tag == "th")


def test_a_failed_rule_is_named_in_the_verdict_and_marked_in_words():
    text = page().text
    assert "Champion stays Refunds are recognised less often." in text
    assert "1 of 2 rules that decide failed: recall per class : 0.7000 against 0.8000" in text
    assert "✗ FAILED 0.8000 0.7000 10.0 points worse no clear drop" in text


@pytest.mark.parametrize(
    ("outcome", "champion_version", "decision", "expected"),
    [
        (
            "promoted",
            3,
            "new champion",
            "Promoted New champion: why. All 2 rules that decide passed. Version 7 is the champion",
        ),
        ("rejected", 3, "champion stays", "Champion stays Why."),
        ("rejected", None, "no champion", "Not promoted No champion: why."),
        ("waiting", 3, "waiting, it passed", "Waiting for approval Waiting, it passed: why."),
        ("no contest", 3, "champion stays", "No contest Champion stays: why."),
    ],
)
def test_the_state_is_told_first(outcome, champion_version, decision, expected):
    passed = tuple(Rule(name, name, 0.1, 0.2, "more", True) for name in ("accuracy", "macro_f1"))
    verdict = Verdict(outcome == "promoted", outcome, decision, "why", passed)
    assert expected in page(verdict=verdict, champion_version=champion_version).text


def test_rules_that_failed_come_first_and_those_that_decide_nothing_last():
    rules = (
        Rule("speed", "rows/s", 1, 2, "faster", False, blocks=False),
        Rule("log_loss", "log loss", 1, 2),
        *RULES[:2],
    )
    rows = [(row.rule.metric, row.state) for row in rule_rows(rules)]
    assert rows == [
        ("recall per class", "failed"),
        ("accuracy", "passed"),
        ("rows/s", "reported"),
        ("log loss", "reported"),
    ]


@pytest.mark.parametrize(
    ("name", "champion", "challenger", "effect"),
    [
        ("accuracy", 0.8, 0.9, "better"),
        ("accuracy", 0.9, 0.8, "worse"),
        ("log_loss", 0.5, 0.4, "better"),
        ("calibration", 0.01, 0.02, "worse"),
        ("size", 1, 2, "worse"),
        ("accuracy", 0.9, 0.9, ""),
        ("accuracy", float("nan"), 0.9, ""),
        ("accuracy", None, 0.9, ""),
        ("clean_process", 1, 2, ""),
    ],
)
def test_a_difference_is_better_in_the_direction_of_its_metric(name, champion, challenger, effect):
    (row,) = rule_rows([Rule(name, "its metric", champion, challenger)])
    assert row.effect == effect


def test_every_rule_is_explained_whatever_its_metric_is_called():
    assert set(EXPLANATIONS) == set(get_args(RuleName))
    (row,) = rule_rows([Rule("segments", "accuracy", 0.9, 0.8)])
    assert (row.better, row.explanation) == EXPLANATIONS["segments"]
    assert len({meaning for _, meaning in EXPLANATIONS.values()}) == len(EXPLANATIONS)


def test_the_first_model_is_shown_alone_beside_the_majority_class():
    policy = Policy(threshold=0.005, significance=0.05, required=("majority",), min_rows=30)
    text = page(
        champion=None, champion_version=None, verdict=first_model(150, 100, 200, policy)
    ).text
    assert "Majority class" in text
    assert "First champion: 0.7500 accuracy" in text
    assert "The surest errors" in text
    assert "Champion right" not in text


def test_a_champion_that_cannot_answer_is_told():
    text = page(champion=None, verdict=no_contest("version 3 can't be tested")).text
    assert "No contest Champion stays: version 3 can't be tested." in text
    assert "no answers of the champion" in text
    assert "No rule was applied" in text


def test_a_contest_without_rows_has_its_verdict_and_no_figures():
    none = Answers(np.array([], object), np.zeros((0, 3)))
    empty = np.array([], object)
    found = page(
        rows=0, challenger=none, champion=none, segments=empty, verdict=no_contest("no row")
    )
    assert "Champion stays: no row." in found.text
    assert "svg" not in {tag for tag, _ in found.tags}


def test_agreement_counts_add_up():
    champion, challenger = np.array([1, 1, 0, 0, 0], bool), np.array([1, 0, 1, 1, 0], bool)
    found = contest_page.agreement(champion, challenger)
    assert found == {"both": 1, "only_champion": 1, "only_challenger": 2, "neither": 1}


def test_the_same_answers_everywhere_are_told():
    same = answers(a_contest().true, a_contest().classes, 0.3, 1)
    assert "They give the same answer to every row." in page(challenger=same, champion=same).text


def test_the_surest_errors_of_a_single_model_come_first_and_are_at_most_ten():
    contest = a_contest(rows=400)
    model = contest_page.Competitor(
        "challenger", 1, contest.classes, contest.true, contest.champion
    )
    found, shown = surest_errors(contest.texts, model)
    sureness = [error.answer.confidence for error in shown]
    assert found == (contest.champion.predicted != contest.true).sum() > 10
    assert len(shown) == 10
    assert sureness == sorted(sureness, reverse=True)
    assert not any(error.answer.right for error in shown)


def test_what_would_change_is_counted_by_pair_with_messages_words_and_routes():
    pairs = (
        flips.Pair(
            "refund",
            "order",
            1234,
            200,
            900,
            300,
            1000,
            (flips.Example(4, (0.9, 0.8), (("lost", "bag"), ("thanks",)), (False, True)),),
        ),
        flips.Pair("order", "refund", 5, 3, 2, 0, 1),
    )
    found = page(changes=pairs).text
    assert (
        "The challenger gives 1,239 of 200 rows another class than the champion does. Of these the "
        "champion gets 203 right, the challenger 902; 300 are automatic with the champion, 1,001 "
        "with the challenger."
    ) in found
    assert "refund order 1,234 200 900 300 1,000 order refund 5 3 2 0 1" in found
    assert re.search("lost , bag to a person .* thanks automatic", found)


def test_words_that_name_somebody_are_left_out_and_where_nothing_is_routed_routes_are_too():
    changed = flips.Pair(
        "refund",
        "order",
        1,
        1,
        0,
        None,
        None,
        (flips.Example(0, (0.9, 0.8), (("ann", "bag"), ()), None),),
    )
    texts = ["my bag, ann@example.org"] + ["x"] * 199
    found = page(changes=[changed], texts=texts, shown=Disclosure(mask=True)).text
    assert "my bag, [mail]" in found
    assert (
        "ann"
        not in found.replace("champion's", "").split("Which classes")[0].split("refund → order")[1]
    )
    assert "utomatic" not in found


def test_of_many_pairs_the_others_are_summed_up():
    pairs = [flips.Pair(f"a{k}", "b", 2, 1, 0) for k in range(23)]
    assert "3 other pairs 6 3 0" in page(changes=pairs).text


def test_without_examples_the_number_of_disagreements_is_told_and_no_message():
    contest = a_contest(rows=400, shown=Disclosure(examples=0))
    text = Page(contest_page.render(contest)).text
    assert "All other rows keep their class. No message is kept (EXAMPLES=0)." in text
    assert "overridden" not in text


def test_examples_are_masked_before_they_are_cut():
    texts = [f"{'x' * 270} ann{k}@example.org" for k in range(200)]
    html = contest_page.render(a_contest(texts=texts, shown=Disclosure(mask=True)))
    assert "[mail]" in html
    assert "ann1" not in html


def test_a_class_that_is_never_predicted_has_a_recall_of_zero():
    contest = a_contest(classes=("order", "refund"))
    always = Answers(np.full(200, "order", object), np.tile([0.9, 0.1], (200, 1)))
    text = page(classes=contest.classes, challenger=always).text
    assert re.search(r"refund 100 \S+ 0\.0000", text)


def test_values_that_are_no_numbers_show_as_a_dash():
    nan = float("nan")
    contest = a_contest()
    contest.challenger.proba[:50] = nan
    contest.champion.proba[:] = nan
    rules = (
        Rule("macro_f1", "macro-F1", nan, nan, "", None),
        Rule("log_loss", "log loss", float("inf"), 0.1),
    )
    html = contest_page.render(
        a_contest(
            challenger=contest.challenger,
            champion=contest.champion,
            verdict=Verdict(False, "rejected", "champion stays", "why", rules),
        )
    )
    assert "nan" not in html
    assert "∞" in html


def test_of_fifty_classes_the_frequent_ones_are_shown_and_the_others_counted():
    text = page(rows=500, classes=tuple(f"class {k:02}" for k in range(50))).text
    assert "38 others" in text
    assert "The 20 with the most rows are shown, 30 are left out." in text


def test_the_page_stays_small():
    segments = np.array([f"segment {k % 1000}" for k in range(100_000)], object)
    contest = a_contest(
        rows=100_000, classes=tuple(f"class {k:02}" for k in range(50)), segments=segments
    )
    assert len(contest_page.render(contest).encode()) < 200_000


def words_of(*rule):
    (row,) = contest_page.rule_rows([Rule(*rule)])
    return row.difference


def test_differences_are_told_in_words():
    assert words_of("accuracy", "accuracy", 0.9, 0.838) == "6.2 points worse"
    assert words_of("calibration", "ECE", 0.05, 0.02) == "3.0 points better"
    assert words_of("log_loss", "log loss", 0.41, 0.48) == "0.0700 worse"
    assert words_of("macro_f1", "macro-F1", 0.8, 0.80001) == "no difference"
    assert words_of("speed", "rows/s", 1000.0, 880.0) == "12 % slower"
    assert words_of("size", "model size (MB)", 1.0, 1.0) == "no difference"
    assert words_of("significance", "p", None, 0.02) == ""


def test_rule_and_finding_stand_apart():
    rule = Rule("recall", "recall", 0.8, 0.7, "no clear drop", False, found="b 10.0 points worse")
    verdict = Verdict(False, "rejected", "champion stays", "worse", (rule,))
    html = contest_page.render(a_contest(verdict=verdict))
    assert "<bdi>no clear drop</bdi></td>" in html
    assert "<bdi>b 10.0 points worse</bdi></td>" in html


def test_no_figure_is_less_than_nothing_and_no_share_is_in_per_cent():
    html = contest_page.render(a_contest(provenance={}))
    text = re.sub("<style>.*?</style>|<[^>]*>", " ", html, flags=re.DOTALL)
    assert "-0.0000" not in text
    assert set(re.findall(r"(\d\S*) %", text)) == {"95"}
