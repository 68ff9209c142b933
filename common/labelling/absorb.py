"""What people filled in goes to the file of labels, all of it or nothing, each message once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from common.data import drawn, split
from common.data.appended_csv import Row
from common.data.labelled_file import LabelColumns, named_as_issue
from common.labelling import answers as filled_in
from common.labelling.answers import Answer, Answers
from common.labelling.form import CONFIDENCE, PREDICTION, VERSION, QueueColumns
from common.labelling.stored import StoredLabels, is_correction, says_how_drawn
from common.masking import Disclosure

# Columns that say who gave a label, and where.
BY_WHOM = ("labelled_by", "source", "request_id")


@dataclass(frozen=True)
class Absorbed:
    """What became of a queue; all are counts of messages.

    Attributes:
        added: that had no label.
        corrected: whose label is another one now.
        unchanged: that had this label already.
        blank: that nobody has labelled yet.
        labelled: of the file that have a label now.
    """

    added: int
    corrected: int
    unchanged: int
    blank: int
    labelled: int


@dataclass
class _Plan:
    """What is to be written: rows by the id of those that they replace, labels by text, and what
    becomes of the messages, as `Absorbed` counts them."""

    rows: dict[str, Row] = field(default_factory=dict)
    labels: dict[int, str] = field(default_factory=dict)
    added: dict[str, Row] = field(default_factory=dict)
    new: int = 0
    corrected: int = 0
    unchanged: int = 0


def absorb(
    queue: Path,
    answers: Answers,
    stored: StoredLabels,
    asked: QueueColumns,
    shown: Disclosure,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Absorbed:
    """Add what people filled in to a file of labels, in one step.

    A message that the file has gets its new label in the place of the old one. A label that looked
    wrong is corrected wherever the file has the text, and a row of its own says that somebody has
    looked at it: it holds for other files too, and nobody is asked again. Of
    rows that were drawn with a probability, those without a class lower that of the others.

    Args:
        shown: how texts may be stored.

    Raises:
        InputError: the file has another message under one of the ids, or can't be written.
    """
    _refuse_others(queue, answers, stored)
    rates = filled_in.response_rates(answers)
    plan = _Plan()
    for answer in answers.given:
        rate = rates.get((answer.why, answer.prefilled), 1.0)
        row = _row(answer, rate, asked, stored.columns, shown, now())
        if answer.why == drawn.LABEL_ISSUE:
            _plan_correction(plan, answer, row, stored)
        elif answer.id in stored.by_id:
            _plan_replacement(plan, answer, row, stored)
        else:
            plan.new += answer.id not in plan.added
            plan.added[answer.id] = row
        _plan_overruled(plan, answer, stored)
    if plan.rows or plan.labels or plan.added:
        _write(stored, plan, asked, answers)
    return Absorbed(
        added=plan.new,
        corrected=plan.corrected,
        unchanged=plan.unchanged,
        blank=len(answers.blank),
        labelled=len(plan.added) + _count_labelled(stored, plan),
    )


def _count_labelled(stored: StoredLabels, plan: _Plan) -> int:
    """How many of the rows that were there have a label once the plan is carried out."""
    named = {id for id, row in stored.by_id.items() if stored.label(row)}
    corrected = {
        row[stored.columns.id].strip() for key in plan.labels for row in stored.by_key.get(key, [])
    }
    return len(named | set(plan.rows) | corrected)


def _refuse_others(queue: Path, answers: Answers, stored: StoredLabels) -> None:
    others = (answer for answer in answers.given if stored.has_other(answer.id, answer.text))
    what = "the file of labels has another message with its id"
    filled_in.refuse(queue, [f"row {answer.row}: {what}" for answer in others])


def _row(
    answer: Answer,
    rate: float,
    asked: QueueColumns,
    columns: LabelColumns,
    shown: Disclosure,
    now: datetime,
) -> dict[str, str]:
    own = filled_in.own_columns(asked)
    (text,) = shown.shown([answer.text])
    written_at = answer.cells.get(columns.time, "").strip()
    probability = "" if answer.probability is None else f"{answer.probability * rate:.9g}"
    return {
        **{name: cell for name, cell in answer.cells.items() if name not in own},
        columns.id: answer.id,
        columns.time: written_at or now.isoformat(timespec="seconds"),
        columns.text: text,
        columns.label: answer.label,
        "prediction": answer.cells.get(PREDICTION, ""),
        "model_version": answer.cells.get(VERSION, ""),
        "labelled_by": "local",
        "source": "queue",
        "request_id": "",
        "confidence": answer.cells.get(CONFIDENCE, ""),
        drawn.WHY: answer.why,
        drawn.PROBABILITY: probability,
        drawn.COPIES: "" if answer.copies is None else str(answer.copies),
    }


def _plan_correction(
    plan: _Plan, answer: Answer, row: Mapping[str, str], stored: StoredLabels
) -> None:
    """Of a label that looked wrong: all rows with the text get it, and one says that it did.

    That one has the time of the message: today's would make a day without messages of it.
    """
    columns, id = stored.columns, answer.id
    named = stored.by_id.get(id)  # also one that the page wrote, maybe with masks
    if named is not None and says_how_drawn(named) and not is_correction(named):
        # Earlier releases named an issue as its message: what that was drawn for stays.
        plan.rows[id] = {columns.label: answer.label}
        id = named_as_issue(id)
    own = stored.by_id.get(id)
    rows = [*stored.by_key.get(answer.key, []), *(each for each in (named, own) if each)]
    there = set(map(stored.label, rows))
    plan.new += there <= {""}
    plan.unchanged += there == {answer.label}
    if not there <= {answer.label}:
        plan.labels[answer.key] = answer.label
        plan.corrected += there != {""}
    if own is None and not any(map(is_correction, rows)):
        times = (each.get(columns.time, "").strip() for each in (answer.cells, *rows, row))
        plan.added[id] = {**row, columns.id: id, columns.time: next(filter(None, times))}
    if own is not None and not (is_correction(own) and there == {answer.label}):
        plan.rows[id] = {columns.label: answer.label, drawn.WHY: answer.why}


def _plan_overruled(plan: _Plan, answer: Answer, stored: StoredLabels) -> None:
    """A correction wins over all labels of its text before: not over this one, which is later."""
    columns = stored.columns
    for row in filter(is_correction, stored.by_key.get(answer.key, [])):
        plan.rows.setdefault(row[columns.id].strip(), {columns.label: answer.label})


def _plan_replacement(
    plan: _Plan, answer: Answer, row: Mapping[str, str], stored: StoredLabels
) -> None:
    columns, before = stored.columns, stored.by_id[answer.id]
    if is_correction(before):
        # Earlier releases named it as its message: that takes its place, and it gets its own name.
        id = named_as_issue(answer.id)
        if id not in stored.by_id:
            plan.added[id] = {**before, columns.id: id, columns.label: answer.label}
        before = {columns.label: ""}
    label = stored.label(before)
    plan.new += label == ""
    plan.corrected += label not in ("", answer.label)
    plan.unchanged += label == answer.label
    told = (columns.label, drawn.WHY, drawn.PROBABILITY, drawn.COPIES)
    if any(before.get(name, "").strip() != row[name] for name in told):
        found = {**row, columns.time: before.get(columns.time) or row[columns.time]}
        who_stays = BY_WHOM if label == answer.label else ()
        plan.rows[answer.id] = {name: found[name] for name in found if name not in who_stays}


def _write(stored: StoredLabels, plan: _Plan, asked: QueueColumns, answers: Answers) -> None:
    columns = stored.columns

    def change(row: Row) -> Row:
        found: Mapping[str, str] = plan.rows.get(row[columns.id].strip(), {})
        if plan.labels and row[columns.text].strip():
            (key,) = split.keys([row[columns.text]]).tolist()
            if key in plan.labels:
                return {**found, columns.label: plan.labels[key]}
        return found

    own = filled_in.own_columns(asked)
    carried = [name for name in answers.given[0].cells if name not in own]
    added: Sequence[Row] = list(plan.added.values())
    stored.file.edit(change, added, (*columns.of_queues, *carried))
