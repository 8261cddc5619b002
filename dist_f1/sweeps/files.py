"""The `.npz` format of a sweep."""

from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING, Any

import numpy as np

from dist_f1.counts import Counts
from dist_f1.counts import arrays as xp

if TYPE_CHECKING:
    from dist_f1.sweeps.sweep import Sweep

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
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
    return file.getvalue()


def loads(data: bytes, source: str) -> tuple[np.ndarray, Counts]:
    """Return the thresholds `[T]`, and NumPy counts with a leading axis `[T]`.

    Raises:
        ValueError: The bytes hold no sweep; the message names the file `source`.
    """
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        thresholds = arrays.pop("thresholds")
        by_threshold = {name: arrays.pop(name) for name in _BY_THRESHOLD}
        constant = {name: xp.repeat_first(arrays[name], len(thresholds)) for name in arrays}
        counts = Counts(**by_threshold, **constant)
    except (AttributeError, EOFError, KeyError, TypeError, ValueError, zipfile.BadZipFile) as error:
        raise ValueError(f"{source} holds no sweep; expected a file of Sweep.save.") from error
    shape = (len(thresholds), counts.actual.shape[-1])
    if thresholds.ndim != 1 or any(by_threshold[name].shape != shape for name in _BY_THRESHOLD):
        raise ValueError(f"{source} holds no sweep: its arrays do not fit together.")
    samples: Any = {} if shape[1] > 1 else ()
    return thresholds, counts._replace(samples=samples)
