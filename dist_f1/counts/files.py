"""The `.npz` format of counts, for files and checkpoints.

The functions here take and return the fields of `Counts` by name, as NumPy arrays.
"""

import io
import os
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from dist_f1.counts import consistency, format_version, sample_averages
from dist_f1.counts.causes import CAUSES, number_of_causes
from dist_f1.counts.npz_archive import ArchiveError, read_arrays
from dist_f1.counts.shapes import field_shapes

# Raise it if an older dist_f1 would read the arrays of a file wrongly.
_VERSION = 1
_REQUIRED = {"true_positive", "predicted", "actual", "total", "invalid"}
_OPTIONAL = {"confusion", "class_total", "invalid_by_cause"}
_SAMPLES = "samples."


class Stored(NamedTuple):
    """What a checkpoint of counts holds.

    Fields:
        fields: Fields of `Counts` by name.
        thresholds: Thresholds between which predictions were counted; `()` for counts of decisions.
        decision: The decision that was counted, as `DecisionRule.text`; empty if it is unknown.
    """

    fields: dict[str, Any]
    thresholds: tuple[float, ...]
    decision: str


def dumps(
    fields: Mapping[str, Any], thresholds: tuple[float, ...] = (), decision: str = ""
) -> bytes:
    """Return the bytes of an `.npz` file with one array for each stored field.

    The arguments are those of `Stored`. Sums over rows are stored as `samples.NAME`.
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
    if decision:
        arrays["decision"] = np.array(decision.encode())
    arrays[format_version.NAME] = np.array(_VERSION)
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def loads(file: bytes | str | os.PathLike[str], source: str) -> dict[str, Any]:
    """Return the fields that `dumps` stored without thresholds; see `loads_checkpoint`.

    `file` is the content of the file, or its path.
    """
    stored = loads_checkpoint(file, source)
    if stored.thresholds:
        raise ValueError(
            f"{source} holds counts between {len(stored.thresholds)} thresholds. Restore it into a "
            "ThresholdSweep metric."
        )
    return stored.fields


def loads_checkpoint(file: bytes | str | os.PathLike[str], source: str) -> Stored:
    """Invert `dumps`; raise `ValueError` for other bytes, which names the file `source`."""
    try:
        arrays = read_arrays(file, source, strings=True)
    except ArchiveError as error:
        raise ValueError(
            f"{source} is not an .npz file of counts: {error.reason}. Use an intact copy, or count "
            "again."
        ) from error
    format_version.take_version(arrays, _VERSION, source)
    found = sorted(arrays)
    thresholds = arrays.pop("thresholds", None)
    decision = arrays.pop("decision", np.array(b""))
    multilabel = arrays.pop("multilabel", None)
    sums = {k.removeprefix(_SAMPLES): v for k, v in arrays.items() if k.startswith(_SAMPLES)}
    fields: dict[str, Any] = {k: v for k, v in arrays.items() if not k.startswith(_SAMPLES)}
    if not _REQUIRED <= set(fields) <= _REQUIRED | _OPTIONAL:
        raise ValueError(
            f"{source} holds no counts but {found}; expected a file written by Counts.save."
        )
    if sums or multilabel is not None:
        fields["samples"] = sums
    fault = _misfit(fields, 0 if thresholds is None else thresholds.size)
    fault = fault or _fault_of_others(thresholds, decision, multilabel)
    if not fault and thresholds is not None:
        fault = consistency.find_contradiction_of_buckets(fields)
    elif not fault:
        fault = consistency.find_contradiction(fields)
    if fault:
        raise ValueError(f"{source} holds no counts: {fault}. Use an intact copy, or count again.")
    limits = () if thresholds is None else tuple(map(float, thresholds))
    return Stored(fields, limits, decision.item().decode())


def _fault_of_others(
    thresholds: np.ndarray | None, decision: np.ndarray, multilabel: np.ndarray | None
) -> str:
    """Find a fault of the arrays that are no fields of `Counts`."""
    if multilabel is not None and not (
        multilabel.dtype == bool and multilabel.shape == () and multilabel
    ):
        return f"multilabel is {_describe(multilabel)}, expected True"
    if decision.dtype.kind != "S" or decision.shape != () or not decision.item().isascii():
        return f"decision is {_describe(decision)}, expected a text"
    return "" if thresholds is None else consistency.find_disorder(thresholds)


def _misfit(fields: Mapping[str, Any], thresholds: int) -> str:
    """Find an array whose dtype or shape does not fit to the other arrays."""
    actual, sums = fields["actual"], fields.get("samples")
    if actual.ndim not in (1, 2) or not actual.size:
        return f"actual is {_describe(actual)}"
    groups = actual.shape[0] if actual.ndim == 2 else 0
    shapes = field_shapes(
        actual.shape[-1],
        None if sums is None else sample_averages.kept(sums),
        "confusion" in fields,
        groups,
        thresholds,
        "class_total" in fields,
    )
    # Sums of counts with and without causes have any number of them.
    causes = np.shape(fields.get("invalid_by_cause", ()))
    most = number_of_causes(groups) if thresholds else len(CAUSES)
    if causes and 1 <= causes[-1] <= most:
        shapes["invalid_by_cause"] = (*shapes["invalid_by_cause"][:-1], causes[-1])
    if sums and not sample_averages.are_sums(sums):
        expected = [sample_averages.EXACT_MATCH, *sample_averages.ratio_names()]
        return f"it has sums over rows of {sorted(sums)}, expected {expected} and F of other betas"
    for name, value in {**fields, **(sums or {})}.items():
        if name == "samples":
            continue
        shape = shapes[name] if name in fields else shapes["samples"][name]
        if value.shape != shape or value.dtype not in (np.int64, np.float64):
            return f"{name} is {_describe(value)}, expected int64 or float64 {list(shape)}"
        if value.dtype != fields["true_positive"].dtype:
            return f"the dtype of {name}, {value.dtype}, is not that of true_positive"
    return ""


def _describe(value: np.ndarray) -> str:
    return f"{value.dtype} {list(value.shape)}"
