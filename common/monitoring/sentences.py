"""What a finding says, in words for people who know neither its check nor statistics.

Sentences have no capital letter at their start and no full stop, so that others can go on. A check
without one here is told by its reason.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from common.evaluation.two_samples import MIN_ROWS
from common.monitoring.checks.finding import TROUBLE, Finding, Status
from common.monitoring.telling_words import says_something
from common.text import listed, more_wrong, percent, quoted, set_percent

MORE_WORDS, FEWER_WORDS = 5, 3


def sentence(finding: Finding) -> str:
    """The finding in one sentence, with its numbers."""
    if finding.name == "accuracy" and finding.status is Status.UNKNOWN:
        return _unmeasured(finding)
    tell = SENTENCES.get(finding.name)
    if tell is None or math.isnan(finding.value) or finding.status is Status.UNKNOWN:
        return finding.reason
    try:
        return tell(finding)
    except (
        LookupError,
        TypeError,
        ValueError,
        ArithmeticError,
    ):  # a detail as other releases wrote it
        return finding.reason


def _unmeasured(finding: Finding) -> str:
    if not finding.rows:
        return "no message has a label, so accuracy is not measured"
    if finding.rows >= MIN_ROWS or math.isnan(finding.value):
        return finding.reason
    return (
        f"only {finding.rows:,} messages have a label, which is too few to judge: {MIN_ROWS} are "
        "needed"
    )


def _accuracy(finding: Finding) -> str:
    right = f"{percent(finding.value)} of {finding.rows:,} messages are answered right"
    if "messages" in finding.detail:  # by some that were drawn
        drawn = _detail(finding)
        right = (
            f"an estimated {percent(finding.value)} of {drawn['messages']:,} messages are answered "
            f"right, by {drawn['labelled']:,} labelled ones"
        )
    floor = set_percent(finding.limit)
    if finding.status is Status.CRITICAL:
        return f"{right}, which is below the floor of {floor} beyond chance"
    if finding.status is Status.WARNING:
        return f"{right}, which is below the floor of {floor}; that may be chance"
    if finding.value < finding.limit:
        return f"{right}, below the floor of {floor}, but the newest windows hold it"
    return f"{right}; the floor is {floor}"


def _pooled(finding: Finding) -> str:
    windows = len(_detail(finding)["windows"])
    told = _accuracy(finding)
    return f"in the last {windows} windows together {told}" if windows > 1 else told


def _estimated(finding: Finding) -> str:
    estimate = (
        f"an estimated {percent(finding.value)} of the answers are right "
        f"({percent(finding.lower)} to {percent(finding.upper)}, by their confidences)"
    )
    if finding.status in TROUBLE:
        return f"{estimate}, less than the floor of {set_percent(finding.limit)}"
    return f"{estimate}; the floor is {set_percent(finding.limit)}"


def _segment(finding: Finding) -> str:
    worst = _detail(finding)["worst"][0]
    told = f"segment {quoted(worst['segment'])} is answered right in {percent(worst['accuracy'])}"
    return f"{told} of {worst['rows']:,} messages"


def _degradation(finding: Finding) -> str:
    now, before = _detail(finding)["accuracy"], _detail(finding)["holdout_accuracy"]
    windows = _detail(finding).get("windows", 1)
    told = f"{percent(now)} are answered right, {percent(before)} when the model was tested"
    if windows > 1:
        told = f"in the last {windows} windows together {told}"
    if finding.status in TROUBLE:
        return f"{told}: {more_wrong(before - now)}"
    return f"{told}; chance may explain it" if finding.value < 0 else told


def _auto_accuracy(finding: Finding) -> str:
    whose = _detail(finding)["class"]
    named = f" that say {quoted(whose)}" if whose else ""
    told = (
        f"{percent(finding.value)} of {finding.rows:,} answers{named} that nobody looked at are "
        f"right, promised are {set_percent(finding.limit)}"
    )
    if finding.status in TROUBLE:
        return f"{told}: fewer beyond chance"
    return f"{told}; chance may explain it" if finding.value < finding.limit else told


def _auto_share(finding: Finding) -> str:
    usual = f"{percent(finding.lower)} to {percent(finding.upper)}"
    return f"nobody has to look at {percent(finding.value)} of the answers, usual are {usual}"


def _macro_f1(finding: Finding) -> str:
    before = _detail(finding)["holdout"]
    return (
        f"macro-F1, the mean over the classes, is {finding.value:.3f}, {before:.3f} when the model "
        "was tested"
    )


def _recall(finding: Finding) -> str:
    fallen = _detail(finding)["fallen"]
    if not fallen:
        return "every class is recognised about as often as when the model was tested"
    worst = fallen[0]
    more = f", and {len(fallen) - 1} other classes less often too" if len(fallen) > 1 else ""
    return (
        f"class {quoted(worst['class'])} is recognised in {percent(worst['recall'])} of its "
        f"messages, {percent(worst['holdout'])} when the model was tested{more}"
    )


def _calibration(finding: Finding) -> str:
    told = f"confidences and accuracy lie {percent(finding.value)} apart on average"
    return f"{told}; up to {percent(finding.limit)} may be chance"


def _text(finding: Finding) -> str:
    more = _words(_detail(finding).get("more"), MORE_WORDS)
    fewer = _words(_detail(finding).get("fewer"), FEWER_WORDS)
    if finding.status not in TROUBLE:
        return "people use about the same words as when the model was tested"
    sides = [*([f"more {more}"] if more else []), *([f"fewer {fewer}"] if fewer else [])]
    return f"people use other words: {', '.join(sides)}" if sides else "people use other words"


def _surging(finding: Finding) -> str:
    if finding.status not in TROUBLE:
        return "no words come up more than they do at times"
    words = [
        f"{quoted(word['word'])} ({percent(word['reference'])} to {percent(word['share'])})"
        for word in _detail(finding)["surging"]
        if says_something(word["word"])
    ]
    return f"more messages than usual hold {listed(words[:FEWER_WORDS])}"


def _unknown_words(finding: Finding) -> str:
    before = _detail(finding)["reference"]
    told = (
        f"{percent(finding.value)} of the words are new to the model, {percent(before)} are usual"
    )
    words = _words(_detail(finding).get("words"), MORE_WORDS)
    return f"{told}: {words}" if finding.status in TROUBLE and words else told


def _predicted(finding: Finding) -> str:
    moved = _detail(finding)["moved"][0]
    told = (
        f"{quoted(moved['class'])} is the answer to {percent(moved['share'])} of the messages, "
        f"{percent(moved['reference'])} are usual"
    )
    return told if finding.status in TROUBLE else f"the same answers as usual: {told}"


def _confidence(finding: Finding) -> str:
    if finding.status in TROUBLE:
        return (
            "the model is more or less sure of its answers than it was: confidences lie "
            f"{finding.value:.2f} apart, {finding.limit:g} is let pass"
        )
    return "the model is as sure of its answers as usual"


def _length(finding: Finding) -> str:
    if finding.status not in TROUBLE:
        return "messages are about as long as usual"
    return f"messages are {finding.value:.2f} times as long as usual"


def _rows(finding: Finding) -> str:
    usual = f"{finding.lower:,.0f} to {finding.upper:,.0f}"
    if finding.status in TROUBLE:
        return f"{finding.rows:,} rows came; usual are {finding.limit:,.0f} ({usual})"
    return f"{finding.rows:,} rows came, which is usual ({usual})"


def _label_delay(finding: Finding) -> str:
    return f"half of the labels come after {finding.value:.1f} days or later"


def _no_labels(finding: Finding) -> str:
    return f"the newest label is {finding.value:.1f} days old; {finding.limit:g} are allowed"


def _share(what: str) -> Callable[[Finding], str]:
    def told(finding: Finding) -> str:
        before = _detail(finding)["reference"]
        return f"{percent(finding.value)} {what}, {percent(before)} usually"

    return told


SENTENCES: Mapping[str, Callable[[Finding], str]] = {
    "accuracy": _accuracy,
    "accuracy_pooled": _pooled,
    "estimated_accuracy": _estimated,
    "segment_accuracy": _segment,
    "degradation": _degradation,
    "auto_accuracy": _auto_accuracy,
    "auto_share": _auto_share,
    "macro_f1": _macro_f1,
    "class_recall": _recall,
    "calibration": _calibration,
    "text": _text,
    "surging_words": _surging,
    "unknown_words": _unknown_words,
    "predicted_classes": _predicted,
    "confidence": _confidence,
    "length": _length,
    "row_count": _rows,
    "label_delay": _label_delay,
    "no_labels": _no_labels,
    "rejected": _share("of the rows can't be read"),
    "blank": _share("of the messages are blank"),
    "replaced": _share("of the messages hold broken characters"),
    "mojibake": _share("of the messages hold letters decoded twice (Ã© for é)"),
    "duplicates": _share("of the messages are copies of others"),
    "unseen_labels": _share("of the labels are no class of the model"),
    "label_coverage": _share("of the messages have no label"),
}


def _detail(finding: Finding) -> Mapping[str, Any]:
    return finding.detail


def _words(words: object, most: int) -> str:
    shown = words[:most] if isinstance(words, Sequence) else ()
    return listed(quoted(word) for word in shown)
