"""Readers of the files of a run directory that a report can do without.

Each reader checks every field that is used, and raises `ValueError`, which names the file and what
to do, or `OSError`. Without the file, each returns an empty value.
"""

from __future__ import annotations

import math
import os
import pathlib
import sys
from collections.abc import Callable
from typing import Any, TypeVar, get_args

import numpy as np

from dist_f1.counts.json_lines import read_records
from dist_f1.counts.json_objects import read_object
from dist_f1.counts.npz_archive import read_arrays
from dist_f1.reports import AVERAGES
from dist_f1.scores.averaging import Average

T = TypeVar("T")

_PREDICTIONS = ("y_true", "y_pred", "probability")
# The values of 700 epochs with the scores of 1,000 classes.
_MAX_VALUES = 1_400_000


def print_warning(text: str) -> None:
    """Print to standard error: standard output may hold a page."""
    print(f"Warning: {text}", file=sys.stderr, flush=True)


def read_optional(read: Callable[[], T], absent: T, warn: Callable[[str], None]) -> T:
    """Return what `read` returns, or `absent` if the file is damaged, with a warning."""
    try:
        return read()
    except (OSError, ValueError) as error:
        warn(f"{error} The report leaves out this file.")
        return absent


def read_settings(path: pathlib.Path) -> dict[str, Any]:
    """Return the settings in `config.json`."""
    settings = _read_object(path)
    names, versions = settings.get("class_names"), settings.get("versions", {})
    _check(path, "class_names", names, names is None or _are_strings(names), "a list of strings")
    is_valid = isinstance(versions, dict) and _are_strings([*versions.values()])
    _check(path, "versions", versions, is_valid, "an object of strings")
    average, dataset = settings.get("average", "macro"), settings.get("dataset", "")
    averages = get_args(Average)
    _check(path, "average", average, average in averages, f"one of {', '.join(averages)}")
    _check(path, "dataset", dataset, isinstance(dataset, str), "a string")
    return settings


def read_scores(path: pathlib.Path) -> dict[str, dict[str, float | None]]:
    """Return the scores with their intervals in `scores.json`."""
    scores = _read_object(path).get("scores", {})
    _check(path, "scores", scores, isinstance(scores, dict), "an object")
    for name, row in scores.items():
        is_valid = isinstance(row, dict) and {"value", "low", "high"} <= set(row)
        is_valid = is_valid and all(map(_is_score, row.values()))
        _check(path, name, row, is_valid, "an object with value, low and high")
    return scores


def read_names_of_report(path: pathlib.Path) -> list[str]:
    """Return the names of the rows in `report.json` that may be classes."""
    return [name for name in _read_object(path) if name not in AVERAGES]


def read_history(
    path: pathlib.Path, warn: Callable[[str], None] = print_warning
) -> list[dict[str, Any]]:
    """Return the records in `metrics.jsonl`; damaged lines are left out, with one warning."""
    errors: list[ValueError] = []
    records = read_records(path, errors.append, _MAX_VALUES)
    if errors:
        more = f" {len(errors) - 1} more lines are damaged." if len(errors) > 1 else ""
        warn(f"{errors[0]}{more} The report leaves out damaged lines.")
    return records


def read_predictions(path: pathlib.Path) -> dict[str, np.ndarray]:
    """Return `y_true`, `y_pred` and, except in files of older versions, `probability`."""
    if not os.path.lexists(path):
        return {}
    if not path.is_file():
        raise ValueError(f"{path} is not a file. Remove the path.")
    arrays = read_arrays(path, str(path), names=_PREDICTIONS)
    y_true, y_pred = (arrays.get(name, np.empty(())) for name in ("y_true", "y_pred"))
    probability = arrays.get("probability", np.empty(y_true.shape))
    kinds = {y_true.dtype.kind, y_pred.dtype.kind}
    is_valid = y_true.ndim in (1, 2) and y_true.shape == y_pred.shape == probability.shape
    if not kinds <= {"i", "u"} or probability.dtype.kind != "f" or not is_valid:
        found = ", ".join(f"{name} {x.dtype} {list(x.shape)}" for name, x in arrays.items())
        raise ValueError(f"{path} holds no predictions, but {found or 'nothing'}. Restore it.")
    return arrays


def _read_object(path: pathlib.Path) -> dict[str, Any]:
    return read_object(path) if os.path.lexists(path) else {}


def _check(path: pathlib.Path, key: str, value: object, is_valid: bool, expected: str) -> None:
    if not is_valid:
        raise ValueError(
            f"{path} is damaged: {key!r:.60} is {value!r:.60}, expected {expected}. Restore the "
            "file, or remove it."
        )


def _are_strings(values: object) -> bool:
    return isinstance(values, list) and all(isinstance(value, str) for value in values)


def _is_score(value: object) -> bool:
    """Whether a value of JSON can be a score: a number that is not infinite, or unknown."""
    if isinstance(value, bool) or not isinstance(value, int | float | None):
        return False
    return value is None or not math.isinf(value)
