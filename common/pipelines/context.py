"""One run of `python -m common.context` as a function: messages in, messages in context out.

>>> request = ContextRequest(Path("twcs.csv"), Path("twcs.parquet"))
>>> run(request).found    # doctest: +SKIP
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from common.errors import SettingsError
from common.pipelines.form import reading_of
from common.pipelines.progress import no_progress

if TYPE_CHECKING:
    from common.data.conversations import Joined
    from common.types import Progress


@dataclass(frozen=True)
class ContextRequest:
    """What one run is asked to do; see `python -m common.context --help`.

    Attributes:
        data: a file of messages, or a folder of files.
        output: the Parquet file that is written.
        text_column, id_column, reply_column: what was written, what names a message, and what
            names the message that it answers.
        delimiter, encoding, header, sheet, field_characters: the form of the file, if it can't be
            found out: see `reading.Reading`.
    """

    data: Path
    output: Path
    text_column: str = "text"
    id_column: str = "tweet_id"
    reply_column: str = "in_response_to_tweet_id"
    delimiter: str | None = None
    encoding: str | None = None
    header: tuple[str, ...] | None = None
    sheet: str | None = None
    field_characters: int = 16_000_000


def run(request: ContextRequest, progress: Progress = no_progress) -> Joined:
    """Put each message together with the one that it answers; the output appears whole.

    Raises:
        SettingsError: the output is no Parquet file.
        InputError: the data or the output can't be used.
    """
    from common.data.conversations import ReplyColumns, join

    if request.output.suffix != ".parquet":
        raise SettingsError(f"the output must end in .parquet, not {request.output.name!r}.")
    columns = ReplyColumns(request.text_column, request.id_column, request.reply_column)
    with progress("Joining", "rows", 0) as advance:
        return join(request.data, request.output, columns, reading_of(request), advance)
