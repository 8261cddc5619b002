"""The contents that trackers write, as pure functions of logs, counts and sweeps."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from dist_f1 import plots
from dist_f1.callbacks.results import NamedSweep, Results
from dist_f1.counts.visible_text import visible_name
from dist_f1.pages import Table, report_table
from dist_f1.scores.confusion import has_matrix
from dist_f1.sweeps.curves import entries_by_class

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# More curves of single classes are not readable; the figure summarizes them.
MAX_CURVES = 20


class ClassCurve(NamedTuple):
    """The precision-recall curve of one class, from the lowest threshold to the highest.

    Fields:
        name: Name of the class.
        thresholds: `[T + 1]`. The first is 0, where every row is predicted.
        true_positive, false_positive, true_negative, false_negative: `[T + 1]`, float64.
        precision, recall: `[T + 1]`, float64.
    """

    name: str
    thresholds: np.ndarray
    true_positive: np.ndarray
    false_positive: np.ndarray
    true_negative: np.ndarray
    false_negative: np.ndarray
    precision: np.ndarray
    recall: np.ndarray


def scalars(
    logs: Mapping[str, Any], class_names: Mapping[str, Sequence[str]] | None = None
) -> dict[str, float]:
    """Convert logs to numbers: an array `[C]` becomes a number for each class.

    Args:
        logs: Numbers and arrays. Arrays with several axes, e.g. a confusion matrix, are left out.
        class_names: Names of the classes by the name of the entry; ids by default.

    Example:
        >>> scalars({"f1": np.array([1.0, 0.5]), "loss": 0.25}, {"f1": ["cat", "dog"]})
        {'f1/cat': 1.0, 'f1/dog': 0.5, 'loss': 0.25}
    """
    numbers: dict[str, float] = {}
    for name, value in logs.items():
        array = np.asarray(value)
        if array.ndim == 0:
            numbers[name] = float(array)
        elif array.ndim == 1:
            keys = _keys((class_names or {}).get(name), len(array))
            pairs = zip(keys, array.tolist(), strict=True)
            numbers |= {f"{name}/{key}": float(number) for key, number in pairs}
    return numbers


def report_of(results: Results) -> Table:
    """Return the classification report as a table."""
    names, averaging = results.class_names, results.averaging
    return report_table(results.title, results.counts, names, 4, **averaging)


def figures(results: Results) -> dict[str, Figure]:
    """Draw the confusion matrix, if there is one, and the curves of each sweep, by name.

    Raises:
        ImportError: matplotlib is not installed.
    """
    counts, names = results.counts, results.class_names
    drawn = {}
    if has_matrix(counts):
        drawn["confusion_matrix"] = plots.confusion_matrix(counts, names)
    for name, (sweep, names_of_sweep) in results.sweeps.items():
        drawn[name] = plots.precision_recall(sweep, names_of_sweep)
    return drawn


def to_png(figure: Figure) -> bytes:
    """Render a figure."""
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=100)
    return file.getvalue()


def curves(named: NamedSweep) -> list[ClassCurve]:
    """Return the curve of each class; of more than 20 classes, the 20 with the most rows.

    Example:
        >>> from dist_f1 import Sweep
        >>> sweep = Sweep.from_scores([0, 1, 1], [0.2, 0.4, 0.9], thresholds=2)
        >>> (curve,) = curves(NamedSweep(sweep, ["no", "yes"]))
        >>> curve.name, curve.thresholds.tolist(), curve.recall.tolist()
        ('yes', [0.0, 0.5, 1.0], [1.0, 0.5, 0.0])
    """
    sweep, class_names = named
    counts = sweep.counts.numpy().as_float()
    curve = sweep.numpy().curve()
    thresholds = np.concatenate([[0.0], sweep.thresholds])
    names = _keys(class_names, sweep.num_classes)
    actual, entries = counts.actual[0], entries_by_class(sweep)
    # At threshold 0, every row is predicted.
    true_positive = np.concatenate([actual[np.newaxis], counts.true_positive])
    predicted = np.concatenate([entries[np.newaxis], counts.predicted])
    chosen = np.sort(np.argsort(-actual, kind="stable")[:MAX_CURVES])
    return [
        ClassCurve(
            names[k],
            thresholds,
            true_positive[:, k],
            predicted[:, k] - true_positive[:, k],
            entries[k] - actual[k] - predicted[:, k] + true_positive[:, k],
            actual[k] - true_positive[:, k],
            curve.precision[:-1, k],
            curve.recall[:-1, k],
        )
        for k in chosen.tolist()
    ]


def are_evenly_spaced(thresholds: np.ndarray) -> bool:
    """Whether thresholds from 0 to 1 have equal distances, as `ThresholdSweep(200)` has."""
    return np.allclose(thresholds, np.linspace(0.0, 1.0, len(thresholds)), rtol=0.0, atol=1e-6)


def _keys(names: Sequence[str] | None, size: int) -> list[str]:
    """Return the names of `size` classes if there are as many different ones, or else ids.

    One class has the last name: the second of a binary task, that of the positive class.
    """
    names = [visible_name(name) for name in names or range(max(size, 2))]
    if size == 1:
        return names[-1:]
    return names if len(names) == len(set(names)) == size else [str(k) for k in range(size)]
