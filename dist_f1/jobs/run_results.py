"""Read the results of a run directory, without TensorFlow; only the counts are required."""

from __future__ import annotations

import datetime
import functools
import os
import pathlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from dist_f1.counts import Counts
from dist_f1.counts.visible_text import visible_name
from dist_f1.jobs import result_files
from dist_f1.jobs.result_files import print_warning, read_optional
from dist_f1.jobs.run_dir import RunDir
from dist_f1.pages.results import Evaluation, Mistake
from dist_f1.pages.results.evaluation import format_date
from dist_f1.sweeps import Sweep

_PICTURES = ("confusion_matrix", "f1_per_class", "precision_recall")
_MAX_MISTAKES = 50
_ROWS = 2**20


def read_results(
    path: str | os.PathLike[str],
    class_names: Sequence[str] | None = None,
    warn: Callable[[str], None] = print_warning,
) -> Evaluation:
    """Return the results in a run directory, or the counts of a `counts.npz`.

    Args:
        path: Run directory, or file of counts.
        class_names: C names; by default those of the run directory.
        warn: Function that gets a warning for each other file that is damaged. The results then
            lack the content of this file.

    Raises:
        OSError: The counts cannot be read.
        ValueError: The directory holds no counts, or they are damaged.
    """
    path = pathlib.Path(path)
    if not path.is_dir():
        return Evaluation(
            visible_name(path.name), Counts.load(path), class_names, date=_date_of(path)
        )
    run_dir, warn = RunDir(path), _once(warn)
    counts, names = run_dir.read_counts(warn)
    evaluation = Evaluation(
        "",
        counts,
        class_names or names,
        read_optional(lambda: _read_sweep(path / "sweep.npz", counts), None, warn),
        read_optional(lambda: result_files.read_scores(path / "scores.json"), {}, warn),
    )
    results = add_files(evaluation, run_dir, warn)
    return results._replace(
        title=title_of(results.settings, path.resolve().name), date=_date_of(path / "counts.npz")
    )


def add_files(
    evaluation: Evaluation, run_dir: RunDir, warn: Callable[[str], None] = print_warning
) -> Evaluation:
    """Add the contents of other files of a run directory: settings, epochs, mistakes, images.

    A damaged file is left out, with a warning.
    """
    path, warn = run_dir.path, _once(warn)
    metrics = path / "metrics.jsonl"
    settings: dict[str, Any] = read_optional(
        lambda: result_files.read_settings(path / "config.json"), {}, warn
    )
    return evaluation._replace(
        history=read_optional(lambda: result_files.read_history(metrics, warn), [], warn),
        settings=settings,
        versions=environment_of(settings),
        mistakes=read_mistakes(path / "predictions.npz", evaluation.class_names, warn),
        average=settings.get("average", "macro"),
        pictures={n: f"{n}.png" for n in _PICTURES if (path / f"{n}.png").exists()},
        date=format_date(datetime.datetime.now()),
    )


def title_of(settings: Mapping[str, Any], name: str) -> str:
    """Return the title of the page of a run; by default its name."""
    if "dataset" not in settings:
        return visible_name(name)
    dataset = visible_name(settings["dataset"])
    return f"{dataset}: validation after {settings.get('epochs', '?')} epochs"


def environment_of(settings: Mapping[str, Any]) -> dict[str, object]:
    """Return versions, strategy and devices, as far as they are stored."""
    found = {
        **settings.get("versions", {}),
        "strategy class": settings.get("strategy_class"),
        "replicas": settings.get("replicas"),
        "devices": settings.get("devices"),
        "started": settings.get("started"),
    }
    return {key: value for key, value in found.items() if value not in (None, [], "")}


def read_mistakes(
    path: pathlib.Path,
    names: Sequence[str] | None,
    warn: Callable[[str], None] = print_warning,
) -> list[Mistake]:
    """Return the most confident mistakes; `[]` if the file is damaged or has no probabilities."""

    def read() -> list[Mistake]:
        arrays = result_files.read_predictions(path)
        if "probability" not in arrays:
            return []
        if names is not None:
            _check_classes(path, arrays, len(names))
        return most_confident_mistakes(**arrays, names=names, most=_MAX_MISTAKES)

    return read_optional(read, [], warn)


def _check_classes(path: pathlib.Path, arrays: Mapping[str, np.ndarray], classes: int) -> None:
    """Raise `ValueError` unless predictions are ids below `classes`, or 0 and 1 for each class."""
    y_true, y_pred = arrays["y_true"], arrays["y_pred"]
    top = 1 if y_true.ndim == 2 else classes - 1
    has_width = y_true.ndim == 1 or y_true.shape[1] == classes
    is_valid = all(y.min(initial=0) >= 0 and y.max(initial=0) <= top for y in (y_true, y_pred))
    if not has_width or not is_valid:
        raise ValueError(f"{path} has other classes than the {classes} of the counts. Restore it.")


def most_confident_mistakes(
    y_true: np.ndarray,
    y_pred: np.ndarray,
    probability: np.ndarray,
    names: Sequence[str] | None,
    most: int,
) -> list[Mistake]:
    """Return the wrong predictions with the highest probability.

    Args:
        y_true: Ids `[N]`, or 0/1 targets `[N, C]`.
        y_pred: Decisions, shaped like `y_true`.
        probability: Probability of each decision, shaped like `y_true`.
        names: C names.
        most: Number of mistakes.

    Example:
        >>> y_true, y_pred = np.array([0, 1, 1]), np.array([0, 0, 0])
        >>> found = most_confident_mistakes(y_true, y_pred, np.array([1, 0.6, 0.9]), None, 5)
        >>> [(mistake.row, mistake.probability) for mistake in found]
        [(2, 0.9), (1, 0.6)]
    """
    # By parts, because indices of many mistakes would be larger than the predictions.
    part = max(1, _ROWS // y_true[:1].size) if len(y_true) else 1
    found: list[tuple[int, ...]] = []
    for first in range(0, len(y_true), part):
        rows = slice(first, first + part)
        indices = np.argwhere(y_true[rows] != y_pred[rows])
        order = np.argsort(-probability[rows][tuple(indices.T)], kind="stable")[:most]
        found += [(first + index[0], *index[1:]) for index in indices[order].tolist()]
        found = sorted(found, key=lambda index: -probability[index])[:most]
    mistakes = []
    for index in found:
        if len(index) == 1:
            true, predicted = (_name(names, int(y[index])) for y in (y_true, y_pred))
        else:
            name = _name(names, index[1])
            true, predicted = (name if y[index] else f"not {name}" for y in (y_true, y_pred))
        mistakes.append(Mistake(index[0], true, predicted, float(probability[index])))
    return mistakes


def _name(names: Sequence[str] | None, label: int) -> str:
    return str(label) if names is None else visible_name(names[label])


def _read_sweep(path: pathlib.Path, counts: Counts) -> Sweep | None:
    """Return the sweep; raise `ValueError` if its classes are not those of the counts."""
    if not path.exists():
        return None
    sweep, classes = Sweep.load(path), counts.to_two_class().num_classes
    # A sweep of a binary task has the positive class alone.
    if sweep.num_classes != classes and (sweep.num_classes, classes) != (1, 2):
        raise ValueError(
            f"{path} has {sweep.num_classes} classes, but the counts have {classes}. Restore it."
        )
    return sweep


def _once(warn: Callable[[str], None]) -> Callable[[str], None]:
    """Return `warn`, called once for each text: several readers need the same file."""
    return functools.cache(warn)


def _date_of(path: pathlib.Path) -> str:
    """Return the date of the last change, in the zone of this computer."""
    return format_date(datetime.datetime.fromtimestamp(path.stat().st_mtime))
