"""Read the results of a run directory, without TensorFlow; only the counts are required."""

from __future__ import annotations

import datetime
import os
import pathlib
import zipfile
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from dist_f1.counts import Counts
from dist_f1.counts.json_lines import read_records
from dist_f1.counts.visible_text import visible_name
from dist_f1.jobs.run_dir import RunDir
from dist_f1.pages.results import Evaluation, Mistake
from dist_f1.pages.results.evaluation import format_date
from dist_f1.sweeps import Sweep

_PICTURES = ("confusion_matrix", "f1_per_class", "precision_recall")
_MAX_MISTAKES = 50


def read_results(
    path: str | os.PathLike[str], class_names: Sequence[str] | None = None
) -> Evaluation:
    """Return the results in a run directory, or the counts of a `counts.npz`.

    Args:
        path: Run directory, or file of counts.
        class_names: C names; by default those of the run directory.

    Raises:
        OSError: A file cannot be read.
        ValueError: The directory holds no counts, or a file is damaged.
    """
    path = pathlib.Path(path)
    if not path.is_dir():
        return Evaluation(
            visible_name(path.name), Counts.load(path), class_names, date=_date_of(path)
        )
    run_dir = RunDir(path)
    counts, names = run_dir.read_counts()
    sweep = path / "sweep.npz"
    evaluation = Evaluation(
        "",
        counts,
        class_names or names,
        Sweep.load(sweep) if sweep.exists() else None,
        run_dir.read_json("scores.json").get("scores", {}),
    )
    results = add_files(evaluation, run_dir)
    return results._replace(
        title=title_of(results.settings, path.resolve().name), date=_date_of(path / "counts.npz")
    )


def add_files(evaluation: Evaluation, run_dir: RunDir) -> Evaluation:
    """Add the contents of other files of a run directory: settings, epochs, mistakes, images."""
    path, settings = run_dir.path, run_dir.read_json("config.json")
    return evaluation._replace(
        history=read_records(path / "metrics.jsonl"),
        settings=settings,
        versions=environment_of(settings),
        mistakes=read_mistakes(path / "predictions.npz", evaluation.class_names),
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


def read_mistakes(path: pathlib.Path, names: Sequence[str] | None) -> list[Mistake]:
    """Return the most confident mistakes; `[]` if the file has no probabilities."""
    try:
        with np.load(path) as file:
            arrays = {name: file[name] for name in file.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile):
        return []
    if not {"y_true", "y_pred", "probability"} <= set(arrays):
        return []
    return most_confident_mistakes(
        arrays["y_true"], arrays["y_pred"], arrays["probability"], names, _MAX_MISTAKES
    )


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
    indices = np.argwhere(y_true != y_pred)
    order = np.argsort(-probability[tuple(indices.T)], kind="stable")[:most]
    mistakes = []
    for index in map(tuple, indices[order].tolist()):
        if len(index) == 1:
            true, predicted = (_name(names, int(y[index])) for y in (y_true, y_pred))
        else:
            name = _name(names, index[1])
            true, predicted = (name if y[index] else f"not {name}" for y in (y_true, y_pred))
        mistakes.append(Mistake(index[0], true, predicted, float(probability[index])))
    return mistakes


def _name(names: Sequence[str] | None, label: int) -> str:
    return str(label) if names is None else visible_name(names[label])


def _date_of(path: pathlib.Path) -> str:
    """Return the date of the last change, in the zone of this computer."""
    return format_date(datetime.datetime.fromtimestamp(path.stat().st_mtime))
