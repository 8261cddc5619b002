"""Counts as the bytes of a NumPy `.npz` file: in files, and in checkpoints."""

from __future__ import annotations

import io
import os
import zipfile
from typing import Any

import numpy as np
import tensorflow as tf

from dist_f1.counts import Counts
from dist_f1.layout import Layout


def dumps(counts: Counts, thresholds: tuple[float, ...] = ()) -> bytes:
    """The bytes of an `.npz` file with an array for each field that is kept.

    Sums over rows are `samples.NAME`. Counts that are in buckets between `thresholds` come with
    them.
    """
    fields: dict[str, Any] = {}
    for name, value in counts.numpy()._asdict().items():
        if isinstance(value, dict):
            fields |= {f"{name}.{key}": part for key, part in value.items()}
            fields["multilabel"] = np.array(True)
        elif not isinstance(value, tuple):
            fields[name] = value
    if thresholds:
        fields["thresholds"] = np.array(thresholds)
    file = io.BytesIO()
    np.savez(file, **fields)
    return file.getvalue()


def loads(data: bytes, source: str) -> Counts:
    """The counts that `dumps` wrote without thresholds; see `loads_with_thresholds`."""
    counts, thresholds = loads_with_thresholds(data, source)
    if thresholds:
        raise ValueError(f"{source} holds counts between thresholds, and not at one.")
    return counts


def loads_with_thresholds(data: bytes, source: str) -> tuple[Counts, tuple[float, ...]]:
    """The inverse of `dumps`, with NumPy fields; `source` is named in errors.

    Raises:
        ValueError: these are no counts.
    """
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except (AttributeError, EOFError, TypeError, ValueError, zipfile.BadZipFile) as error:
        raise ValueError(f"{source} is not an .npz file of counts.") from error
    thresholds = arrays.pop("thresholds", None)
    samples = {k.removeprefix("samples."): v for k, v in arrays.items() if k.startswith("samples.")}
    fields: dict[str, Any] = {k: v for k, v in arrays.items() if not k.startswith("samples.")}
    multilabel = fields.pop("multilabel", False)
    missing = set(Counts._fields[:5]) - set(fields)
    if missing or set(fields) - (set(Counts._fields) - {"samples"}):
        raise ValueError(
            f"{source} holds no counts but {sorted(arrays)}; expected a file written by "
            "Counts.save."
        )
    if samples or multilabel:
        fields["samples"] = samples
    counts = Counts(**fields)
    steps = () if thresholds is None else tuple(float(t) for t in np.ravel(thresholds))
    _check(counts, steps, source)
    return counts, steps


def _check(counts: Counts, thresholds: tuple[float, ...], source: str) -> None:
    """Refuses arrays that are no counts, or do not fit each other."""
    if not counts.actual.ndim or counts.actual.ndim > 2:
        raise ValueError(f"{source} holds no counts: actual is {_describe(counts.actual)}.")
    expected = Layout.of(counts, thresholds).shapes
    if _names(expected) != _names(counts):
        raise ValueError(f"{source} holds no counts: {_names(counts)}, not {_names(expected)}.")
    for shape, value in zip(*map(tf.nest.flatten, (expected, counts)), strict=True):
        if value.shape != tuple(shape) or value.dtype not in (np.int64, np.float64):
            raise ValueError(
                f"{source} holds no counts: {_describe(value)} where int64 or float64 "
                f"{shape.as_list()} is expected."
            )
        # A sum of weights may be negative, as weights may; a number of rows may not.
        negative = value.dtype == np.int64 and np.any(value < 0)
        if negative or value.dtype != counts.true_positive.dtype:
            raise ValueError(
                f"{source} holds no counts: some are negative, or not of the dtype of "
                "true_positive."
            )


def _describe(value: np.ndarray) -> str:
    return f"{value.dtype} {list(value.shape)}"


def _names(counts: Counts) -> list[str]:
    return sorted(counts.samples) if counts.is_multilabel else []


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
