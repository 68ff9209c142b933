"""Two models on the same rows: how sure it is that one is better."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy import stats

from common.evaluation.metrics import CALIBRATION_BINS, calibration_bins, log_losses
from common.types import Floats, Labels

RESAMPLES, RESAMPLES_AT_ONCE = 2000, 200
SEED = 20041
# Sums that are drawn: a p-value of .05 is right to .002.
FLIPS = 10_000
Interval = tuple[float, float]


def mcnemar_p(only_challenger: int, only_champion: int) -> float:
    """One-sided exact McNemar test: the chance of so many wins of an equal challenger.

    P(Bin(b + c, 1/2) >= b); 1 if the two never differ. Source: Dietterich, Approximate
    Statistical Tests for Comparing Supervised Classification Algorithms, 1998, section 3.1.

    >>> mcnemar_p(5, 0)
    0.03125
    """
    differing = only_challenger + only_champion
    if not differing:
        return 1.0
    return float(stats.binomtest(only_challenger, differing, alternative="greater").pvalue)


def cheaper_p(champion: Floats, challenger: Floats) -> float:
    """One-sided randomisation test: the chance that an equally dear challenger costs so much less.

    Which of the two models has which of a row's two costs is left to chance in each row, so the sum
    of the differences is one of signs drawn at random. Where all differences are equally large,
    this is McNemar's exact test, which is what is reported then; else FLIPS sums are drawn. A
    paired t-test would call three rows that differ, all of one size, beyond chance (p .042); this
    one doesn't (.125). Source: Fisher, The Design of Experiments, 1935, section 21.

    Args:
        champion, challenger: (n,) what the answers to the same rows cost.

    >>> cheaper_p(np.array([5.0, 5, 5, 5, 5, 0]), np.zeros(6))
    0.03125
    """
    difference = (champion - challenger).round(9)
    sizes, counts = np.unique(np.abs(difference[difference != 0]), return_counts=True)
    if len(sizes) < 2:
        return mcnemar_p(int((difference > 0).sum()), int((difference < 0).sum()))
    random, sums = np.random.default_rng(SEED), np.zeros(FLIPS)
    for size, count in zip(sizes, counts, strict=True):
        sums += size * (2.0 * random.binomial(count, 0.5, FLIPS) - count)
    reached = (sums >= difference.sum() - 1e-9 * sizes[-1]).sum()
    return (1 + int(reached)) / (1 + FLIPS)


def holm(p_values: Sequence[float]) -> list[float]:
    """P-values adjusted so that all of them together keep the error rate of one.

    Source: Holm, A Simple Sequentially Rejective Multiple Test Procedure, 1979.

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    order = np.argsort(p_values, kind="stable")
    factors = len(order) - np.arange(len(order))
    adjusted = np.empty(len(order))
    adjusted[order] = np.minimum(1, np.maximum.accumulate(factors * np.asarray(p_values)[order]))
    return [float(p) for p in adjusted.round(15)]


def macro_f1_difference(true: Labels, champion: Labels, challenger: Labels) -> Interval:
    """95 % interval of the challenger's macro-F1 minus the champion's, by paired bootstrap.

    Rows are drawn with replacement, both models' answers with them (Koehn, Statistical Significance
    Tests for Machine Translation Evaluation, 2004). Rows with the same three labels are alike, so
    drawing how many of each there are is drawing rows. A class without true and predicted rows in a
    draw counts 0, for both models.
    """
    classes, numbers = np.unique(np.concatenate([true, champion, challenger]), return_inverse=True)
    triples, counts = np.unique(numbers.reshape(3, -1).T, axis=0, return_counts=True)
    random = np.random.default_rng(SEED)
    truth, *answers = (np.eye(len(classes), dtype=np.float32)[column] for column in triples.T)
    differences = []
    for _ in range(0, RESAMPLES, RESAMPLES_AT_ONCE):  # many classes make many kinds of rows
        draws = random.multinomial(len(true), counts / counts.sum(), size=RESAMPLES_AT_ONCE)
        draws = draws.astype(np.float32)
        f1 = [
            2 * (draws @ (truth * given)) / np.maximum(draws @ (truth + given), 1)
            for given in answers
        ]
        differences.append((f1[1] - f1[0]).mean(axis=1, dtype=np.float64))
    low, high = np.quantile(np.concatenate(differences), (0.025, 0.975))
    return float(low), float(high)


def log_loss_difference(champion: Floats, challenger: Floats) -> Interval:
    """95 % interval of the challenger's log loss minus the champion's: a paired t interval.

    Args:
        champion, challenger: (n,) the probability that each model gave the true class.
    """
    if len(champion) < 2:
        return -np.inf, np.inf
    difference = log_losses(challenger) - log_losses(champion)
    error = stats.sem(difference)
    if not error:
        return float(difference.mean()), float(difference.mean())
    low, high = stats.t.interval(0.95, len(difference) - 1, difference.mean(), error)
    return float(low), float(high)


def calibration_difference(
    champion: tuple[npt.NDArray[np.bool_], Floats], challenger: tuple[npt.NDArray[np.bool_], Floats]
) -> Interval:
    """95 % interval of the challenger's expected calibration error minus the champion's.

    Args:
        champion, challenger: (n,) whether the answer is right, and its confidence.

    What is drawn are the sums of (confidence - correct) of all bins of both models, from the normal
    distribution that they approach; their covariance over the rows keeps the two models paired.
    """
    gaps = np.hstack([_gaps_by_bin(*answers) for answers in (champion, challenger)])
    rows = len(gaps)
    if rows < 2:
        return -np.inf, np.inf
    covariance = rows * np.cov(gaps, rowvar=False)
    sums = np.random.default_rng(SEED).multivariate_normal(
        gaps.sum(axis=0), covariance, RESAMPLES, method="svd"
    )
    errors = np.abs(sums).reshape(RESAMPLES, 2, -1).sum(axis=2) / rows
    low, high = np.quantile(errors[:, 1] - errors[:, 0], (0.025, 0.975))
    return float(low), float(high)


def _gaps_by_bin(correct: npt.NDArray[np.bool_], confidence: Floats) -> Floats:
    """(n, bins): confidence - correct of each row, in the column of its bin."""
    gaps = np.zeros((len(correct), CALIBRATION_BINS))
    gaps[np.arange(len(correct)), calibration_bins(confidence)] = confidence - correct
    return gaps
