"""Measures how often the 95% intervals of `dist_f1.intervals` cover the population's score.

    python benchmarks/coverage.py [--samples 2000] [--draws 1000] [--cases 10]

A population is a confusion matrix of probabilities. Samples of it are drawn row by row, each gets
its intervals, and the table tells the share of samples whose interval covers the score of the
population, and the mean width. With 2,000 samples a share of 95% is known to 1 percentage point
(two standard errors). `<` and `>` mark shares outside of 93% to 97%.
"""

from __future__ import annotations

import argparse
import collections
from typing import Any

import numpy as np

from dist_f1 import Counts
from dist_f1.intervals import confidence_interval

ROWS = (200, 1000, 5000)
# One entry per way of getting an interval: names are closed forms, the others are resampled, all at
# once.
CLOSED = {True: ["f1_binary", "precision", "recall", "accuracy"], False: ["accuracy"]}
RESAMPLED = {
    True: ["f1_macro", "matthews_corrcoef", "balanced_accuracy", "cohen_kappa"],
    False: [
        "f1_macro",
        "f1_weighted",
        "precision_macro",
        "matthews_corrcoef",
        "balanced_accuracy",
        "cohen_kappa",
    ],
}


def binary(positive: float, f1: float) -> np.ndarray:
    """A population with a share of positives, and precision, recall and F1 of one value."""
    right, wrong = positive * f1, positive * (1.0 - f1)
    return np.array([[1.0 - positive - wrong, wrong], [wrong, right]])


def classes(number: int, longest: float, recalls: tuple[float, float]) -> np.ndarray:
    """A population of classes, the first `longest` times as frequent as the last.

    Recall goes evenly from that of the first class to that of the last. Mistakes fall on other
    classes by their share.
    """
    share = longest ** -np.linspace(0.0, 1.0, number)
    share /= share.sum()
    recall = np.linspace(*recalls, number)
    mistakes = np.tile(share, (number, 1)) * (1.0 - np.eye(number))
    mistakes *= ((1.0 - recall) / mistakes.sum(axis=1))[:, np.newaxis]
    return share[:, np.newaxis] * (mistakes + np.diag(recall))


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


def counts_of(matrix: Any) -> Counts:
    """The counts of a confusion matrix; of one class, the positive one, if it has two."""
    total, invalid = matrix.sum(), matrix.dtype.type(0)
    predicted, actual = matrix.sum(axis=0), matrix.sum(axis=1)
    if len(matrix) == 2:
        return Counts(matrix[1:, 1], predicted[1:], actual[1:], total, invalid)
    return Counts(np.diagonal(matrix), predicted, actual, total, invalid, (), matrix)


def scores_of(counts: Counts, names: list[str]) -> Any:
    """Several scores beside each other; averages are over both sides of a binary task."""
    sides = counts.to_two_class()
    return np.stack(
        [
            names.parse(name)(sides if name.endswith("_macro") else counts).astype(np.float64)
            for name in names
        ],
        axis=-1,
    )


def coverage(
    population: np.ndarray, rows: int, samples: int, draws: int
) -> dict[str, tuple[float, float]]:
    """The share of samples whose interval covers, and the mean width, of each score."""
    is_binary = len(population) == 2
    closed, resampled = CLOSED[is_binary], RESAMPLED[is_binary]
    truth = scores_of(counts_of(population * 1e9), [*closed, *resampled])
    random = np.random.default_rng(0)
    drawn = random.multinomial(rows, population.ravel(), samples).reshape(-1, *population.shape)
    found = collections.defaultdict(list)
    for seed, matrix in enumerate(drawn):
        counts = counts_of(matrix)
        bounds = [confidence_interval(counts, name) for name in closed]
        both = confidence_interval(
            counts, lambda c: scores_of(c, resampled), draws=draws, seed=seed
        )
        bounds += list(zip(*both, strict=True))
        for name, true, (low, high) in zip([*closed, *resampled], truth, bounds, strict=True):
            # No interval, as for kappa where only one class occurs, covers nothing.
            found[name].append((low <= true <= high, high - low))
    return {name: tuple(np.nanmean(values, axis=0)) for name, values in found.items()}


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=int, default=2000)
    parser.add_argument("--draws", type=int, default=1000)
    parser.add_argument("--cases", default="", help="only populations with this in their name")
    arguments = parser.parse_args()
    print(f"{'population':<22} {'rows':>5}  {'score':<18} {'coverage':>8}  {'width':>6}")
    for name, population in POPULATIONS.items():
        if arguments.cases not in name:
            continue
        for rows in ROWS:
            table = coverage(population, rows, arguments.samples, arguments.draws)
            for score, (covered, width) in table.items():
                mark = "<" if covered < 0.93 else ">" if covered > 0.97 else ""
                line = f"{name:<22} {rows:>5}  {score:<18} {covered:>8.3f}  {width:>6.3f} {mark}"
                print(line.rstrip(), flush=True)


if __name__ == "__main__":
    main()
