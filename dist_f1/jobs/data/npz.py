"""Arrays of the user's own, in an `.npz` file."""

from __future__ import annotations

import numpy as np

from dist_f1.jobs.data.bundled import Split, split_rows
from dist_f1.jobs.data.source import DataError

_SPLIT = ("x_train", "y_train", "x_validation", "y_validation")


def load(path: str, validation_fraction: float, seed: int, class_names: tuple[str, ...]) -> Split:
    """Loads `x_train`, `y_train`, `x_validation`, `y_validation`; or `x`, `y`, and splits them.

    `class_names` may be in the file too.

    Raises:
        DataError: the file is none, lacks an array, or has arrays of different lengths.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = dict(file)
    except (OSError, ValueError, EOFError) as error:
        raise DataError(f"config.dataset=npz:{path} cannot be read: {error}") from error
    if not class_names and "class_names" in arrays:
        class_names = tuple(str(name) for name in arrays["class_names"])
    if all(name in arrays for name in _SPLIT):
        split = Split(*(arrays[name] for name in _SPLIT), class_names)
    elif "x" in arrays and "y" in arrays:
        _check_lengths(path, arrays["x"], arrays["y"])
        x_train, x_validation, y_train, y_validation = split_rows(
            arrays["x"], arrays["y"], validation_fraction, seed
        )
        split = Split(x_train, y_train, x_validation, y_validation, class_names)
    else:
        raise DataError(
            f"config.dataset=npz:{path} holds {', '.join(sorted(arrays)) or 'nothing'}; it must "
            f"hold {', '.join(_SPLIT)}, or x and y, which are then split."
        )
    _check_lengths(path, split.x_train, split.y_train)
    _check_lengths(path, split.x_validation, split.y_validation)
    return split


def _check_lengths(path: str, x: np.ndarray, y: np.ndarray) -> None:
    if len(x) != len(y) or not len(x):
        raise DataError(
            f"config.dataset=npz:{path} has {len(x)} rows of features and {len(y)} of targets."
        )
