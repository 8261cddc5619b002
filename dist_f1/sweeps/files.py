"""The `.npz` format of a sweep."""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING, Any

import numpy as np

from dist_f1.counts import Counts, consistency, format_version
from dist_f1.counts.causes import CAUSES
from dist_f1.counts.npz_archive import SPARE_BYTES, ArchiveError, read_arrays

if TYPE_CHECKING:
    from dist_f1.sweeps.sweep import Sweep

# Raise it if an older dist_f1 would read the arrays of a file wrongly.
_VERSION = 1
# Rows by threshold, and fields that are the same at every threshold.
_BY_THRESHOLD = ("true_positive", "predicted")
_CONSTANT = ("actual", "total", "invalid")
_OPTIONAL = ("class_total", "invalid_by_cause")


def dumps(sweep: Sweep) -> bytes:
    """Return the bytes of an `.npz` file: thresholds, and counts at each of them."""
    counts = sweep.counts.numpy()
    arrays: dict[str, Any] = {"thresholds": np.asarray(sweep.thresholds)}
    arrays |= {name: getattr(counts, name) for name in _BY_THRESHOLD}
    arrays |= {name: getattr(counts, name)[0] for name in _CONSTANT}
    fields = {name: getattr(counts, name) for name in _OPTIONAL}
    arrays |= {name: x[0] for name, x in fields.items() if not isinstance(x, tuple)}
    arrays[format_version.NAME] = np.array(_VERSION)
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
    if sum(x.nbytes for x in arrays.values()) > file.tell() + SPARE_BYTES // 2:
        # `loads` would take the file for one that is made to fill the memory.
        file = io.BytesIO()
        np.savez(file, **arrays)
    return file.getvalue()


def loads(
    file: bytes | str | os.PathLike[str], source: str, max_bytes: int | None = None
) -> tuple[np.ndarray, Counts]:
    """Return the thresholds `[T]`, and NumPy counts with a leading axis `[T]`.

    Args:
        file: Content of the file, or its path.
        source: Name of the file in messages.
        max_bytes: Maximum number of bytes of all arrays; see `npz_archive.read_arrays`.

    Raises:
        ValueError: The file holds no sweep.
    """
    try:
        arrays = read_arrays(file, source, max_bytes=max_bytes)
    except ArchiveError as error:
        raise ValueError(
            f"{source} holds no sweep: {error.reason}. Use an intact copy, or count again."
        ) from error
    format_version.take_version(arrays, _VERSION, source)
    found = set(arrays)
    required = {"thresholds", *_BY_THRESHOLD, *_CONSTANT}
    if not required <= found <= required | set(_OPTIONAL):
        raise ValueError(
            f"{source} holds no sweep but {sorted(found)}; expected a file of Sweep.save."
        )
    thresholds = arrays.pop("thresholds")
    fault = (
        consistency.find_disorder(thresholds)
        or _misfit(arrays, len(thresholds))
        or consistency.find_contradiction(_as_multilabel(arrays))
        or consistency.find_increase(arrays)
    )
    if fault:
        raise ValueError(f"{source} holds no sweep: {fault}. Use an intact copy, or count again.")
    # Views, since every field but two is the same at all thresholds.
    fields = {
        name: x if name in _BY_THRESHOLD else np.broadcast_to(x, (len(thresholds), *x.shape))
        for name, x in arrays.items()
    }
    samples: Any = {} if fields["actual"].shape[-1] > 1 else ()
    return thresholds, Counts(**fields, samples=samples)


def _as_multilabel(arrays: dict[str, np.ndarray]) -> dict[str, Any]:
    """Return the fields with the sums over rows that a sweep has: none."""
    return {**arrays, "samples": {}}


def _misfit(arrays: dict[str, np.ndarray], thresholds: int) -> str:
    """Find an array whose dtype or shape does not fit to the other arrays."""
    actual = arrays["actual"]
    if actual.ndim != 1 or not actual.size:
        return f"actual is {actual.dtype} {list(actual.shape)}"
    classes = actual.shape[0]
    # Sums of sweeps with and without causes have any number of them.
    causes = arrays.get("invalid_by_cause", actual[:1]).shape
    shapes: dict[str, tuple[int, ...]] = {
        **{name: (thresholds, classes) for name in _BY_THRESHOLD},
        **{name: (classes,) for name in ("actual", "class_total")},
        **{name: () for name in ("total", "invalid")},
        "invalid_by_cause": causes
        if len(causes) == 1 and 0 < causes[0] <= len(CAUSES)
        else (len(CAUSES),),
    }
    for name, value in arrays.items():
        if value.shape != shapes[name]:
            return f"{name} has shape {list(value.shape)}, expected {list(shapes[name])}"
        if value.dtype not in (np.int64, np.float64) or value.dtype != actual.dtype:
            return f"{name} is {value.dtype}, and actual {actual.dtype}"
    return ""
