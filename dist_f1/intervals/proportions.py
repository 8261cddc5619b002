"""Wilson's interval, for scores that are a function of a binomial proportion of rows."""

import functools
import statistics
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from dist_f1.counts import Counts, sample_averages
from dist_f1.intervals.resampling import has_one_class_per_row
from dist_f1.scores.averaging import select_classes
from dist_f1.scores.score_names import NamedScore


class Proportion(NamedTuple):
    """A binomial proportion, and the score as a function of it.

    Fields:
        successes: Number of successes, a scalar or `[C]`.
        trials: Number of trials, shaped like `successes`.
        transform: Increasing function from the proportion to the score.
    """

    successes: np.ndarray
    trials: np.ndarray
    transform: Callable[[np.ndarray], np.ndarray]


def wilson_interval(proportion: Proportion, level: float) -> tuple[np.ndarray, np.ndarray]:
    """Compute Wilson's score interval; without trials, it is that of an unknown proportion."""
    successes = np.asarray(proportion.successes, np.float64)
    trials = np.asarray(proportion.trials, np.float64)
    z = statistics.NormalDist().inv_cdf(0.5 + level / 2.0)
    rate = successes / np.maximum(trials, 1.0)
    centre = successes + z * z / 2.0
    half_width = z * np.sqrt(successes * (1.0 - rate) + z * z / 4.0)
    # At rates of 0 and 1, rounding could exclude the rate itself.
    low = np.where(successes == 0.0, 0.0, (centre - half_width) / (trials + z * z))
    high = np.where(successes == trials, 1.0, (centre + half_width) / (trials + z * z))
    low = np.where(trials == 0.0, 0.0, proportion.transform(low))
    return low[()], proportion.transform(high)[()]


def is_of_one_class(counts: Counts, named: NamedScore, labels: Sequence[int] | None) -> bool:
    """Whether each value of the score follows from the counts of one class."""
    if named.score.ratio is None or named.average == "samples":
        return False
    classes = counts.num_classes if labels is None else np.size(labels)
    return named.average in (None, "binary") or classes == 1


def find_proportion(
    counts: Counts, named: NamedScore, labels: Sequence[int] | None
) -> Proportion | None:
    """Return the proportion that the score is a function of, or `None`."""
    if is_of_one_class(counts, named, labels):
        return _of_class(_select(counts, named, labels), named)
    if named.base in ("accuracy", "hamming_loss"):
        return _of_rows(counts, named)
    is_accuracy = (named.base, named.average) == ("recall", "weighted")
    if named.score.ratio is None or not (named.average == "micro" or is_accuracy):
        return None
    if labels is not None or not has_one_class_per_row(counts):
        return None
    transform: Callable[[np.ndarray], np.ndarray] = _identity
    if named.base == "jaccard":
        transform = _jaccard_of_accuracy
    elif named.base == "specificity":
        transform = functools.partial(_specificity_of_accuracy, classes=counts.num_classes)
    return Proportion(counts.true_positive.sum(), counts.total, transform)


def _select(counts: Counts, named: NamedScore, labels: Sequence[int] | None) -> Counts:
    if named.average == "binary":
        return select_classes(counts.to_two_class(), [1])
    if labels is None:
        return counts
    return select_classes(counts.to_two_class(), [int(label) for label in np.ravel(labels)])


def _of_class(c: Counts, named: NamedScore) -> Proportion | None:
    if named.beta not in (None, 1.0):
        return None
    union = c.actual + c.predicted - c.true_positive
    successes, trials = {
        "precision": (c.true_positive, c.predicted),
        "recall": (c.true_positive, c.actual),
        "specificity": (c.true_negative, c.actual_negative),
    }.get(named.base, (c.true_positive, union))
    if not named.is_per_class:
        successes, trials = successes[0], trials[0]
    return Proportion(successes, trials, _identity if named.beta is None else _f1_of_jaccard)


def _of_rows(counts: Counts, named: NamedScore) -> Proportion | None:
    if named.base == "accuracy" and counts.is_multilabel:
        return Proportion(counts.samples[sample_averages.EXACT_MATCH], counts.total, _identity)
    if counts.is_multilabel:
        return None
    correct = counts.to_two_class().true_positive.sum()
    successes = correct if named.base == "accuracy" else counts.total - correct
    return Proportion(successes, counts.total, _identity)


def _identity(rate: np.ndarray) -> np.ndarray:
    return rate


def _f1_of_jaccard(rate: np.ndarray) -> np.ndarray:
    return 2.0 * rate / (1.0 + rate)


def _jaccard_of_accuracy(rate: np.ndarray) -> np.ndarray:
    return rate / (2.0 - rate)


def _specificity_of_accuracy(rate: np.ndarray, classes: int) -> np.ndarray:
    return 1.0 - (1.0 - rate) / (classes - 1)
