"""Real, small datasets that scikit-learn includes, so nothing is downloaded."""

from typing import NamedTuple

import numpy as np

from dist_f1.jobs.data.source import DataError


class Split(NamedTuple):
    """Features `[N, ...]`, and targets: ids `[N]`, or 0/1 `[N, C]` for multilabel."""

    x_train: np.ndarray
    y_train: np.ndarray
    x_validation: np.ndarray
    y_validation: np.ndarray
    class_names: tuple[str, ...]


def load(name: str, validation_fraction: float, seed: int) -> Split:
    """Load `digits`, `breast_cancer` or `digit_pairs`, with a reproducible random split.

    Raises:
        DataError: A side of the split would lack a class.
    """
    from sklearn import datasets

    if name == "breast_cancer":
        bunch = datasets.load_breast_cancer()
        # scikit-learn labels malignant 0; make it the positive class.
        split = split_rows(bunch.data, 1 - bunch.target, validation_fraction, seed)
        mean, std = split[0].mean(axis=0), split[0].std(axis=0)
        x_train, x_validation = ((x - mean) / std for x in split[:2])
        return Split(x_train, split[2], x_validation, split[3], ("benign", "malignant"))

    bunch = datasets.load_digits()
    images = bunch.images[..., np.newaxis] / 16.0
    names = tuple(str(digit) for digit in bunch.target_names)
    x_train, x_validation, y_train, y_validation = split_rows(
        images, bunch.target, validation_fraction, seed
    )
    if name == "digit_pairs":
        random = np.random.default_rng(seed)
        x_train, y_train = _make_pairs(x_train, y_train, 3, random)
        x_validation, y_validation = _make_pairs(x_validation, y_validation, 1, random)
    return Split(x_train, y_train, x_validation, y_validation, names)


def split_rows(
    x: np.ndarray, y: np.ndarray, validation_fraction: float, seed: int
) -> list[np.ndarray]:
    """Return `x_train, x_validation, y_train, y_validation`, split at random, stratified by id.

    Raises:
        DataError: A side of the split would lack a class or have no rows.
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
            f"config.validation_fraction={validation_fraction} leaves too few rows on one side of "
            f"the split to contain every class: {error}"
        ) from error


def _make_pairs(
    images: np.ndarray, digits: np.ndarray, times: int, random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Join every image with `times` others: images `[N, 8, 16, 1]`, targets 0/1 `[N, 10]`."""
    left = np.tile(np.arange(len(images)), times)
    right = np.concatenate([random.permutation(len(images)) for _ in range(times)])
    multi_hot = np.eye(10, dtype=np.int64)
    return (
        np.concatenate([images[left], images[right]], axis=2),
        np.maximum(multi_hot[digits[left]], multi_hot[digits[right]]),
    )
