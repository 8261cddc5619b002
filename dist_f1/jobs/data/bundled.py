"""Data sets that ship inside scikit-learn: real, small, and no download."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from dist_f1.jobs.data.source import DataError

TASKS = {"digits": "multiclass", "breast_cancer": "binary", "digit_pairs": "multilabel"}


class Split(NamedTuple):
    """Features and targets. Targets are ids `[N]`, or 0/1 `[N, C]` for multilabel."""

    x_train: np.ndarray
    y_train: np.ndarray
    x_validation: np.ndarray
    y_validation: np.ndarray
    class_names: tuple[str, ...]


def load(name: str, validation_fraction: float, seed: int) -> Split:
    """Loads `digits`, `breast_cancer` or `digit_pairs`, split at random but reproducibly.

    Raises:
        DataError: a side of the split would be without one of the classes.
    """
    from sklearn import datasets

    if name == "breast_cancer":
        bunch = datasets.load_breast_cancer()
        # The source calls malignant 0; the class one looks for is the positive one.
        split = split_rows(bunch.data, 1 - bunch.target, validation_fraction, seed)
        mean, spread = split[0].mean(axis=0), split[0].std(axis=0)
        x_train, x_validation = ((x - mean) / spread for x in split[:2])
        return Split(x_train, split[2], x_validation, split[3], ("benign", "malignant"))

    bunch = datasets.load_digits()
    images = bunch.images[..., np.newaxis] / 16.0
    names = tuple(str(digit) for digit in bunch.target_names)
    x_train, x_validation, y_train, y_validation = split_rows(
        images, bunch.target, validation_fraction, seed
    )
    if name == "digit_pairs":
        random = np.random.default_rng(seed)
        x_train, y_train = _pairs(x_train, y_train, 3, random)
        x_validation, y_validation = _pairs(x_validation, y_validation, 1, random)
    return Split(x_train, y_train, x_validation, y_validation, names)


def split_rows(
    x: np.ndarray, y: np.ndarray, validation_fraction: float, seed: int
) -> list[np.ndarray]:
    """`x_train, x_validation, y_train, y_validation`, at random; ids keep their shares.

    Raises:
        DataError: a side would be without one of the classes, or without any row.
    """
    from sklearn import model_selection

    try:
        return model_selection.train_test_split(
            x,
            y,
            test_size=validation_fraction,
            random_state=seed,
            stratify=y if y.ndim == 1 else None,
        )
    except ValueError as error:
        raise DataError(
            f"config.validation_fraction={validation_fraction} leaves too few rows on one side "
            f"of the split for every class to be there: {error}"
        ) from error


def _pairs(
    images: np.ndarray, digits: np.ndarray, times: int, random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Puts every image beside `times` others, `[8, 16, 1]`, and says which digits are there."""
    left = np.tile(np.arange(len(images)), times)
    right = np.concatenate([random.permutation(len(images)) for _ in range(times)])
    present = np.eye(10, dtype=np.int64)
    return (
        np.concatenate([images[left], images[right]], axis=2),
        np.maximum(present[digits[left]], present[digits[right]]),
    )
