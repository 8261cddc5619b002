"""Arrays of the user in an `.npz` file."""

import os
import zipfile

import numpy as np

from dist_f1.counts.npz_archive import SPARE_BYTES, ArchiveError, read_arrays
from dist_f1.jobs.data import targets
from dist_f1.jobs.data.bundled import Split, split_rows
from dist_f1.jobs.data.source import DataError

_TRAIN, _VALIDATION = ("x_train", "y_train"), ("x_validation", "y_validation")
_NAMES = (*_TRAIN, *_VALIDATION, "x", "y", "class_names")
# Rows that are mostly zeros compress well; an archive of zeros alone, a thousandfold.
_MAX_COMPRESSION = 100


def load(path: str, validation_fraction: float, seed: int, class_names: tuple[str, ...]) -> Split:
    """Load `x_train`, `y_train`, `x_validation`, `y_validation`; or load `x`, `y` and split them.

    Without `class_names`, those in the file are used, if any.

    Raises:
        DataError: The file is not an `.npz` file, or its arrays are missing or invalid.
    """
    name = f"config.dataset=npz:{path}"
    arrays = _read(name, path)
    class_names = class_names or _class_names(name, arrays)
    if {*_TRAIN, *_VALIDATION} <= set(arrays):
        x_train, y_train = _rows(name, arrays, *_TRAIN)
        x_validation, y_validation = _rows(name, arrays, *_VALIDATION)
        if x_train.shape[1:] != x_validation.shape[1:]:
            raise DataError(
                f"{name}: rows of x_train have shape {x_train.shape[1:]}, but rows of x_validation "
                f"{x_validation.shape[1:]}. Use the same shape."
            )
        return Split(x_train, y_train, x_validation, y_validation, class_names)
    if {"x", "y"} <= set(arrays):
        x_train, x_validation, y_train, y_validation = split_rows(
            *_rows(name, arrays, "x", "y"), validation_fraction, seed
        )
        return Split(x_train, y_train, x_validation, y_validation, class_names)
    with zipfile.ZipFile(path) as archive:
        stored = sorted(member.removesuffix(".npy") for member in archive.namelist())
    raise DataError(
        f"{name} holds {', '.join(stored) or 'nothing'}. It must hold "
        f"{', '.join((*_TRAIN, *_VALIDATION))}, or x and y, which are then split."
    )


def _read(name: str, path: str) -> dict[str, np.ndarray]:
    try:
        _check_not_npy(name, path)
        size = os.path.getsize(path)
        most = max(size + SPARE_BYTES, _MAX_COMPRESSION * size)
        return read_arrays(path, name, names=_NAMES, max_bytes=most, strings=True)
    except OSError as error:
        raise DataError(
            f"{name} cannot be read: {error}. Pass the path of an .npz file."
        ) from error
    except ArchiveError as error:
        raise DataError(
            f"{name} cannot be read: {error.reason}. Write it with numpy.savez, without Python "
            "objects."
        ) from error


def _check_not_npy(name: str, path: str) -> None:
    if not os.path.isfile(path) and not os.path.isdir(path) and os.path.exists(path):
        # Reading a pipe would wait for its writer.
        raise DataError(f"{name} is not a file. Pass the path of an .npz file.")
    with open(path, "rb") as file:
        if file.read(len(np.lib.format.MAGIC_PREFIX)) == np.lib.format.MAGIC_PREFIX:
            raise DataError(f"{name} is a single array (.npy). Write an .npz with numpy.savez.")


def _class_names(name: str, arrays: dict[str, np.ndarray]) -> tuple[str, ...]:
    names = arrays.get("class_names", np.array([], dtype=str))
    if names.ndim != 1 or (names.size and names.dtype.kind not in "US"):
        raise DataError(
            f"{name}: class_names has dtype {names.dtype} and shape {names.shape}. Store one "
            "string for each class."
        )
    try:
        return tuple(names.astype(str).tolist())
    except ValueError as error:
        raise DataError(
            f"{name}: class_names holds bytes that are no ASCII: {error}. Store strings."
        ) from error


def _rows(
    name: str, arrays: dict[str, np.ndarray], features: str, target: str
) -> tuple[np.ndarray, np.ndarray]:
    x, y = arrays[features], arrays[target]
    if not x.ndim or not y.ndim or len(x) != len(y) or not len(x):
        raise DataError(
            f"{name}: {features} has shape {x.shape} and {target} {y.shape}. Both must have the "
            "same number of rows, at least one."
        )
    if x.dtype.kind not in "biuf":
        raise DataError(f"{name}: {features} has dtype {x.dtype}. Features must be numbers.")
    if not x.size:
        raise DataError(f"{name}: {features} has shape {x.shape}. Store at least one value a row.")
    # Check before the split, which stratifies by target.
    targets.check_integral(f"{name}, {target}", y)
    return x, y
