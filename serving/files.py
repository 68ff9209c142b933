"""A file of messages that was sent is scored as predict.py scores it, chunk by chunk."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from common.data.reader import Chunk, MessageFile
from common.errors import InputError, MissingColumn, ModelUnavailable
from common.models.base import Classifier, Explains, Weighted
from common.scoring.chunk import ScoredChunk
from common.scoring.file import make_scorer
from common.scoring.jobs import Job, JobSettings
from serving.champion import Served
from serving.problems import Problem, refused
from serving.scorer import Scorer

# Between two of them single messages are answered: a chunk holds them up for some 40 ms. With 2,000
# rows a file took a fourth longer.
CHUNK_ROWS = 5000
# One is parsed or written while another is scored.
CHUNKS_AT_ONCE = 2
# What a file is, by the names that clients have for it.
CSV = ("text/csv", "application/csv")
JSON_LINES = ("application/jsonlines", "application/x-ndjson", "application/jsonl")
PARQUET = "application/vnd.apache.parquet"
ENDINGS = {
    **dict.fromkeys(CSV, ".csv"),
    **dict.fromkeys(JSON_LINES, ".jsonl"),
    PARQUET: ".parquet",
}


@dataclass(frozen=True)
class FileOptions:
    """How a file is scored; see predict.py.

    Attributes:
        format: of the output: csv, jsonl or parquet.
        skip_rejects: leave out rows that can't be read, and count them; else they are an error.
    """

    text_column: str
    format: str
    proba: bool = False
    explain: bool = False
    skip_rejects: bool = False


@dataclass(frozen=True)
class FileCounts:
    """What became of the rows of a file."""

    scored: int = 0
    blank: int = 0
    rejected: int = 0
    classes: Mapping[str, int] = field(default_factory=dict)

    def __add__(self, chunk: ScoredChunk) -> FileCounts:
        return FileCounts(
            self.scored + chunk.scored,
            self.blank + chunk.blank,
            self.rejected + len(chunk.rejects),
            Counter(self.classes) + chunk.classes,
        )


def score(
    source: Path,
    target: Path,
    served: Served,
    scorer: Scorer,
    options: FileOptions,
    ends: Callable[[], bool] = lambda: False,
) -> FileCounts:
    """Score a file with one version, whatever is champion meanwhile.

    Args:
        scorer: whose thread asks the model.
        ends: asked between chunks whether the server ends.

    Raises:
        Problem: 422, the file or the options can't be used.
    """
    settings = JobSettings(
        options.text_column,
        format=options.format,
        with_proba=options.proba,
        with_reasons=options.explain,
    )
    model = replace(served.model, classifier=_proxy(served.model.classifier, scorer))
    try:
        with MessageFile(source, CHUNK_ROWS) as messages:
            messages.require(options.text_column, "TEXT_COLUMN")
            scored = make_scorer(Job(source, target, settings), messages, model, None)
            counts, content = FileCounts(), target.with_name(f"{target.name}.content")
            with content.open("wb") as file:
                file.write(scored.format.head())
                chunks = messages.chunks(scored.format.needed)
                for chunk in _in_order(chunks, scored):
                    if ends():
                        raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, "The server ends.")
                    if chunk.rejects and not options.skip_rejects:
                        raise refused(
                            f"Line {chunk.rejects[0].line} can't be read. Mend the file, or add "
                            "rejects=skip to leave such rows out."
                        )
                    file.write(chunk.content)
                    counts += chunk
            scored.format.finish(content).replace(target)
            return counts
    except MissingColumn as error:
        raise refused("The file has no text column: name it with text_column=NAME.") from error
    except ModelUnavailable as error:
        raise refused("This version can't explain its answers.") from error
    except InputError as error:
        raise refused(said(error, source)) from error


def texts_of(source: Path, column: str) -> list[str]:
    """The messages of a file: its text column, or its only one.

    Raises:
        Problem: 422, the file or a row of it can't be read, or has no such column.
    """
    try:
        with MessageFile(source) as messages:
            chosen = messages.columns[0] if len(messages.columns) == 1 else column
            messages.require(chosen, "TEXT_COLUMN")
            texts: list[str] = []
            for chunk in messages.chunks([chosen]):
                if chunk.rejects:
                    raise refused(f"Line {chunk.rejects[0].line} can't be read.")
                texts += chunk.texts(chosen).to_pylist()
            return texts
    except MissingColumn as error:
        raise refused("The text column is missing; /api/info names it.") from error
    except InputError as error:
        raise refused(said(error, source)) from error


def said(error: InputError, source: Path) -> str:
    """What is wrong with a file that was sent, without its place here; nothing of its header, which
    is a message where there is none."""
    text = str(error).replace(str(source), "the file")
    if "header" in text or "column" in text or "/" in text:
        return "The file can't be used: look at its header, and at what its Content-Type says."
    return text[0].upper() + text[1:]


def _in_order(
    chunks: Iterator[Chunk], work: Callable[[Chunk], ScoredChunk]
) -> Iterator[ScoredChunk]:
    with ThreadPoolExecutor(CHUNKS_AT_ONCE) as threads:
        pending: deque[Future[ScoredChunk]] = deque()
        for chunk in chunks:
            pending.append(threads.submit(work, chunk))
            if len(pending) > CHUNKS_AT_ONCE:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()


@dataclass(frozen=True)
class _OnScoringThread:
    """A classifier that is asked in the scoring thread, whoever asks."""

    classifier: Classifier
    scorer: Scorer

    @property
    def classes_(self) -> npt.NDArray[np.object_]:
        return self.classifier.classes_

    def predict_proba(self, texts: Any, /) -> npt.NDArray[np.float64]:
        return self.scorer.call(lambda: self.classifier.predict_proba(texts))


@dataclass(frozen=True)
class _ExplainsOnScoringThread(_OnScoringThread):
    """The same, of one that explains."""

    explainer: Explains

    def explain(
        self, texts: Any, proba: npt.NDArray[np.float64], /, top: int = 3
    ) -> Sequence[Weighted]:
        return self.scorer.call(lambda: self.explainer.explain(texts, proba, top))


def _proxy(classifier: Classifier, scorer: Scorer) -> Any:
    if isinstance(classifier, Explains):
        return _ExplainsOnScoringThread(classifier, scorer, classifier)
    return _OnScoringThread(classifier, scorer)
