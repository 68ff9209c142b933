"""What is known of the form of a file, and so need not be found out."""

from __future__ import annotations

from dataclasses import dataclass

FIELD_CHARACTERS = 16_000_000
# A row may have as many bytes as a field has characters, but always a million.
SHORTEST_ROW_LIMIT = 1_000_000
# Columns of CSV and Parquet, keys of JSON lines.
MOST_COLUMNS = 10_000


@dataclass(frozen=True)
class Reading:
    """The form of a file, as far as it is known.

    Attributes:
        delimiter: what stands between cells of CSV; None: comma, semicolon or tab, as the header
            shows.
        encoding: Python's name of it; None: UTF-8, or what a byte order mark says.
        header: names of the columns of CSV that has no header; None: its first row has them.
        member: of a zip archive, the file to read; None: the only one.
        sheet: of an Excel file, the sheet to read; None: the first.
        field_characters: a field of CSV that is longer can't be read, nor can a row with more bytes
            than this and `SHORTEST_ROW_LIMIT`.
        joined: read a zip archive with the parts that it was split in; else these are refused.
    """

    delimiter: str | None = None
    encoding: str | None = None
    header: tuple[str, ...] | None = None
    member: str | None = None
    field_characters: int = FIELD_CHARACTERS
    sheet: str | None = None
    joined: bool = False

    @property
    def row_bytes(self) -> int:
        """The most bytes of a row of CSV or a line of JSON lines."""
        return max(self.field_characters, SHORTEST_ROW_LIMIT)


FIND_OUT = Reading()
