"""What the requests of all three runs say of the form of their files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:  # a request is made without any heavy library
    from common.data.reading import Reading


class Form(Protocol):
    """Fields of a request, as `reading.Reading` has them."""

    @property
    def delimiter(self) -> str | None: ...
    @property
    def encoding(self) -> str | None: ...
    @property
    def header(self) -> tuple[str, ...] | None: ...
    @property
    def sheet(self) -> str | None: ...
    @property
    def field_characters(self) -> int: ...


def reading_of(request: Form) -> Reading:
    """How the request's files are read."""
    from common.data.reading import Reading

    return Reading(
        delimiter=request.delimiter,
        encoding=request.encoding,
        header=request.header,
        sheet=request.sheet,
        field_characters=request.field_characters,
    )
