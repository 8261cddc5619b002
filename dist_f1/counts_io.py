"""Counts as the bytes of a NumPy `.npz` file: in files, and in checkpoints."""

from __future__ import annotations

import io
import os
import zipfile

import numpy as np

from dist_f1 import sample_averages
from dist_f1.counts import Counts


def dumps(counts: Counts) -> bytes:
    """The bytes of an `.npz` file with a field for each one that is kept."""
    fields = {
        name: value
        for name, value in counts.numpy()._asdict().items()
        if not isinstance(value, tuple)
    }
    file = io.BytesIO()
    np.savez(file, **fields)
    return file.getvalue()


def loads(data: bytes, source: str) -> Counts:
    """The inverse of `dumps`, with NumPy fields; `source` is named in errors.

    Raises:
        ValueError: these are no counts.
    """
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as file:
            fields = {name: file[name] for name in file.files}
    except (AttributeError, EOFError, TypeError, ValueError, zipfile.BadZipFile) as error:
        raise ValueError(f"{source} is not an .npz file of counts.") from error
    missing = set(Counts._fields[:5]) - set(fields)
    if missing or set(fields) - set(Counts._fields):
        raise ValueError(
            f"{source} holds {sorted(fields)}, not counts; expected a file written by Counts.save."
        )
    counts = Counts(**fields)
    _check(counts, source)
    return counts


def _check(counts: Counts, source: str) -> None:
    """Refuses arrays that are no counts, or do not fit each other."""
    classes = counts.true_positive.shape
    shapes = [classes, classes, classes, (), (), (len(sample_averages.FIELDS),), classes * 2]
    for name, value, shape in zip(Counts._fields, counts, shapes, strict=True):
        if isinstance(value, tuple):
            continue
        if value.shape != shape or value.ndim > 2 or value.dtype not in (np.int64, np.float64):
            raise ValueError(
                f"{source} holds no counts: {name} is {value.dtype} {list(value.shape)}, expected "
                f"int64 or float64 {list(shape)}."
            )
        # A sum of weights may be negative, as weights may; a number of rows may not.
        negative = value.dtype == np.int64 and np.any(value < 0)
        if negative or value.dtype != counts.true_positive.dtype:
            raise ValueError(
                f"{source} holds no counts: {name} is negative, or not of the dtype of "
                "true_positive."
            )


def write(counts: Counts, path: str | os.PathLike[str]) -> None:
    """Writes a file, whole or not at all."""
    path = os.fspath(path)
    partial = f"{path}.{os.getpid()}.partial"
    try:
        with open(partial, "wb") as file:
            file.write(dumps(counts))
        os.replace(partial, path)
    finally:
        if os.path.exists(partial):
            os.remove(partial)
