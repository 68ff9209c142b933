"""The network of the family `neural`, as arrays: what is stored, and answers without torch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

# Of the numbers of buckets.
BITS = 18


@dataclass(frozen=True)
class Network:
    """What was learnt: h = max(0, x W + b), logits = [h, x] V + c.

    x is the sum of the vectors of a message's buckets, divided by the square root of their number.

    Attributes:
        rows: (2**bits,) int32, where in `vectors` a bucket stands; 0: it is unknown.
        vectors: (T + 1, d) float32; the first is zero.
        hidden, hidden_bias: W (d, h) and b (h,), float32.
        output, output_bias: V (h + d, K) and c (K,), float32; scaled so that softmax(logits) is
            calibrated.
    """

    rows: npt.NDArray[np.int32]
    vectors: npt.NDArray[np.float32]
    hidden: npt.NDArray[np.float32]
    hidden_bias: npt.NDArray[np.float32]
    output: npt.NDArray[np.float32]
    output_bias: npt.NDArray[np.float32]

    def of_buckets(self, buckets: npt.NDArray[np.int64]) -> Floats:
        """(m, d) the vector of each bucket."""
        return self.vectors[self.rows[buckets]].astype(np.float64)

    def logits(self, sums: Floats, sizes: npt.NDArray[np.int64]) -> Floats:
        """(n, K) of n messages.

        Args:
            sums: (n, d) of the vectors of their buckets.
            sizes: (n,) how many buckets they have.
        """
        x = sums / np.sqrt(np.maximum(sizes, 1))[:, None]
        hidden = np.maximum(_product(x, self.hidden) + self.hidden_bias, 0)
        return _product(np.hstack([hidden, x]), self.output) + self.output_bias


def _product(x: Floats, weights: npt.NDArray[np.float32]) -> Floats:
    """x @ weights, added up in one order: BLAS's last bits depend on how many rows there are."""
    product = np.zeros((len(x), weights.shape[1]))
    for column, row in zip(x.T, weights.astype(np.float64), strict=True):
        product += column[:, None] * row
    return product
