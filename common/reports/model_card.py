"""A version's model card in Markdown.

Source: Mitchell et al., Model Cards for Model Reporting, 2019.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tabulate import tabulate

from common.evaluation.metrics import ClassMetrics, wilson_interval
from common.evaluation.routing import Routing
from common.evaluation.two_samples import MIN_ROWS
from common.reports.answering import costs_table
from common.reports.charts import Group
from common.reports.html import excerpt, figure, legible
from common.training.contest import Verdict
from common.training.cost import CostFigures

POOR_CALIBRATION = 0.05
SHOWN_CLASSES = 50
LONGEST_REASON = 1000
SHOWN_METRICS = {
    "balanced_accuracy": "balanced accuracy",
    "f1_macro": "macro-F1",
    "roc_auc": "ROC AUC",
    "log_loss": "log loss (lower is better)",
    "ece": "calibration error, ECE (lower is better)",
}
MARKUP = re.compile(r"([\\`*_\[\]<>|~&])")


@dataclass(frozen=True)
class Card:
    """What the card tells of one version.

    Args:
        trained: when and by whom.
        columns: flags that name the columns, with their values.
        text_column: the column of the messages, in the data and when scoring.
        label_source: where the classes come from, in words.
        made_by_rule: what figures mean if a rule made the classes; "" if none did.
        rows_in_words: what was used of the file, and what was left out.
        train_rows, holdout_rows: rows fitted on, and rows measured on.
        fitted_elsewhere: of a model that was made elsewhere, what it was fitted on.
        train_classes: rows fitted on, by class.
        metrics: of the holdout, as `evaluation.metrics` names them; "accuracy" is among them.
        per_class: of the holdout, by class.
        segments: of the holdout, each with its accuracy.
        family_limits: what is to be known of this family of models; "" if nothing.
        uses: what became of the words with values, and of the vectors, that it was given.
        routing: who looks at which answers; None: nothing is promised.
        costs: what its answers cost; None: nobody has said what mistakes do.
        tournament: the families that competed, in Markdown; "" if none did.
    """

    model: str
    version: int
    run_id: str
    trained: str
    git_commit: str
    columns: Mapping[str, str]
    text_column: str
    label_source: str
    data_name: str
    data_sha256: str
    synthetic: bool
    rows_in_words: str
    train_rows: int
    train_classes: Mapping[str, int]
    holdout_rows: int
    metrics: Mapping[str, float]
    per_class: Mapping[str, ClassMetrics]
    segments: Sequence[Group]
    verdict: Verdict
    family_limits: str = ""
    fitted_elsewhere: str = ""
    uses: Sequence[str] = ()
    made_by_rule: str = ""
    tournament: str = ""
    routing: Routing | None = None
    costs: CostFigures | None = None


def render(card: Card) -> str:
    """The card; names and reasons can't break out of their place in it."""
    limited = "\n".join(f"- {limit}" for limit in limits(card))
    return f"""# {inline(card.model)}, version {card.version}

Trained {inline(card.trained)}, at commit {inline(card.git_commit)}. How it did against the
champion: [contest.html](contest.html), beside this card in run {card.run_id}.

## Intended use

Sorts customer-support messages into {len(card.per_class)} classes, with a confidence for each.
Made to help people to route and to count messages; not to decide about a person on its own.

## Data

- File: {inline(card.data_name)}
- SHA-256: {inline(card.data_sha256)}
- Kind: {"SYNTHETIC, made up for trying out" if card.synthetic else "messages as given"}
- Messages: column {inline(card.text_column)}
- Classes: {inline(card.label_source)}
- Rows of the file: {inline(card.rows_in_words)}
- Used: {_fitted_on(card)}, {card.holdout_rows:,} held out to measure on, chosen by
  a hash of the text, so duplicates stay on one side{_uses(card)}

## Metrics

On the holdout.

{_metrics(card)}

{_per_class(card)}

{_segments(card)}{_tournament(card)}{_routing(card)}{_costs(card)}

## Promotion

{inline(card.verdict.outcome)}: {inline(card.verdict.reason, LONGEST_REASON)}.

{_rules(card.verdict)}

## Limits

{limited}

## How to load it

```python
import mlflow, pandas as pd

model = mlflow.pyfunc.load_model({_address(card)!r})
model.predict(pd.DataFrame({{{legible(card.text_column)!r}: ["where is my order?"]}}))
```

```bash
{_command(card, "predict.py new.csv", ["--text-column"])}
{_command(card, "monitor.py --data labelled.csv", list(card.columns))}
```
"""


def limits(card: Card) -> list[str]:
    """What a reader must not conclude from the figures; Markdown."""
    found = [
        "The holdout comes from the same file as the training rows, so the figures say nothing of "
        "other periods, channels or customers. `monitor.py` measures those.",
        "A message of none of these classes gets one of them all the same.",
    ]
    if card.family_limits:
        found.insert(1, card.family_limits)
    if card.made_by_rule:
        found.insert(0, inline(card.made_by_rule))
    if card.synthetic:
        found.insert(0, "The data is SYNTHETIC: the figures say nothing about real messages.")
    few = [name for name, values in card.per_class.items() if values.support < MIN_ROWS]
    if few:
        more = f" and {len(few) - SHOWN_CLASSES:,} more" if len(few) > SHOWN_CLASSES else ""
        names = ", ".join(inline(name) for name in few[:SHOWN_CLASSES])
        found.append(f"Too few holdout rows (under {MIN_ROWS}) to rely on: {names}{more}.")
    error = card.metrics.get("ece", 0.0)
    if error > POOR_CALIBRATION:
        found.append(
            f"Confidence is off by {figure(error)} on average: good to rank, not as a probability."
        )
    return found


def inline(text: str, longest: int = 200) -> str:
    r"""Text that Markdown shows as it stands, also in a table.

    >>> inline("a|b\n<i>")
    'a\\|b \\<i\\>'
    """
    return MARKUP.sub(r"\\\1", excerpt(legible(text), longest))


def _fitted_on(card: Card) -> str:
    if card.fitted_elsewhere:
        return f"fitted elsewhere on {inline(card.fitted_elsewhere)}"
    return f"{card.train_rows:,} fitted on"


def _uses(card: Card) -> str:
    return "".join(f"\n- {inline(use)}" for use in card.uses)


def _tournament(card: Card) -> str:
    return f"\n\n## Families that competed\n\n{card.tournament}" if card.tournament else ""


def _routing(card: Card) -> str:
    if card.routing is None:
        return ""
    rows = [
        (
            inline(name)
            if name
            else "all classes" + (" but these" if card.routing.by_class else ""),
            f"{group.promise:g}",
            "none" if group.threshold is None else f"{group.threshold:g}",
            f"{group.auto:,} of {group.rows:,}",
            figure(group.correct / group.auto) if group.auto else "",
            figure(group.lower) if group.auto else "",
        )
        for name, group in card.routing.groups.items()
    ]
    headers = ("answers", "promised", "confidence", "automatic", "right", "lower bound")
    table = tabulate(rows, headers, "github", disable_numparse=True)
    return (
        f"\n\n## Automatic answers\n\n{inline(card.routing.sentence(), LONGEST_REASON)}\n\n{table}"
        "\n\nAll promises together hold with 95 % confidence, for messages like those of the "
        "holdout, each different text counted once. The curve is figures/risk_coverage.png, beside "
        "this card. Decisions since: python -m common.registry show."
    )


def _costs(card: Card) -> str:
    if card.costs is None:
        return ""
    given = list(card.costs.given.given.items())
    rows = [(inline(t), inline(a), f"{cost:g}") for (t, a), cost in given[:SHOWN_CLASSES]]
    table = tabulate(rows, ("true class", "answer", "cost"), "github", disable_numparse=True)
    left_out = len(given) - len(rows)
    more = f"\n\n{left_out:,} more rows are left out." if left_out else ""
    return (
        "\n\n## What mistakes cost\n\nThe answer that costs least is given, which need not be the "
        "likeliest class; the figures under Metrics are those of the likeliest classes. On "
        f"{card.costs.rows:,} rows of the holdout:\n\n{costs_table(card.costs)}\n\nBy these "
        f"costs; otherwise a right answer costs 0 and a wrong one 1:\n\n{table}{more}"
    )


def _metrics(card: Card) -> str:
    accuracy = card.metrics["accuracy"]
    low, high = wilson_interval(round(accuracy * card.holdout_rows), card.holdout_rows)
    rows = [("accuracy", f"{figure(accuracy)} (95 % interval {figure(low)} to {figure(high)})")]
    rows += [
        (name, figure(card.metrics[key]))
        for key, name in SHOWN_METRICS.items()
        if key in card.metrics
    ]
    return tabulate(rows, ("metric", "value"), "github", disable_numparse=True)


def _per_class(card: Card) -> str:
    ranked = sorted(card.per_class.items(), key=lambda pair: -pair[1].support)
    rows = [
        (
            inline(name),
            f"{card.train_classes.get(name, 0):,}",
            f"{m.support:,}",
            figure(m.precision),
            figure(m.recall),
            figure(m.f1),
        )
        for name, m in ranked[:SHOWN_CLASSES]
    ]
    headers = ("class", "training rows", "holdout rows", "precision", "recall", "F1")
    table = tabulate(rows, headers, "github", disable_numparse=True)
    left_out = len(card.per_class) - len(rows)
    return f"{table}\n\n{left_out:,} rarer classes are left out." if left_out else table


def _segments(card: Card) -> str:
    if not card.segments:
        return "No segments were compared (SEGMENT_COLUMN)."
    rows = [
        (inline(group.name), f"{group.rows:,}", figure(group.shares[0]))
        for group in card.segments[:SHOWN_CLASSES]
    ]
    table = tabulate(rows, ("segment", "holdout rows", "accuracy"), "github", disable_numparse=True)
    left_out = len(card.segments) - len(rows)
    return f"{table}\n\n{left_out:,} smaller segments are left out." if left_out else table


def _command(card: Card, command: str, flags: Sequence[str]) -> str:
    """A command that finds this version, and its columns."""
    words = ["--model", str(card.version), "--model-name", legible(card.model)]
    for flag in flags:
        words += [flag, legible(card.columns[flag])]
    return f"python {command} {shlex.join(words)}"


def _rules(verdict: Verdict) -> str:
    rows = [
        (
            inline(rule.metric),
            figure(rule.champion),
            figure(rule.challenger),
            inline(rule.required) or "nothing",
            inline(rule.found),
            {None: "", True: "yes", False: "no"}[rule.passed],
            "yes" if rule.blocks and rule.passed is not None else "no",
        )
        for rule in verdict.rules
    ]
    headers = ("rule", "champion", "challenger", "required", "found", "passed", "decides")
    return tabulate(rows, headers, "github", disable_numparse=True) if rows else "No rule applied."


def _address(card: Card) -> str:
    return f"models:/{legible(card.model)}/{card.version}"
