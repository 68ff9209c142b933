"""How often phrases stand in messages, as windows of before have it, and how odd a count is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy import stats

from common.monitoring.phrases import PhraseCounts
from common.types import Bools, Floats

# How much rates vary from window to window beside chance, as variance by squared mean: on 28 days
# of a real stream .018 to .025 for rare and for frequent phrases. It weighs as much as so many
# windows, and single phrases are as far from it.
DISPERSION, DISPERSION_WINDOWS, DISPERSION_SPREAD = 0.02, 10, 0.05
# A window with so large a residual had a burst itself (Noufal et al. 2013).
OUTLYING = 2.58

Matrix = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Rates:
    """What k windows say of P phrases.

    Attributes:
        messages: (k,) different ones of each window.
        counts: (P, k) how many of them hold each phrase.
        usual: (P, k) whether the window says what is usual; it does not where it had a burst.
        dispersion: (P,) variance by squared mean of the rate from window to window.
    """

    messages: Floats
    counts: Matrix
    usual: Bools
    dispersion: Floats

    def expected(self, messages: float, prior: float = 1.0) -> Floats:
        """(P,) how many of so many messages would hold each phrase.

        Args:
            prior: messages that are added; 0 for the plain rate, 1 for that of a test.
        """
        exposure = (self.messages * self.usual).sum(axis=1)
        return np.asarray(messages * (self._total + prior) / exposure, float)

    def p(self, counts: Floats, messages: float) -> Floats:
        """(P,) the chance that as many of so many messages hold the phrase, or more.

        Negative binomial with mean m and variance m + psi m^2 (NB2: Cameron & Trivedi, Regression
        Analysis of Count Data, 2nd ed. 2013, chapter 3). As in Farrington et al., A Statistical
        Algorithm for the Early Detection of Outbreaks of Infectious Disease, JRSS A 1996, psi has
        the variance of the count and that of the mean that was estimated: phi + (phi / k +
        1 / (x + 1)) for k windows with x messages. Without dispersion this is the exact conditional
        test of two Poisson rates (Przyborowski & Wilenski, Biometrika 1940).
        """
        windows = self.usual.sum(axis=1)
        psi = self.dispersion * (1 + 1 / windows) + 1 / (self._total + 1)
        mean = self.expected(messages)
        return np.asarray(stats.nbinom.sf(counts - 1, 1 / psi, 1 / (1 + psi * mean)), float)

    @property
    def _total(self) -> Floats:
        return np.asarray((self.counts * self.usual).sum(axis=1), float)


def rates(
    names: Sequence[str], windows: Sequence[PhraseCounts], dispersion: Floats | None = None
) -> Rates:
    """What windows say of phrases; what one does not know counts as half of what it may be.

    Args:
        windows: at least one, each with messages.
        dispersion: (P,) if it is known from more windows than these.

    Windows with a burst are left out by their Anscombe residual, as Farrington et al. weigh them
    down, beyond OUTLYING as Noufal et al., An Improved Algorithm for Outbreak Detection in Multiple
    Surveillance Systems, Statistics in Medicine 2013, propose.
    """
    messages = np.array([each.messages for each in windows], float)
    counts = np.array(
        [[each.counts.get(name, (each.least - 1) / 2) for each in windows] for name in names], float
    ).reshape(len(names), len(windows))
    all_usual = np.ones(counts.shape, bool)
    found = Rates(messages, counts, all_usual, np.full(len(names), DISPERSION))
    mean = found.expected(1)[:, None] * messages
    residual = 1.5 * (np.cbrt(counts**2) - np.cbrt(mean**2)) / mean ** (1 / 6)
    usual = residual / np.sqrt(1 + DISPERSION * mean) < OUTLYING
    found = replace(found, usual=usual | ~usual.any(axis=1, keepdims=True))
    return replace(found, dispersion=_dispersion(found) if dispersion is None else dispersion)


def _dispersion(found: Rates) -> Floats:
    """(P,) by moments (Cameron & Trivedi 2013, chapter 3), drawn towards what all phrases have
    together, and never less: that is drawn towards DISPERSION where windows are few."""
    mean = found.expected(1, prior=0)[:, None] * found.messages * found.usual
    beyond = (((found.counts - mean) ** 2 - mean) * found.usual).sum(axis=1)
    squares = np.maximum((mean**2).sum(axis=1), 1e-9)
    windows = len(found.messages)
    together = max(0.0, beyond.sum() / squares.sum())
    common = (DISPERSION_WINDOWS * DISPERSION + windows * together) / (DISPERSION_WINDOWS + windows)
    # The variance of a phrase's own estimate, were its counts Poisson's.
    variance = (2 * mean**2 + mean).sum(axis=1) / squares**2
    weight = DISPERSION_SPREAD**2 / (DISPERSION_SPREAD**2 + variance)
    return np.asarray(common + weight * np.maximum(beyond / squares - common, 0), float)
