"""Checkpoints of transformers: read, stored, and what they say of texts."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from common.models.pieces import MESSAGE_CHARACTERS

if TYPE_CHECKING:
    from torch import Tensor

Floats = npt.NDArray[np.float64]

# Of a longer message the model reads the beginning.
MOST_TOKENS = 128
# The last bits of an answer depend on the shape of its batch, and with lengths that are no multiple
# of 8 on its place there. So all have as many rows, and a message always has the same padding.
ROWS_AT_ONCE, LENGTHS = 8, 8


class CheckpointError(ValueError):
    """A checkpoint can't be used; the message is one line for its user."""

    def __reduce__(self) -> tuple[Any, ...]:
        # A stored model has a class of its own, which other processes could not find.
        return ValueError, self.args


@dataclass(frozen=True)
class Loaded:
    """A checkpoint in memory: objects of Hugging Face's `transformers`."""

    model: Any
    tokenizer: Any

    def tokens(self, texts: Sequence[str]) -> list[list[int]]:
        """Numbers of the tokens of each text, at least one."""
        most = min(
            MOST_TOKENS,
            self.tokenizer.model_max_length,
            getattr(self.model.config, "max_position_embeddings", MOST_TOKENS),
        )
        most -= most % LENGTHS
        cut = [text[:MESSAGE_CHARACTERS] for text in texts]
        found = self.tokenizer(cut, truncation=True, max_length=most)["input_ids"]
        return [numbers or [self.tokenizer.pad_token_id] for numbers in found]

    def batch(self, tokens: Sequence[list[int]], length: int) -> dict[str, Tensor]:
        """What the model takes: tokens of some texts, padded to one length, and which are real."""
        import torch

        lengths = np.fromiter(map(len, tokens), np.int64, len(tokens))
        real = np.arange(length) < lengths[:, None]
        numbers = np.full(real.shape, self.tokenizer.pad_token_id)
        numbers[real] = np.concatenate(tokens)
        mask = real.astype(np.int64)
        return {"input_ids": torch.from_numpy(numbers), "attention_mask": torch.from_numpy(mask)}

    def files(self) -> dict[str, bytes]:
        """The checkpoint as it is stored: contents by path in its folder."""
        with tempfile.TemporaryDirectory() as folder:
            self.model.save_pretrained(folder)
            self.tokenizer.save_pretrained(folder)
            return {
                path.relative_to(folder).as_posix(): path.read_bytes()
                for path in sorted(Path(folder).rglob("*"))
                if path.is_file()
            }


def load(files: Mapping[str, bytes]) -> Loaded:
    """A stored checkpoint, ready to answer."""
    with tempfile.TemporaryDirectory() as folder:
        for name, content in files.items():
            path = Path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        return read(folder)


def read(checkpoint: str, **head: Any) -> Loaded:
    """A checkpoint of a folder, or of Hugging Face's hub.

    Args:
        head: of a classification layer that is not fitted yet.
    """
    # Its threads would not live on in forked processes, of which it warns.
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    from transformers import AutoModelForSequenceClassification, AutoTokenizer
    from transformers.utils import logging

    # What it says of a layer that is still to be fitted, and bars for a second's work.
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    tokenizer = AutoTokenizer.from_pretrained(checkpoint)
    # Attention that is written out adds a mask of zeros without a trace; others take another way.
    model = AutoModelForSequenceClassification.from_pretrained(
        checkpoint, attn_implementation="eager", **head
    )
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token or tokenizer.unk_token
    model.config.pad_token_id = tokenizer.pad_token_id
    return Loaded(model.float().eval(), tokenizer)


def class_logits(loaded: Loaded, texts: Sequence[str], classes: int) -> Floats:
    """(n, K) what a checkpoint says of n texts, in batches of texts of similar lengths."""
    import torch

    logits = np.empty((len(texts), classes))
    if not texts:
        return logits
    # A pool of threads does not live on in the processes that scoring forks.
    torch.set_num_threads(1)
    tokens = loaded.tokens(texts)
    rows_of: dict[int, list[int]] = {}
    for row, numbers in enumerate(tokens):
        rows_of.setdefault(-len(numbers) // LENGTHS * -LENGTHS, []).append(row)
    for length, rows in rows_of.items():
        for first in range(0, len(rows), ROWS_AT_ONCE):
            some = rows[first : first + ROWS_AT_ONCE]
            filled = [*some, *some[:1] * (ROWS_AT_ONCE - len(some))]
            batch = loaded.batch([tokens[row] for row in filled], length)
            with torch.inference_mode():
                found = loaded.model(**batch).logits.double().numpy()
            logits[some] = found[: len(some)]
    return logits
