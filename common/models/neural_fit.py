"""What needs torch: fitting the network of `neural`, and writing it for others.

torch is imported by the functions that use it, since this package is imported where there is none.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from common.models.buckets import Hashed
from common.models.folds import stratified_folds
from common.models.network import BITS, Network
from common.models.softmax import softmax_scale

if TYPE_CHECKING:
    from torch import Tensor

Ints = npt.NDArray[np.int64]
Single = npt.NDArray[np.float32]

VECTOR, HIDDEN = 16, 16
EPOCHS = 20
RATE = 3e-3
# Of the terms of a message, and of the hidden numbers.
DROPPED = 0.5
BATCHES, LEAST_BATCH, LARGEST_BATCH = 25, 16, 1024
# One part in so many decides when to stop.
VALIDATION = 10
PATIENCE = 2


@dataclass(frozen=True)
class _Terms:
    """The known buckets.

    Attributes:
        rows: (2**BITS,) int32 number of a bucket from 1; 0: unknown.
        weights: (T + 1,) float32, what the vector of each is multiplied by.
    """

    rows: npt.NDArray[np.int32]
    weights: Single


@dataclass(frozen=True)
class _Batch:
    """Some messages: their terms with weights, and the share of hidden numbers that is kept."""

    terms: Tensor
    offsets: Tensor
    weights: Tensor
    kept: Tensor


def fit(
    messages: Hashed,
    y: Ints,
    least: int,
    balanced: bool,
    seed: int,
    advance: Callable[[int], None] = lambda steps: None,
) -> Network:
    """Fit a network that stops when rows held back stop gaining; one thread, so always the same.

    Adam (Kingma & Ba 2015) on cross-entropy, with dropout (Srivastava et al. 2014) of terms and of
    hidden numbers.

    Args:
        y: (n,) class numbers, 0 to K - 1.
        least: a term is known if it stands as often in the rows that are fitted on.
        balanced: give each class the same total weight.
        advance: told of each of the EPOCHS that is done, or not needed any more.
    """
    import torch

    counts = np.bincount(y)
    row_weights = (len(y) / (len(counts) * counts) if balanced else np.ones(len(counts)))[y]
    held = (stratified_folds(y, VALIDATION, seed) == 0) & (counts[y] >= VALIDATION)
    seen, validation = np.flatnonzero(~held), np.flatnonzero(held if held.any() else ~held)
    terms = _terms(messages, y, seen, least)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    with one_thread():
        training = _Training(messages, terms, len(counts), seed, device)
        labels = torch.from_numpy(y).to(device)
        weights = torch.from_numpy(row_weights.astype(np.float32)).to(device)
        found = training.run(seen, validation, labels, weights, advance)
        logits = training.logits(training.batch(validation)).cpu().numpy()
    scale = softmax_scale(logits, y[validation], row_weights[validation])
    return _network(terms, found, scale)


class _Training:
    """Parameters that learn from the messages, batch by batch."""

    def __init__(
        self, messages: Hashed, terms: _Terms, classes: int, seed: int, device: Any
    ) -> None:
        import torch

        self.messages, self.terms, self.device = messages, terms, device
        self.sizes = messages.sizes
        self.random = np.random.default_rng(seed)
        shapes = {
            "vectors": (len(terms.weights), VECTOR),
            "hidden": (VECTOR, HIDDEN),
            "hidden_bias": (HIDDEN,),
            "output": (HIDDEN + VECTOR, classes),
            "output_bias": (classes,),
        }
        scales = {"vectors": 0.1, "hidden": 1.0, "output": 1.0}
        self.parameters = {
            name: torch.from_numpy(
                self.random.standard_normal(shape, np.float32)
                * np.float32(scales.get(name, 0) / np.sqrt(shape[-1 if name == "vectors" else 0]))
            )
            .to(device)
            .requires_grad_()
            for name, shape in shapes.items()
        }

    def run(
        self,
        seen: Ints,
        validation: Ints,
        y: Tensor,
        weights: Tensor,
        advance: Callable[[int], None],
    ) -> dict[str, Tensor]:
        """The parameters after the epoch with the least loss on the validation rows."""
        import torch

        optimiser = torch.optim.Adam(self.parameters.values(), lr=RATE)
        size = min(max(len(seen) // BATCHES, LEAST_BATCH), LARGEST_BATCH)
        judged = self.batch(validation)
        best, best_loss, best_epoch = self._copy(), np.inf, -1
        for epoch in range(EPOCHS):
            order = self.random.permutation(seen)
            for first in range(0, len(order), size):
                rows = order[first : first + size]
                optimiser.zero_grad()
                self._loss(self.batch(rows, DROPPED), y[rows], weights[rows]).backward()
                optimiser.step()
            with torch.no_grad():
                loss = self._loss(judged, y[validation], weights[validation]).item()
            if loss < best_loss:
                best, best_loss, best_epoch = self._copy(), loss, epoch
            advance(1)
            if epoch - best_epoch >= PATIENCE:
                advance(EPOCHS - epoch - 1)
                break
        self.parameters = best
        return best

    def batch(self, rows: Ints, dropped: float = 0.0) -> _Batch:
        """The known terms of messages, of which a share is dropped."""
        import torch

        bags = self.messages.take(rows)
        terms = self.terms.rows[bags.numbers].astype(np.int64)
        kept = terms > 0
        if dropped:
            kept &= self.random.random(len(terms), np.float32) >= dropped
        owners = bags.owners[kept]
        scales = (1 / np.sqrt(np.maximum(self.sizes[rows], 1))).astype(np.float32)
        weights = self.terms.weights[terms[kept]] * scales[owners] / np.float32(1 - dropped)
        ends = np.concatenate([[0], np.cumsum(np.bincount(owners, minlength=len(rows)))])
        hidden = self.random.random((len(rows) if dropped else 1, HIDDEN), np.float32) >= dropped
        return _Batch(
            *(
                torch.from_numpy(values).to(self.device)
                for values in (
                    terms[kept],
                    ends[:-1],
                    weights,
                    hidden.astype(np.float32) / np.float32(1 - dropped),
                )
            )
        )

    def logits(self, batch: _Batch) -> Tensor:
        """(n, K)"""
        import torch
        from torch.nn.functional import embedding_bag

        own = self.parameters
        x = embedding_bag(
            batch.terms,
            own["vectors"],
            batch.offsets,
            mode="sum",
            per_sample_weights=batch.weights,
        )
        hidden = torch.relu(x @ own["hidden"] + own["hidden_bias"]) * batch.kept
        return torch.hstack([hidden, x]) @ own["output"] + own["output_bias"]

    def _loss(self, batch: _Batch, y: Tensor, weights: Tensor) -> Tensor:
        from torch.nn.functional import cross_entropy

        return (cross_entropy(self.logits(batch), y, reduction="none") * weights).mean()

    def _copy(self) -> dict[str, Tensor]:
        return {name: values.detach().clone() for name, values in self.parameters.items()}


def _terms(messages: Hashed, y: Ints, seen: Ints, least: int) -> _Terms:
    """The buckets that these rows have, with weights as those of `linear_scores`.

    Inverse document frequency, by occurrences, times the square root of the naive-Bayes log-count
    ratio (Wang & Manning 2012); words with pairs, and parts, add as much to a message.
    """
    by_class = [_occurrences(messages, seen[y[seen] == k]) for k in range(int(y.max()) + 1)]
    counts = np.sum(by_class, axis=0)
    (known,) = np.nonzero(counts >= least)
    often = counts[known].astype(float)
    ratios = np.zeros(len(known))
    for of_class in by_class:
        inside, outside = of_class[known] + 1.0, often - of_class[known] + 1.0
        ratio = np.log(inside / inside.sum()) - np.log(outside / outside.sum())
        ratios = np.maximum(ratios, np.abs(ratio))
    weights = np.sqrt(ratios) * (np.log((1 + len(seen)) / (1 + np.minimum(often, len(seen)))) + 1)
    are_parts = np.zeros(2**BITS, bool)
    are_parts[np.delete(messages.terms.numbers, messages.terms.offsets[:-1])] = True
    for block in (are_parts[known], ~are_parts[known]):
        square = (often[block] * weights[block] ** 2).sum() / max(often.sum(), 1)
        weights[block] /= np.sqrt(square) if square else 1
    rows = np.zeros(2**BITS, np.int32)
    rows[known] = np.arange(1, len(known) + 1)
    return _Terms(rows, np.append(0, weights).astype(np.float32))


def _occurrences(messages: Hashed, rows: Ints) -> Ints:
    """(2**BITS,) how often each bucket stands in these messages."""
    tokens = messages.tokens.take(rows).numbers
    of_words = np.bincount(tokens, minlength=len(messages.words))
    weights = np.repeat(of_words, messages.terms.lengths)
    of_terms = np.bincount(messages.terms.numbers, weights, 2**BITS)
    return of_terms.astype(np.int64) + np.bincount(messages.pairs.take(rows).numbers, None, 2**BITS)


def _network(terms: _Terms, found: dict[str, Tensor], scale: float) -> Network:
    arrays = {name: values.cpu().numpy() for name, values in found.items()}
    return Network(
        terms.rows,
        arrays["vectors"] * terms.weights[:, None],
        arrays["hidden"],
        arrays["hidden_bias"],
        arrays["output"] * np.float32(scale),
        arrays["output_bias"] * np.float32(scale),
    )


@contextmanager
def one_thread() -> Iterator[None]:
    """Have torch use one thread: the last bits depend on how many there are."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def exported(network: Network) -> dict[str, bytes]:
    """The network as files of `torch.export` and of TorchScript; see `NeuralClassifier.exports`."""
    import torch

    module = _module(network)
    # Sizes of 0 and 1 would be taken for the only ones.
    example = (torch.tensor([1, 2, 3]), torch.tensor([0, 2]))
    shapes = {"buckets": {0: torch.export.Dim.DYNAMIC}, "offsets": {0: torch.export.Dim.DYNAMIC}}
    exported, scripted = io.BytesIO(), io.BytesIO()
    torch.export.save(torch.export.export(module, example, dynamic_shapes=shapes), exported)
    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
        # It is for programs that have nothing newer.
        torch.jit.save(torch.jit.trace(module, example), scripted)
    return {"model.pt2": exported.getvalue(), "model.ts": scripted.getvalue()}


def _module(network: Network) -> Any:
    import torch
    from torch.nn.functional import embedding_bag

    class Scorer(torch.nn.Module):
        """Buckets of messages -> probabilities."""

        def __init__(self) -> None:
            super().__init__()
            for name, values in vars(network).items():
                self.register_buffer(name, torch.from_numpy(values))
            self.register_buffer("one", torch.ones(1, 1))

        def forward(self, buckets: Tensor, offsets: Tensor) -> Tensor:
            terms = self.rows[buckets].long()
            sums = embedding_bag(terms, self.vectors, offsets, mode="sum")
            sizes = embedding_bag(torch.zeros_like(buckets), self.one, offsets, mode="sum")
            x = sums / torch.sqrt(torch.clamp(sizes, min=1))
            hidden = torch.relu(x @ self.hidden + self.hidden_bias)
            logits = torch.cat([hidden, x], dim=1) @ self.output + self.output_bias
            return torch.softmax(logits, dim=1)

    return Scorer().eval()
