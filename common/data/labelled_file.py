"""The file of labels that people give: its columns, and what names a message there."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

# How a row was drawn: for what, with which probability, how many messages are like it.
WHY, PROBABILITY, COPIES = "why", "inclusion_probability", "copies"
# In the project's folder, where nobody names another.
FILE_NAME = "labelled.csv"


@dataclass(frozen=True)
class LabelColumns:
    """How the columns that have a meaning elsewhere are called; the others are the file's own."""

    id: str
    time: str
    text: str
    label: str

    @property
    def all(self) -> tuple[str, ...]:
        own = ("prediction", "model_version", "labelled_by", "source", "request_id")
        return (self.id, self.time, self.text, self.label, *own)

    @property
    def of_queues(self) -> tuple[str, ...]:
        """The same, and how a message came to be labelled."""
        return (*self.all, "confidence", WHY, PROBABILITY, COPIES)


def named_by_text(text: str) -> str:
    """What names a message that has no id: the same in every file that has it.

    >>> named_by_text("thank you")
    'text-844347e54f00'
    """
    return f"text-{hashlib.sha256(text.encode('utf-8', 'replace')).hexdigest()[:12]}"


def named_as_issue(id: str) -> str:
    """What names the row that says that somebody looked at the label of a message.

    The message may be in the file of labels too, under its own name.
    """
    return f"issue-{id}"
