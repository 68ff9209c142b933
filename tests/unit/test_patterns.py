"""Every pattern that meets text of others takes time in proportion to it.

Nothing is measured: with all that is tried here, a quadratic pattern is busy for many minutes, and
linear ones are done in seconds; a process that takes two minutes is ended.
"""

import subprocess
import sys

from helpers import ROOT

SECONDS = 120

HOSTILE = r"""
hostile = [
    (piece * 100_000)[:100_000] + end
    for piece in [
        "a", "A", "0", "@", "#", "?", "&", "=", ":", "/", '"', "'", "_", ".", "-", " ", "\n",
        "\r", "{", "[", "&amp", "http", "http://", "www.", "://", "a://", "a://b", "?key",
        "&key", "?key=", "?token=a", "a'", "aaab", "ab", "0.", "-1.0", "too many 1", "refund",
        "İ", "😡", "é",
    ]
    for end in ("", "!")
]
"""

ALL_PATTERNS = (
    HOSTILE
    + r"""
import ast, re
from pathlib import Path

METHODS = ("sub", "search", "match", "fullmatch", "findall", "finditer", "split")

def called(node):
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        if isinstance(node.func.value, ast.Name):
            return node.func.value.id, node.func.attr
    return None, None

def constant(call):
    return call.args and isinstance(call.args[0], ast.Constant)

# What is done with each pattern: re.sub("...", ...), or NAME = re.compile("...") and NAME.sub(...).
used = set()
for path in sorted(Path("common").rglob("*.py")):
    nodes = list(ast.walk(ast.parse(path.read_text())))
    named = {
        target.id: node.value.args[0].value
        for node in nodes
        if isinstance(node, ast.Assign) and called(node.value) == ("re", "compile")
        for target in node.targets
        if constant(node.value)
    }
    for node in nodes:
        name, method = called(node)
        if method in METHODS and (name in named or name == "re" and constant(node)):
            used.add((node.args[0].value if name == "re" else named[name], method))
assert len(used) > 20, used
for pattern, method in sorted(used, key=str):
    each = re.compile(pattern)
    for text in hostile:
        given = text if isinstance(pattern, str) else text.encode()
        found = each.sub(pattern[:0], given) if method == "sub" else getattr(each, method)(given)
        if method == "finditer":
            list(found)
print("done")
"""
)

FUNCTIONS_ON_TEXT = (
    HOSTILE
    + r"""
from common.data import csv_reader, labels, rules, split
from common.logs import LineFormatter
from common.models import piece_statistics, text as words
from common.monitoring.alerts import formats
from common.reports import model_card
from common.text import escape, first_line, one_line, printable, redact
import logging

by_keywords = rules.by_keywords(["refund", "a", "aaa", "ab ab"])
formatter = LineFormatter("%(message)s", {"secret", "a"})
for text in hostile:
    for function in (
        redact, escape, printable, one_line, first_line, words.tokens, words.normalise,
        words.is_person, piece_statistics.statistics, labels.normalise, csv_reader.cleaned,
        model_card.inline, formats.without_calls,
    ):
        function(text)
    by_keywords([text])
    rules.by_critical([text, f"urgent {text} urgent"])
    split.buckets([text])
    words.unknown_words([text], {"a"})
    formatter.format(logging.LogRecord("demo", logging.INFO, "demo.py", 1, text, None, None))
print("done")
"""
)


def run(code):
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )
    assert done.stdout == "done\n", done.stderr


def test_every_pattern_in_the_code_is_linear_in_hostile_text():
    run(ALL_PATTERNS)


def test_every_function_on_text_of_others_is_linear_in_hostile_text():
    run(FUNCTIONS_ON_TEXT)
