"""What a script prints at its end: a text for people, and the same facts for scripts."""

from __future__ import annotations

import shlex
from dataclasses import asdict
from typing import TYPE_CHECKING

from tabulate import tabulate

from common.commands import as_typed
from common.settings import Settings
from common.text import brief

if TYPE_CHECKING:  # a script pays only for the start of what it uses
    from common.evaluation.metrics import ClassMetrics, Confused
    from common.monitoring.alerts.trial import Trial
    from common.monitoring.incidents.incident import Incident
    from common.monitoring.result import MonitoringResult
    from common.training.contest import Rule, Verdict
    from common.training.outcome import TrainResult
    from common.training.provenance import Reproduction

Summary = tuple[str, dict[str, object]]

SHOWN_METRICS = ("accuracy", "balanced_accuracy", "f1_macro", "roc_auc", "log_loss", "ece")
SHOWN_FILES = 20
SHOWN_CLASSES = 12
# Of the run: training rows whose label looks wrong.
LABELS_TO_CHECK = "labels_to_check.csv"


def training(result: TrainResult) -> Summary:
    """What was learnt, the contest as a table, what looks wrong; last the verdict."""
    verdict = result.contest.verdict
    shown = "  ".join(
        f"{name} {result.metrics[name]:.4f}" for name in SHOWN_METRICS if name in result.metrics
    )
    parts = []
    if result.tournament:
        from common.reports import tournament

        parts.append("\n" + tournament.in_words(result.tournament))
    parts += [f"\nHoldout, {result.holdout_rows:,} rows: {shown}", "\n" + _classes_table(result)]
    if result.confused:
        parts.append(_confused(result.confused))
    if verdict.rules:
        parts.append("\n" + rules_table(verdict))
    if result.remarks:
        parts += ["\nLook at this first:", *(f"  {remark}" for remark in result.remarks)]
    if result.beyond_rule:
        parts += ["", result.beyond_rule.sentence()]
    uses = [use.sentence() for use in (result.lexicon_use, result.embeddings_use) if use]
    if uses:
        parts.append("\n" + "\n".join(uses))
    if result.doubts and result.version:
        parts.append(
            f"Labels worth a second look: {result.doubts:,}, in {LABELS_TO_CHECK} of its run."
        )
    if result.routing:
        parts.append(f"\n{result.routing.sentence()}")
    if result.costs:
        parts.append(f"\n{result.costs.sentence()}")
    parts.append("\n" + _registered(result))
    if result.synthetic:
        parts.append("The data is SYNTHETIC: these figures say nothing about real messages.")
    parts.append(f"Verdict: {verdict.reason}.")
    return "\n".join([*parts, *_next_steps(result)]), _training_facts(result)


def _registered(result: TrainResult) -> str:
    """What the model was registered as, and where to look at it."""
    version, links = result.version, result.links
    if version is None:
        return "Dry run: nothing was logged or registered."
    alias = "champion" if result.contest.verdict.promote else "challenger"
    line = f"Registered as {version.name} version {version.number}, the {alias}."
    if links:
        return f"{line}\nIts run:   {links.runs}\nThe model: {links.model}"
    return f"{line} To look at it: {as_typed('python -m common.registry ui')}"


def _classes_table(result: TrainResult) -> str:
    """Each class with its rows and, on the holdout, its precision, recall and F1."""
    from common.reports.html import figure

    rows = []
    for name, total in list(result.class_rows.items())[:SHOWN_CLASSES]:
        row = result.per_class.get(name)
        figures = map(figure, (row.precision, row.recall, row.f1)) if row else ("", "", "")
        rows.append((brief(name), f"{total:,}", f"{row.support:,}" if row else "0", *figures))
    headers = ("class", "rows", "holdout", "precision", "recall", "F1")
    table = tabulate(rows, headers, disable_numparse=True, colalign=("left", *["right"] * 5))
    more = len(result.class_rows) - SHOWN_CLASSES
    return f"{table}\n... and {more:,} rarer classes" if more > 0 else table


def _confused(pair: Confused) -> str:
    one, other = brief(pair.one), brief(pair.other)
    back = f", {pair.back:,} the other way round" if pair.back else ""
    return f"Most confused: {one} taken for {other} in {pair.there:,} rows{back}."


def _next_steps(result: TrainResult) -> list[str]:
    """What to type if a person has to decide."""
    verdict, version = result.contest.verdict, result.version
    by_hand = ""
    if version:
        usual = version.name == Settings.model_fields["model_name"].default
        named = "" if usual else f" --model-name {shlex.quote(version.name)}"
        command = f'python -m common.registry promote {version.number} --reason "..."{named}'
        by_hand = as_typed(command)
    if verdict.outcome == "waiting" and version:
        return [f"To promote it: {by_hand}"]
    if verdict.outcome != "no contest":
        return []
    ways = [
        *map(as_typed, verdict.ways_out),
        *([f"promote it by hand: {by_hand}"] if by_hand else []),
    ]
    return ["No contest could be held. Ways out:", *(f"  {way}" for way in ways)]


def rules_table(verdict: Verdict, style: str = "simple") -> str:
    """The rules as a table: metric, champion, challenger, difference, rule, finding, passed.

    Args:
        style: of `tabulate`, such as "github" for Markdown.
    """
    from common.reports.html import figure

    headers = ["metric", "champion", "challenger", "difference", "rule", "found", "passed"]
    rows = [
        [
            rule.metric,
            figure(rule.champion),
            figure(rule.challenger),
            figure(rule.difference, "+"),
            rule.required,
            rule.found,
            _passed(rule),
        ]
        for rule in verdict.rules
    ]
    if all(rule.champion is None for rule in verdict.rules):  # there is no champion to speak of
        headers = ["metric", "model", "rule", "passed"]
        rows = [[metric, own, rule, passed] for metric, _, own, _, rule, _, passed in rows]
    return tabulate(rows, headers, tablefmt=style, disable_numparse=True)


def reproduction(found: Reproduction) -> Summary:
    """Whether a version that was fitted again answers its holdout as it did."""
    changed = [
        what
        for same, what in ((found.same_lock_file, "the lock file"), (found.same_commit, "the code"))
        if not same
    ]
    also = f" (what differs from then: {', '.join(changed)})" if changed else ""
    outcome = "identical" if found.identical else "NOT identical"
    text = (
        f"Version {found.version.number} of {found.version.name}, fitted again: "
        f"predictions on the {found.holdout_rows:,} holdout rows are {outcome}{also}."
    )
    return text, {
        "identical": found.identical,
        "same_lock_file": found.same_lock_file,
        "same_commit": found.same_commit,
        "holdout_rows": found.holdout_rows,
        "metrics": dict(found.metrics),
        "model": found.version.identity(),
    }


def monitoring(result: MonitoringResult) -> str:
    """What is not as it should be, each class's figures, what to do; last the verdict.

    Without labels, all that is known of the messages and the answers too.
    """
    from common.monitoring.course import spoken
    from common.monitoring.spoken_news import in_words

    lines = _answers(result)
    if result.wrong and result.wrong.sentences:
        lines += ["", f"Of the {result.wrong.wrong:,} wrong answers{_since(result)}:"]
        lines += [f"  {sentence}" for sentence in result.wrong.sentences]
    if result.bursts:
        lines += [
            "",
            f"New: {in_words([each.burst for each in result.bursts], result.window or '')}.",
        ]
    lines += ["", _watched_classes(result)] if result.classes else []
    for change in result.version_changes[-1:]:
        lines += [
            "",
            f"Version {change.after} has been in use since {spoken(change.window)}, in place of "
            f"version {change.before}.",
        ]
    if result.model.labels:
        lines += ["", result.model.labels]
    if result.open_incidents:
        lines += ["", *map(_open_incident, result.open_incidents)]
    if result.next_steps:
        lines += ["", "Next:"]
        for number, step in enumerate(result.next_steps, start=1):
            lines.append(f"  {number}. {step.say}")
            lines += [f"     {step.command}"] if step.command else []
    return "\n".join([*lines, result.text]).lstrip("\n")


def _answers(result: MonitoringResult) -> list[str]:
    """Questions whose answer is not OK, with their evidence; the others in one line."""
    from common.monitoring.checks.catalogue import QUESTIONS, Subject
    from common.monitoring.checks.finding import TROUBLE, Status
    from common.text import capitalised, listed

    lines, fine, open_questions = [], [], []
    for answer in result.questions:
        of_messages = answer.question and QUESTIONS[answer.question].subject is Subject.DRIFT
        all_is_told = result.unlabelled and bool(of_messages)
        if answer.status in TROUBLE or all_is_told:
            lines.append(f"{answer.status.name:<9}{capitalised(answer.sentence)}.")
            lines += [
                f"{'':9}{evidence.title}: {evidence.reason}"
                for evidence in answer.evidence
                if evidence.status in TROUBLE or all_is_told
            ]
        elif answer.status is Status.OK:
            fine.append(answer.title.lower())
        else:
            open_questions.append(answer.title.lower())
    lines += [f"Fine: {listed(fine)}."] if fine else []
    lines += [f"Too little to judge: {listed(open_questions)}."] if open_questions else []
    return lines


def _since(result: MonitoringResult) -> str:
    since = result.course.spoken_since if result.course else ""
    return f" since {since}" if since else ""


def _watched_classes(result: MonitoringResult) -> str:
    """Each class with its rows, precision, recall and F1, the largest first."""
    from common.reports.html import figure

    by_class = result.classes.by_class if result.classes else {}
    metrics = {name: row.metrics for name, row in by_class.items()}
    rows = [
        (name, f"{m.support:,}", *map(figure, (m.precision, m.recall, m.f1)))
        for name, m in sorted(metrics.items(), key=lambda pair: -pair[1].support)
    ]
    headers = ("class", "rows", "precision", "recall", "F1")
    return tabulate(rows[:SHOWN_CLASSES], headers, disable_numparse=True, colalign=("left",))


def tried_addresses(tried: Trial) -> str:
    """What came back of a test message, address by address."""
    return "\n".join(
        f"{each.address}: {each.problem or 'took the test message'}" for each in tried.channels
    )


def _open_incident(incident: Incident) -> str:
    last, taken = incident.trouble, ", acknowledged" if incident.is_acknowledged else ""
    return (
        f"Open: {last.incident} ({incident.status.name} {last.finding} since "
        f"{incident.since:%Y-%m-%d}{taken}): {last.reason}"
    )


def _passed(rule: Rule) -> str:
    if rule.passed is None:
        return ""
    word = "yes" if rule.passed else "no"
    return word if rule.blocks else f"{word} (reported)"


def _training_facts(result: TrainResult) -> dict[str, object]:
    """What `train.py --json` prints; described in docs/schemas/train.schema.json."""
    from common.reports import answering, tournament

    verdict, version, counts = result.contest.verdict, result.version, result.counts
    return {
        "verdict": verdict.outcome,
        "promoted": verdict.promote and version is not None,
        "reason": verdict.reason,
        "rules": [_rule_facts(rule) for rule in verdict.rules],
        "champion": result.contest.champion_number,
        "contest_rows": int(result.contest.shared.sum()),
        "ways_out": list(verdict.ways_out),
        "remarks": list(result.remarks),
        "lexicon": asdict(result.lexicon_use) if result.lexicon_use else None,
        "embeddings": asdict(result.embeddings_use) if result.embeddings_use else None,
        "family": result.family,
        "tournament": tournament.facts(result.tournament) if result.tournament else None,
        "labels_to_check": result.doubts,
        **({"routing": answering.routing_facts(result.routing)} if result.routing else {}),
        **({"costs": answering.cost_facts(result.costs)} if result.costs else {}),
        **({"beyond_rule": asdict(result.beyond_rule)} if result.beyond_rule else {}),
        "metrics": dict(result.metrics),
        "classes": {
            name: {"rows": rows, "holdout": _class_facts(result.per_class.get(name))}
            for name, rows in result.class_rows.items()
        },
        "holdout_rows": result.holdout_rows,
        "rows": {
            "read": counts.read,
            "used": counts.used,
            "rejected": counts.rejected,
            "without_text": counts.blank,
            "without_class": counts.unlabelled,
        },
        "synthetic_data": result.synthetic,
        "links": asdict(result.links) if result.links else None,
        "model": version.identity() if version else None,
    }


def _class_facts(row: ClassMetrics | None) -> dict[str, float | None] | None:
    return row.facts() if row else None


def _rule_facts(rule: Rule) -> dict[str, object]:
    return {
        "metric": rule.metric,
        "champion": rule.champion,
        "challenger": rule.challenger,
        "required": rule.required,
        "found": rule.found,
        "passed": rule.passed,
        "blocks": rule.blocks,
        "difference": rule.difference,
    }
