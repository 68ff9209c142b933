"""What several targets are called: in TARGET_COLUMN, and the models that answer them."""

from __future__ import annotations

import re
import shlex

from common.errors import SettingsError

# As MODEL_NAME: MLflow refuses these in names of models.
_NOT_IN_NAMES = re.compile(r"[/:@]")


def several(target_column: str | None) -> tuple[str, ...]:
    """The columns that TARGET_COLUMN names, if it names several; else none.

    >>> several("topic, sentiment"), several("topic"), several(None)
    (('topic', 'sentiment'), (), ())

    Raises:
        SettingsError: one is named twice, is empty, or can't be part of a model's name.
    """
    names = [name.strip() for name in (target_column or "").split(",")]
    if len(names) < 2:
        return ()
    problem = ""
    if not all(names):
        problem = "has an empty name"
    elif len({name.casefold() for name in names}) < len(names):
        problem = "names a column twice"
    elif unfit := next(filter(_NOT_IN_NAMES.search, names), None):
        problem = f"names {unfit!r}, and names of models have no / : @"
    if problem:
        raise SettingsError(
            f"TARGET_COLUMN {target_column!r} {problem}: write several columns as topic,sentiment "
            "(a column whose own name has a comma can't be a target)."
        )
    return tuple(names)


def refuse_several(target_column: str | None, instead: str) -> None:
    """Refuse several targets where one is meant.

    Args:
        instead: what takes several, for who calls from Python.

    Raises:
        SettingsError: names what to do.
    """
    if several(target_column):
        raise SettingsError(
            f"TARGET_COLUMN {target_column!r} names several columns: name one of them with "
            f"--target-column, and its model with --model-name (from Python: {instead})."
        )


def model_of(model_name: str, target: str) -> str:
    """The registered model that answers one of several targets.

    >>> model_of("triage", "topic")
    'triage.topic'
    """
    return f"{model_name}.{target}"


def one_target(target: str, model_name: str) -> str:
    """Flags with which a script looks at one of several targets alone, to paste in a shell.

    >>> one_target("late order", "triage")
    "--target-column 'late order' --model-name 'triage.late order'"
    """
    named = shlex.quote(model_of(model_name, target))
    return f"--target-column {shlex.quote(target)} --model-name {named}"
