"""Simulates how often the 95% intervals of `dist_f1.intervals` cover the population's score.

    python benchmarks/coverage.py [--samples 2000] [--draws 1000] [--cases 10]

A population is a confusion matrix of probabilities, from which samples are drawn. The table shows
the fraction of the samples whose interval covers the score of the population, and the mean width of
the intervals. With 2,000 samples, two standard errors of a fraction of 95% are 1 percentage point.
`<` and `>` mark fractions outside of 93% to 97%.
"""

from __future__ import annotations

import argparse
import collections
import itertools

import numpy as np

from dist_f1 import Counts
from dist_f1.intervals import confidence_interval
from dist_f1.scores import score_names

SIZES = (200, 1000, 5000)
# Scores with a closed form of the interval, and scores whose intervals are resampled, by whether
# the task is binary.
CLOSED = {True: ["f1_binary", "precision", "recall", "accuracy"], False: ["accuracy"]}
_SHARED = ["f1_macro", "matthews_corrcoef", "balanced_accuracy", "cohen_kappa"]
RESAMPLED = {True: _SHARED, False: [*_SHARED, "f1_weighted", "precision_macro"]}


def binary(positive: float, f1: float) -> np.ndarray:
    """Create a population by its fraction of positives; precision, recall and F1 are equal."""
    correct, wrong = positive * f1, positive * (1.0 - f1)
    return np.array([[1.0 - positive - wrong, wrong], [wrong, correct]])


def classes(number: int, imbalance: float, recalls: tuple[float, float]) -> np.ndarray:
    """Create a population whose first class is `imbalance` times as frequent as the last one.

    Recall changes evenly from the first class to the last. Errors are distributed over the other
    classes by their frequencies.
    """
    frequency = imbalance ** -np.linspace(0.0, 1.0, number)
    frequency /= frequency.sum()
    recall = np.linspace(*recalls, number)
    errors = np.tile(frequency, (number, 1)) * (1.0 - np.eye(number))
    errors *= ((1.0 - recall) / errors.sum(axis=1))[:, np.newaxis]
    return frequency[:, np.newaxis] * (errors + np.diag(recall))


POPULATIONS = {
    "binary, 2% positive": binary(0.02, 0.7),
    "binary, 10% positive": binary(0.1, 0.7),
    "binary, 50% positive": binary(0.5, 0.8),
    "binary, 50%, near 1": binary(0.5, 0.99),
    "3 classes, balanced": classes(3, 1.0, (0.9, 0.7)),
    "3 classes, tail 1:20": classes(3, 20.0, (0.95, 0.6)),
    "5 classes, balanced": classes(5, 1.0, (0.9, 0.6)),
    "5 classes, tail 1:30": classes(5, 30.0, (0.95, 0.6)),
    "10 classes, balanced": classes(10, 1.0, (0.95, 0.6)),
    "10 classes, tail 1:50": classes(10, 50.0, (0.95, 0.6)),
    "10 classes, near 1": classes(10, 1.0, (0.98, 0.98)),
}


def to_counts(matrix: np.ndarray) -> Counts:
    """Convert a confusion matrix; of two classes, only the positive one is counted."""
    total, invalid = matrix.sum(), matrix.dtype.type(0)
    predicted, actual = matrix.sum(axis=0), matrix.sum(axis=1)
    if len(matrix) == 2:
        return Counts(matrix[1:, 1], predicted[1:], actual[1:], total, invalid)
    return Counts(np.diagonal(matrix), predicted, actual, total, invalid, (), matrix)


def evaluate(counts: Counts, names: list[str]) -> np.ndarray:
    """Evaluate scores; macro averages of a binary task are over both classes."""
    values = []
    for name in names:
        averaged = counts.to_two_class() if name.endswith("_macro") else counts
        values.append(score_names.parse(name)(averaged).astype(np.float64))
    return np.stack(values, axis=-1)


def coverage(
    population: np.ndarray, size: int, samples: int, draws: int
) -> dict[str, tuple[float, float]]:
    """Compute the fraction of intervals that cover the score, and their mean width, by score."""
    is_binary = len(population) == 2
    closed, resampled = CLOSED[is_binary], RESAMPLED[is_binary]
    names = [*closed, *resampled]
    truth = evaluate(to_counts(population * 1e9), names)
    random = np.random.default_rng(0)
    drawn = random.multinomial(size, population.ravel(), samples).reshape(-1, *population.shape)
    results = collections.defaultdict(list)
    for seed, matrix in enumerate(drawn):
        counts = to_counts(matrix)
        bounds = [confidence_interval(counts, name) for name in closed]
        lows, highs = confidence_interval(
            counts, lambda c: evaluate(c, resampled), draws=draws, seed=seed
        )
        bounds += list(zip(lows, highs, strict=True))
        for name, score, (low, high) in zip(names, truth, bounds, strict=True):
            # An interval of NaN covers nothing, e.g. of kappa where only one class occurs.
            results[name].append((low <= score <= high, high - low))
    return {name: tuple(np.nanmean(values, axis=0)) for name, values in results.items()}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=int, default=2000)
    parser.add_argument("--draws", type=int, default=1000)
    parser.add_argument("--cases", default="", help="only populations whose name contains this")
    arguments = parser.parse_args()
    print(f"{'population':<22} {'rows':>5}  {'score':<18} {'coverage':>8}  {'width':>6}")
    chosen = [name for name in POPULATIONS if arguments.cases in name]
    for name, size in itertools.product(chosen, SIZES):
        table = coverage(POPULATIONS[name], size, arguments.samples, arguments.draws)
        for score, (covered, width) in table.items():
            mark = " <" if covered < 0.93 else " >" if covered > 0.97 else ""
            row = f"{name:<22} {size:>5}  {score:<18} {covered:>8.3f}  {width:>6.3f}{mark}"
            print(row, flush=True)


if __name__ == "__main__":
    main()
