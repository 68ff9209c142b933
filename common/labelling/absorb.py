"""What people filled in goes to the file of labels, all of it or nothing, each message once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from common.data import atomic, drawn, split
from common.data.appended_csv import AppendedCsv, Row
from common.data.files import lock_of
from common.data.labelled_file import LabelColumns
from common.errors import InputError
from common.labelling import answers as filled_in
from common.labelling.answers import Answer, Answers
from common.labelling.form import CONFIDENCE, PREDICTION, VERSION, QueueColumns
from common.masking import Disclosure

SETTING = "--into"


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
class _Stored:
    """What the file of labels holds."""

    by_id: dict[str, Row] = field(default_factory=dict)
    by_key: dict[int, list[Row]] = field(default_factory=dict)


@dataclass
class _Plan:
    """What is to be written: rows by the id of those that they replace, labels by text; of the
    rows replaced, `completed` had no label."""

    rows: dict[str, Row] = field(default_factory=dict)
    labels: dict[int, str] = field(default_factory=dict)
    added: dict[str, Row] = field(default_factory=dict)
    completed: int = 0
    corrected: int = 0
    unchanged: int = 0


@contextmanager
def open_file(path: Path, columns: LabelColumns) -> Iterator[AppendedCsv]:
    """The file of labels, for this process alone while the block runs; it may not be there yet.

    Raises:
        InputError: another process writes to it, or it is something else.
    """
    atomic.make_folder(path.parent)
    try:
        with FileLock(lock_of(path), timeout=0):
            needed = (columns.id, columns.text, columns.label)
            is_new = not path.exists() or not path.stat().st_size
            file = AppendedCsv(path, columns.of_queues if is_new else needed, columns.id, SETTING)
            file.values(columns.label)  # refuses what is not UTF-8
            yield file
    except Timeout as error:
        raise InputError(
            f"{path} is in use by a server or another command: stop it first, or name another file "
            "with --into (train.py reads a folder of such files)."
        ) from error
    except OSError as error:
        raise InputError(f"{path} can't be written: {error.strerror}.") from error


def labels_of(file: AppendedCsv, columns: LabelColumns) -> dict[tuple[str, int], str]:
    """The classes that a file of labels has, by id and text; also those of the page."""
    found: dict[tuple[str, int], str] = {}
    for row in file.rows():
        if label := row[columns.label].strip():
            (key,) = split.keys([row[columns.text]]).tolist()
            found[row[columns.id].strip(), key] = label
    return found


def absorb(
    queue: Path,
    answers: Answers,
    file: AppendedCsv,
    asked: QueueColumns,
    columns: LabelColumns,
    shown: Disclosure,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Absorbed:
    """Add what people filled in to a file of labels, in one step.

    A message that the file has gets its new label in the place of the old one. A label that looked
    wrong is corrected wherever the file has the text; if it hasn't, the correction is added. Of
    rows that were drawn with a probability, those without a class lower that of the others.

    Args:
        file: as `open_file` gives it.
        shown: how texts may be stored.

    Raises:
        InputError: the file has another message under one of the ids, or can't be written.
    """
    stored = _stored(file, columns)
    _refuse_others(queue, answers, stored, columns, shown)
    known_before = {
        answer.key for answer in answers.given if _labelled_elsewhere(answer, stored, columns)
    }
    known_before |= {key for _, key in answers.unanswered if key in stored.by_key}
    rates = filled_in.response_rates(answers, known_before)
    plan = _Plan()
    for answer in answers.given:
        rate = rates.get((answer.why, answer.key in known_before), 1.0)
        row = _row(answer, rate, asked, columns, shown, now())
        if answer.why == drawn.LABEL_ISSUE and answer.key in stored.by_key:
            _plan_correction(plan, answer, stored, columns)
        elif answer.id in stored.by_id:
            _plan_replacement(plan, answer, row, stored.by_id[answer.id], columns)
        else:
            plan.added[answer.id] = row
        _plan_overruled(plan, answer, stored, columns)
    if plan.rows or plan.labels or plan.added:
        _write(file, plan, columns, asked, answers)
    return Absorbed(
        added=len(plan.added) + plan.completed,
        corrected=plan.corrected,
        unchanged=plan.unchanged,
        blank=answers.blank,
        labelled=len(plan.added) + _count_labelled(stored, plan, columns),
    )


def _count_labelled(stored: _Stored, plan: _Plan, columns: LabelColumns) -> int:
    """How many of the rows that were there have a label once the plan is carried out."""
    named = {id for id, row in stored.by_id.items() if row[columns.label].strip()}
    corrected = {row[columns.id].strip() for key in plan.labels for row in stored.by_key[key]}
    return len(named | set(plan.rows) | corrected)


def _stored(file: AppendedCsv, columns: LabelColumns) -> _Stored:
    found = _Stored()
    for row in file.rows():
        found.by_id[row[columns.id].strip()] = row
        if row[columns.text].strip():
            (key,) = split.keys([row[columns.text]]).tolist()
            found.by_key.setdefault(key, []).append(row)
    return found


def _labelled_elsewhere(answer: Answer, stored: _Stored, columns: LabelColumns) -> bool:
    """Whether the text has a class under another id."""
    rows = stored.by_key.get(answer.key, [])
    return any(row[columns.id].strip() != answer.id for row in rows)


def _refuse_others(
    queue: Path, answers: Answers, stored: _Stored, columns: LabelColumns, shown: Disclosure
) -> None:
    problems = []
    for answer in answers.given:
        row = stored.by_id.get(answer.id)
        text = row[columns.text] if row else ""
        if not text.strip():
            continue
        written = [answer.text, *Disclosure(shown.examples, mask=True).shown([answer.text])]
        (there, *own) = split.keys([text, *written]).tolist()
        if there not in own:
            problems.append(f"row {answer.row}: the file of labels has another message with its id")
    filled_in.refuse(queue, problems)


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


def _plan_correction(plan: _Plan, answer: Answer, stored: _Stored, columns: LabelColumns) -> None:
    """Of a label that looked wrong: all rows with the text, of which nothing else changes."""
    if all(row[columns.label].strip() == answer.label for row in stored.by_key[answer.key]):
        plan.unchanged += 1
        return
    plan.labels[answer.key] = answer.label
    plan.corrected += 1


def _plan_overruled(plan: _Plan, answer: Answer, stored: _Stored, columns: LabelColumns) -> None:
    """A correction wins over all labels of its text before: not over this one, which is later."""
    for row in stored.by_key.get(answer.key, []):
        if row.get(drawn.WHY, "").strip() == drawn.LABEL_ISSUE:
            plan.rows.setdefault(row[columns.id].strip(), {columns.label: answer.label})


def _plan_replacement(
    plan: _Plan, answer: Answer, row: Row, before: Row, columns: LabelColumns
) -> None:
    label = before[columns.label].strip()
    plan.completed += label == ""
    plan.corrected += label not in ("", answer.label)
    plan.unchanged += label == answer.label
    told = (columns.label, drawn.WHY, drawn.PROBABILITY, drawn.COPIES)
    if any(before.get(name, "").strip() != row[name] for name in told):
        plan.rows[answer.id] = {**row, columns.time: before.get(columns.time) or row[columns.time]}


def _write(
    file: AppendedCsv,
    plan: _Plan,
    columns: LabelColumns,
    asked: QueueColumns,
    answers: Answers,
) -> None:
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
    file.edit(change, added, (*columns.of_queues, *carried))
