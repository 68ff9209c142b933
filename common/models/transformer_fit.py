"""Fine-tuning for `transformer`: a loop of torch that stops when rows held back stop gaining.

torch is imported by the functions that use it, since this package is imported where there is none.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from common.models.checkpoint import CheckpointError, Loaded, class_logits, read
from common.models.folds import stratified_folds
from common.models.neural_fit import one_thread
from common.models.softmax import softmax_scale

if TYPE_CHECKING:
    from torch import Tensor

Ints = npt.NDArray[np.int64]

EPOCHS = 10
BATCH = 16
# Batches are made of so many rows sorted by length.
SORTED_BATCHES = 50
# Adam's step is best in inverse proportion to the width (Yang et al., Tensor Programs V, 2022): the
# usual 5e-5 at 768, and 3e-4 at 128, as advised for small ones.
RATE_AT_WIDTH_1 = 5e-5 * 768
WARM_UP, DECAY, LARGEST_NORM = 0.1, 0.01, 1.0
VALIDATION = 10
PATIENCE = 2


@dataclass(frozen=True)
class FineTuned:
    """What was learnt.

    Attributes:
        files: the checkpoint with its tokenizer, by path in its folder.
        scale: a in softmax(a * logits), with which they are calibrated.
    """

    files: Mapping[str, bytes]
    scale: float


def fine_tune(
    checkpoint: str,
    texts: Sequence[str],
    y: Ints,
    balanced: bool,
    seed: int,
    advance: Callable[[int], None] = lambda steps: None,
) -> FineTuned:
    """Fine-tune a checkpoint on n texts.

    AdamW (Loshchilov & Hutter 2019), with a rate that rises and then falls; the parameters of the
    epoch with the least loss on a tenth of the rows are kept.

    Args:
        checkpoint: a folder, or a name on Hugging Face's hub.
        y: (n,) class numbers, 0 to K - 1.
        balanced: give each class the same total weight.
        advance: told of each of the EPOCHS that is done, or not needed any more.

    Raises:
        CheckpointError: there is no such checkpoint, or it can't be used.
    """
    import torch

    counts = np.bincount(y)
    class_weights = len(y) / (len(counts) * counts) if balanced else np.ones(len(counts))
    held = (stratified_folds(y, VALIDATION, seed) == 0) & (counts[y] >= VALIDATION)
    seen, validation = np.flatnonzero(~held), np.flatnonzero(held if held.any() else ~held)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    with one_thread(), torch.random.fork_rng():
        torch.manual_seed(seed)
        loaded = _checkpoint(checkpoint, len(counts))
        loaded.model.to(device)
        rows = _Rows(loaded, texts, y, class_weights, device)
        _learn(loaded.model, rows, seen, validation, np.random.default_rng(seed), advance)
        loaded.model.to("cpu").eval()
        logits = class_logits(loaded, [texts[row] for row in validation.tolist()], len(counts))
    scale = softmax_scale(logits, y[validation], class_weights[y[validation]])
    return FineTuned(loaded.files(), scale)


def _checkpoint(checkpoint: str, classes: int) -> Loaded:
    try:
        found = read(checkpoint, num_labels=classes, ignore_mismatched_sizes=True)
    except (OSError, ValueError, KeyError, ImportError) as error:
        lines = str(error).strip().splitlines() or ["no reason given"]
        raise CheckpointError(
            f"TRANSFORMER {checkpoint}: there is no checkpoint that can be loaded "
            f"({type(error).__name__}: {lines[0][:200]})."
        ) from error
    if found.tokenizer.pad_token is None:
        raise CheckpointError(f"TRANSFORMER {checkpoint}: its tokenizer has no padding token.")
    return found


class _Rows:
    """Messages as tokens, in batches."""

    def __init__(
        self,
        loaded: Loaded,
        texts: Sequence[str],
        y: Ints,
        class_weights: npt.NDArray[np.float64],
        device: Any,
    ) -> None:
        import torch

        self.tokens = loaded.tokens(texts)
        self.lengths = np.fromiter(map(len, self.tokens), np.int64, len(texts))
        self.loaded, self.y, self.device = loaded, y, device
        self.class_weights = torch.tensor(class_weights, dtype=torch.float32, device=device)

    def batches(self, rows: Ints, random: np.random.Generator | None = None) -> list[Ints]:
        """These rows in batches of similar lengths: in random order, or by length."""
        if random is not None:
            rows = random.permutation(rows)
        found = []
        pool = SORTED_BATCHES * BATCH
        for first in range(0, len(rows), pool):
            part = rows[first : first + pool]
            part = part[np.argsort(self.lengths[part], kind="stable")]
            found += [part[at : at + BATCH] for at in range(0, len(part), BATCH)]
        if random is not None:
            return [found[at] for at in random.permutation(len(found))]
        return found

    def loss(self, model: Any, rows: Ints) -> Tensor:
        """Sum of the weighted cross-entropy of these rows."""
        import torch
        from torch.nn.functional import cross_entropy

        batch = self.loaded.batch([self.tokens[row] for row in rows], int(self.lengths[rows].max()))
        found = model(**{name: values.to(self.device) for name, values in batch.items()})
        labels = torch.from_numpy(self.y[rows]).to(self.device)
        return cross_entropy(found.logits, labels, weight=self.class_weights, reduction="sum")


def _learn(
    model: Any,
    rows: _Rows,
    seen: Ints,
    validation: Ints,
    random: np.random.Generator,
    advance: Callable[[int], None],
) -> None:
    """Change the parameters to those of the epoch with the least loss on the validation rows."""
    import torch

    steps = EPOCHS * math.ceil(len(seen) / BATCH)
    warm = max(1, round(WARM_UP * steps))
    optimiser = torch.optim.AdamW(
        model.parameters(), lr=RATE_AT_WIDTH_1 / model.config.hidden_size, weight_decay=DECAY
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda step: min((step + 1) / warm, (steps - step) / (steps - warm + 1))
    )
    best, best_loss, best_epoch = None, math.inf, -1
    for epoch in range(EPOCHS):
        model.train()
        for some in rows.batches(seen, random):
            optimiser.zero_grad()
            (rows.loss(model, some) / len(some)).backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), LARGEST_NORM)
            optimiser.step()
            schedule.step()
        model.eval()
        with torch.no_grad():
            loss = sum(rows.loss(model, some).item() for some in rows.batches(validation))
        if loss < best_loss:
            best_loss, best_epoch = loss, epoch
            best = {name: values.clone() for name, values in model.state_dict().items()}
        advance(1)
        if epoch - best_epoch >= PATIENCE:
            advance(EPOCHS - epoch - 1)
            break
    if best is not None:
        model.load_state_dict(best)
