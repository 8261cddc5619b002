"""What targets must be: those that are none would be found late, and blamed on the model."""

from __future__ import annotations

import numpy as np

from dist_f1.jobs.data.source import DataError


def check_shape(name: str, task: str, y: np.ndarray) -> None:
    """Whether there are ids `[N]`, or `[N, C]` of 0 and 1 for multilabel.

    Raises:
        DataError: naming the data, `name`.
    """
    if y.ndim != (2 if task == "multilabel" else 1):
        wanted = "[N, C], of 0 and 1" if task == "multilabel" else "[N], of class ids"
        raise DataError(
            f"{name}: targets of a {task} task have the shape {wanted}; these have "
            f"{list(y.shape)}. Change them, or config.task."
        )


def check_whole(name: str, y: np.ndarray) -> None:
    """Whether all of them are whole numbers, of whatever type.

    Raises:
        DataError: naming the data, `name`.
    """
    if y.dtype.kind not in "biuf":
        raise DataError(
            f"{name}: targets are of type {y.dtype}; they must be numbers: class ids, from 0, or "
            "0 and 1 for multilabel."
        )
    if y.dtype.kind == "f":
        _refuse(name, y[~np.isfinite(y) | (y != np.floor(y))], "whole numbers")


def check(name: str, task: str, classes: int, y: np.ndarray) -> None:
    """Whether they are all that, and there are classes for them.

    Raises:
        DataError: naming the data, `name`.
    """
    check_shape(name, task, y)
    check_whole(name, y)
    if task == "multilabel" and y.shape[1] != classes:
        raise DataError(
            f"{name}: targets are for {y.shape[1]} classes, and there are {classes}. See "
            "config.num_classes and config.class_names."
        )
    top = 1 if task == "multilabel" else classes - 1
    wanted = f"from 0 to {top} in this {task} task"
    _refuse(name, y[(y < 0) | (y > top)], wanted + (f" of {classes} classes" if top > 1 else ""))


def number_of_classes(name: str, task: str, y: np.ndarray) -> int:
    """How many classes there are, by the targets of the training rows.

    Raises:
        DataError: ids are left out, so that they may not be ids, or there may be more of them.
    """
    if task == "multilabel":
        return y.shape[1]
    ids = np.unique(y)
    if not np.array_equal(ids, np.arange(len(ids))):
        some = ", ".join(f"{one:g}" for one in ids[:5]) + (", ..." if len(ids) > 5 else "")
        raise DataError(
            f"{name}: the class ids of the training rows are {some}; they must be 0, 1, 2 and so "
            "on. If a class has no training rows, give config.num_classes."
        )
    return len(ids)


def _refuse(name: str, wrong: np.ndarray, wanted: str) -> None:
    if wrong.size:
        raise DataError(f"{name}: targets must be {wanted}; one of them is {wrong[0]}.")
