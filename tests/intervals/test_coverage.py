"""In simulations, 95% intervals cover the population's score in about 95% of samples."""

import numpy as np
import pytest
from confusion_counts import binary_of, counts_of, stacked

from dist_f1.intervals import confidence_interval
from dist_f1.scores.score_names import parse

pytestmark = [pytest.mark.slow, pytest.mark.exhaustive]


def multiclass(frequencies, recalls):
    """A population's matrix, where errors are in proportion to the frequencies."""
    frequency = np.asarray(frequencies, float) / np.sum(frequencies)
    errors = np.tile(frequency, (len(frequency), 1)) * (1 - np.eye(len(frequency)))
    errors *= ((1 - np.asarray(recalls)) / errors.sum(axis=1))[:, np.newaxis]
    return frequency[:, np.newaxis] * (errors + np.diag(recalls))


def binary(positive, f1):
    """A population's matrix with this fraction of positives, as many predicted, and this F1."""
    correct, error = positive * f1, positive * (1 - f1)
    return np.array([[1 - positive - error, error], [error, correct]])


def samples_of(population, rows, number):
    drawn = np.random.default_rng(1).multinomial(rows, population.ravel(), number)
    return drawn.reshape(number, *population.shape)


@pytest.mark.parametrize("rows", [200, 1000])
@pytest.mark.parametrize("positive", [0.1, 0.5])
@pytest.mark.parametrize("name", ["f1_binary", "precision", "accuracy"])
def test_closed_forms_cover(name, positive, rows):
    population = binary(positive, 0.75)
    true = parse(name)(binary_of(population))
    found = [
        confidence_interval(binary_of(sample), name)
        for sample in samples_of(population, rows, 2000)
    ]
    assert 0.93 <= np.mean([low <= true <= high for low, high in found]) <= 0.97


@pytest.mark.parametrize(
    ("population", "rows", "names"),
    [
        (binary(0.02, 0.7), 1000, ["f1_binary", "matthews_corrcoef", "cohen_kappa"]),
        (binary(0.5, 0.8), 200, ["f1_binary", "matthews_corrcoef", "balanced_accuracy"]),
        (multiclass([1, 1, 1], [0.9, 0.8, 0.7]), 200, ["f1_macro", "cohen_kappa", "f1_weighted"]),
        (
            multiclass([30, 10, 5, 2, 1], [0.95, 0.9, 0.8, 0.7, 0.6]),
            1000,
            ["f1_macro", "f1_weighted", "balanced_accuracy", "matthews_corrcoef"],
        ),
    ],
)
def test_resampled_scores_cover(population, rows, names):
    of = binary_of if len(population) == 2 else counts_of
    true = stacked(names)(of(population))
    covered = []
    for seed, sample in enumerate(samples_of(population, rows, 2000)):
        low, high = confidence_interval(of(sample), stacked(names), draws=500, seed=seed)
        covered.append((low <= true) & (true <= high))
    coverage = np.mean(covered, axis=0)
    assert np.all((coverage >= 0.93) & (coverage <= 0.97)), dict(zip(names, coverage, strict=True))
