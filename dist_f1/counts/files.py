"""The `.npz` format of counts, for files and checkpoints.

The functions here take and return the fields of `Counts` by name, as NumPy arrays.
"""

import io
import zipfile
from collections.abc import Mapping
from typing import Any

import numpy as np

from dist_f1.counts import sample_averages
from dist_f1.counts.causes import CAUSES
from dist_f1.counts.shapes import field_shapes

_REQUIRED = {"true_positive", "predicted", "actual", "total", "invalid"}
_OPTIONAL = {"confusion", "class_total", "invalid_by_cause"}
_SAMPLES = "samples."


def dumps(fields: Mapping[str, Any], thresholds: tuple[float, ...] = ()) -> bytes:
    """Return the bytes of an `.npz` file with one array for each stored field.

    `fields` are those of NumPy `Counts` by name; sums over rows are stored as `samples.NAME`. The
    thresholds between which the counts were taken are stored too.
    """
    arrays: dict[str, Any] = {}
    for name, value in fields.items():
        if isinstance(value, dict):
            arrays |= {f"{name}.{key}": array for key, array in value.items()}
            arrays["multilabel"] = np.array(True)
        elif not isinstance(value, tuple):
            arrays[name] = value
    if thresholds:
        arrays["thresholds"] = np.array(thresholds)
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def loads(data: bytes, source: str) -> dict[str, Any]:
    """Return the fields that `dumps` stored without thresholds; see `loads_with_thresholds`."""
    fields, thresholds = loads_with_thresholds(data, source)
    if thresholds:
        raise ValueError(
            f"{source} holds counts between {len(thresholds)} thresholds. Restore it into a "
            "ThresholdSweep metric."
        )
    return fields


def loads_with_thresholds(data: bytes, source: str) -> tuple[dict[str, Any], tuple[float, ...]]:
    """Invert `dumps`; raise `ValueError` for other bytes, which names the file `source`."""
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except (AttributeError, EOFError, TypeError, ValueError, zipfile.BadZipFile) as error:
        raise ValueError(f"{source} is not an .npz file of counts.") from error
    found = sorted(arrays)
    grid = arrays.pop("thresholds", ())
    multilabel = arrays.pop("multilabel", False)
    sums = {k.removeprefix(_SAMPLES): v for k, v in arrays.items() if k.startswith(_SAMPLES)}
    fields: dict[str, Any] = {k: v for k, v in arrays.items() if not k.startswith(_SAMPLES)}
    if not _REQUIRED <= set(fields) <= _REQUIRED | _OPTIONAL:
        raise ValueError(
            f"{source} holds no counts but {found}; expected a file written by Counts.save."
        )
    if sums or multilabel:
        fields["samples"] = sums
    thresholds = tuple(float(t) for t in np.ravel(grid))
    _check(fields, thresholds, source)
    return fields, thresholds


def _check(fields: Mapping[str, Any], thresholds: tuple[float, ...], source: str) -> None:
    """Raise `ValueError` unless the arrays can be counts and fit together."""
    actual, sums = fields["actual"], fields.get("samples")
    if actual.ndim not in (1, 2):
        raise ValueError(f"{source} holds no counts: actual is {_describe(actual)}.")
    shapes = field_shapes(
        actual.shape[-1],
        None if sums is None else sample_averages.kept(sums),
        "confusion" in fields,
        actual.shape[0] if actual.ndim == 2 else 0,
        len(thresholds),
        "class_total" in fields,
    )
    if actual.ndim == 1 and np.shape(fields.get("invalid_by_cause", ())) == (len(CAUSES),):
        # Groups that were added up keep the counter of unknown groups.
        shapes["invalid_by_cause"] = (len(CAUSES),)
    if sorted(sums or ()) != sorted(shapes["samples"] or ()):
        raise ValueError(
            f"{source} holds no counts: it has sums over rows of {sorted(sums or ())}, expected "
            f"{sorted(shapes['samples'] or ())}."
        )
    for name, value in {**fields, **(sums or {})}.items():
        if name == "samples":
            continue
        shape = shapes[name] if name in fields else shapes["samples"][name]
        if value.shape != shape or value.dtype not in (np.int64, np.float64):
            raise ValueError(
                f"{source} holds no counts: {name} is {_describe(value)}, expected int64 or "
                f"float64 {list(shape)}."
            )
        # A sum of weights may be negative, as weights may; a number of rows may not.
        negative = value.dtype == np.int64 and np.any(value < 0)
        if negative or value.dtype != fields["true_positive"].dtype:
            raise ValueError(
                f"{source} holds no counts: {name} is negative, or its dtype {value.dtype} is not "
                "that of true_positive."
            )


def _describe(value: np.ndarray) -> str:
    return f"{value.dtype} {list(value.shape)}"
