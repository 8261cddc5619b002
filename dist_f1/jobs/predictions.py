"""Predictions of an evaluation, stored on disk between two checkpoints."""

import io
import os
import pathlib
import re
import shutil
from collections.abc import Iterator

import numpy as np

from dist_f1.counts.atomic_write import atomic_write, explained
from dist_f1.counts.npz_archive import read_arrays

_NAME = re.compile(r"([0-9]{8,18})-([0-9]{5,18})\.npz")


class Predictions:
    """Files with the labels and logits of one worker from one checkpoint to the next.

    After a restart, those of later steps are computed again. `collect` returns rows in data order.

    Args:
        directory: Directory of the files of all workers.
        worker: Index of this worker.
        units: Number of logits of a row; `None` accepts any.
    """

    def __init__(self, directory: pathlib.Path, worker: int, units: int | None = None) -> None:
        self._directory, self._worker, self._units = directory, worker, units
        self._steps: list[int] = []
        self._labels: list[np.ndarray] = []
        self._logits: list[np.ndarray] = []

    def remove_from(self, step: int) -> None:
        """Remove the files of this step and of later ones, of all workers.

        Call it on one worker, before the workers run the step.
        """
        for path, first, _ in self._files():
            if first >= step and path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            elif first >= step:
                path.unlink()

    def add(self, step: int, labels: np.ndarray, logits: np.ndarray) -> None:
        """Add the rows of a step."""
        self._steps.append(step)
        self._labels.append(labels)
        self._logits.append(logits)

    def flush(self) -> None:
        """Write the rows added since the last call. Call it before a checkpoint.

        Raises:
            OSError: The rows cannot be written, or the run directory does not exist.
        """
        if not self._steps:
            return
        # A missing run directory has been removed: do not make another one.
        with explained(self._directory):
            self._directory.mkdir(exist_ok=True)
        rows = [len(labels) for labels in self._labels]
        file = io.BytesIO()
        np.savez(
            file,
            steps=np.repeat(self._steps, rows),
            y_true=np.concatenate(self._labels),
            logits=np.concatenate(self._logits),
        )
        path = self._directory / f"{self._steps[0]:08d}-{self._worker:05d}.npz"
        atomic_write(path, file.getvalue())
        self._steps, self._labels, self._logits = [], [], []

    def has_rows(self, rows: int) -> bool:
        """Whether the files are intact and hold this number of rows."""
        return not (rows or any(self._files())) or self.collect_rows(rows) is not None

    def collect_rows(self, rows: int) -> tuple[np.ndarray, np.ndarray] | None:
        """Return what `collect` does; `None` unless the files are intact and hold all `rows`."""
        try:
            collected = self.collect()
        except (OSError, ValueError):
            return None
        return collected if collected is not None and len(collected[0]) == rows else None

    def collect(self) -> tuple[np.ndarray, np.ndarray] | None:
        """Return labels `[N]` or `[N, C]` and logits `[N, C]` of all workers, or `None`.

        Raises:
            OSError: A file cannot be read.
            ValueError: A file is damaged, or the files do not fit together.
        """
        steps, workers, labels, logits = [], [], [], []
        for path, _, worker in self._files():
            arrays = _read(path, self._units)
            steps.append(arrays["steps"])
            workers.append(np.full(len(arrays["steps"]), worker))
            labels.append(arrays["y_true"])
            logits.append(arrays["logits"])
        if not steps:
            return None
        order = np.lexsort((np.concatenate(workers), np.concatenate(steps)))
        return np.concatenate(labels)[order], np.concatenate(logits)[order]

    def _files(self) -> Iterator[tuple[pathlib.Path, int, int]]:
        """Yield each file with its first step and its worker; other names are not ours."""
        for path in sorted(self._directory.glob("*.npz")):
            if match := _NAME.fullmatch(path.name):
                yield path, int(match[1]), int(match[2])

    def remove(self) -> None:
        """Remove all files."""
        if self._directory.exists():
            # Rename first: a partly removed directory would look complete.
            removed = self._directory.with_name("predictions.tmp")
            shutil.rmtree(removed, ignore_errors=True)
            os.replace(self._directory, removed)
            shutil.rmtree(removed, ignore_errors=True)


def _read(path: pathlib.Path, units: int | None) -> dict[str, np.ndarray]:
    """Return `steps` `[N]`, `y_true` `[N]` or `[N, C]`, and `logits` `[N, C]`, which fit together.

    Raises:
        OSError: The file cannot be read.
        ValueError: The file is damaged.
    """
    if not path.is_file():
        raise ValueError(f"{path} is not a file.")
    # The arrays are not compressed.
    arrays = read_arrays(path, str(path), max_bytes=path.stat().st_size)
    if set(arrays) != {"steps", "y_true", "logits"}:
        raise ValueError(f"{path} holds {sorted(arrays)}, expected logits, steps and y_true.")
    steps, y_true, logits = (arrays[name] for name in ("steps", "y_true", "logits"))
    shape = logits.shape
    is_valid = (
        len(shape) == 2
        and units in (None, shape[1])
        and steps.shape == shape[:1]
        and y_true.shape in (shape, shape[:1])
        and logits.dtype.kind == "f"
        and steps.dtype == y_true.dtype == np.int64
    )
    if not is_valid:
        found = ", ".join(f"{name} {x.dtype} {list(x.shape)}" for name, x in arrays.items())
        raise ValueError(f"{path} holds arrays that do not fit together: {found}.")
    top = 1 if y_true.ndim == 2 else max(1, logits.shape[1] - 1)
    if units is not None and (y_true.min(initial=0) < 0 or y_true.max(initial=0) > top):
        raise ValueError(f"{path} has targets that are not from 0 to {top}.")
    return arrays


def results_of(
    labels: np.ndarray, logits: np.ndarray, task: str, threshold: float
) -> dict[str, np.ndarray]:
    """Return `y_true`, `y_pred` and the `probability` of the decision `y_pred`."""
    decisions = decide(logits, task, threshold)
    probability = probabilities(logits, decisions, task)
    return {"y_true": labels, "y_pred": decisions, "probability": probability}


def decide(logits: np.ndarray, task: str, threshold: float) -> np.ndarray:
    """Return decisions `[N]`, or `[N, C]` for multilabel, computed independently of the metric."""
    if task == "multiclass":
        return np.argmax(logits, axis=-1)
    decisions = (_sigmoid(logits) > threshold).astype(np.int64)
    return decisions[:, 0] if task == "binary" else decisions


def probabilities(logits: np.ndarray, decisions: np.ndarray, task: str) -> np.ndarray:
    """Return the probability of each decision, float64, shaped like `decisions`."""
    if task == "multiclass":
        shifted = logits.astype(np.float64) - logits.max(axis=-1, keepdims=True)
        softmax = np.exp(shifted) / np.exp(shifted).sum(axis=-1, keepdims=True)
        return np.take_along_axis(softmax, decisions[:, np.newaxis], axis=-1)[:, 0]
    positive = _sigmoid(logits[:, 0] if task == "binary" else logits)
    return np.where(decisions == 1, positive, 1.0 - positive)


def _sigmoid(logits: np.ndarray) -> np.ndarray:
    return 1.0 / (1.0 + np.exp(-logits.astype(np.float64)))
