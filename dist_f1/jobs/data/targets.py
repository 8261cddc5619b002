"""Validate targets early, because bad targets look like divergence."""

import numpy as np

from dist_f1.jobs.data.source import DataError


def check_shape(name: str, task: str, y: np.ndarray) -> None:
    """Raise `DataError` unless targets are ids `[N]`, or 0/1 `[N, C]` for multilabel."""
    if y.ndim != (2 if task == "multilabel" else 1):
        wanted = "0/1 targets [N, C]" if task == "multilabel" else "class ids [N]"
        raise DataError(
            f"{name}: targets have shape {list(y.shape)}, but a {task} task needs {wanted}. Change "
            "the targets or config.task."
        )


def check_integral(name: str, y: np.ndarray) -> None:
    """Raise `DataError` unless targets are integers, of any numeric dtype."""
    if y.dtype.kind not in "biuf":
        raise DataError(
            f"{name}: targets have dtype {y.dtype}. They must be numbers: class ids from 0, or 0 "
            "and 1 for multilabel."
        )
    if y.dtype.kind == "f":
        _raise_for(name, y[~np.isfinite(y) | (y != np.floor(y))], "integers")


def check(name: str, task: str, num_classes: int, y: np.ndarray) -> None:
    """Raise `DataError` unless shape, integrality and range of targets are valid."""
    check_shape(name, task, y)
    check_integral(name, y)
    if task == "multilabel" and y.shape[1] != num_classes:
        raise DataError(
            f"{name}: targets have {y.shape[1]} classes, but {num_classes} are expected. Check "
            "config.num_classes and config.class_names."
        )
    top = 1 if task == "multilabel" else num_classes - 1
    wanted = f"from 0 to {top} in this {task} task"
    classes = f" of {num_classes} classes" if top > 1 else ""
    _raise_for(name, y[(y < 0) | (y > top)], wanted + classes)


def count_classes(name: str, task: str, y: np.ndarray) -> int:
    """Return the number of classes in the targets of the training rows.

    Raises:
        DataError: Some ids are missing, so the number is ambiguous.
    """
    if task == "multilabel":
        return y.shape[1]
    ids = np.unique(y)
    if not np.array_equal(ids, np.arange(len(ids))):
        shown = ", ".join(f"{one:g}" for one in ids[:5]) + (", ..." if len(ids) > 5 else "")
        raise DataError(
            f"{name}: the class ids of the training rows are {shown}, not 0, 1, 2, .... Renumber "
            "them, or set config.num_classes if a class has no training rows."
        )
    return len(ids)


def _raise_for(name: str, invalid: np.ndarray, wanted: str) -> None:
    if invalid.size:
        raise DataError(f"{name}: targets must be {wanted}, got {invalid[0]}.")
