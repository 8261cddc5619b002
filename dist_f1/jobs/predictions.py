"""Predictions of an evaluation, stored on disk between two checkpoints."""

import io
import os
import pathlib
import shutil
import zipfile

import numpy as np

from dist_f1.counts.atomic_write import atomic_write, explained


class Predictions:
    """Files with the labels and logits of one worker from one checkpoint to the next.

    After a restart, those of later steps are computed again. `collect` returns rows in data order.
    """

    def __init__(self, directory: pathlib.Path, worker: int) -> None:
        self._directory, self._worker = directory, worker
        self._steps: list[int] = []
        self._labels: list[np.ndarray] = []
        self._logits: list[np.ndarray] = []

    def remove_from(self, step: int) -> None:
        """Remove the files of this step and of later ones, of all workers.

        Call it on one worker, before the workers run the step.
        """
        for path in self._directory.glob("*.npz"):
            if int(path.name.split("-")[0]) >= step:
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
        try:
            collected = self.collect()
        except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile):
            return False
        return (0 if collected is None else len(collected[0])) == rows

    def collect(self) -> tuple[np.ndarray, np.ndarray] | None:
        """Return labels `[N]` or `[N, C]` and logits `[N, C]` of all workers, or `None`."""
        steps, workers, labels, logits = [], [], [], []
        for path in sorted(self._directory.glob("*.npz")):
            with np.load(path) as file:
                steps.append(file["steps"])
                workers.append(np.full(len(file["steps"]), int(path.stem.split("-")[1])))
                labels.append(file["y_true"])
                logits.append(file["logits"])
        if not steps:
            return None
        order = np.lexsort((np.concatenate(workers), np.concatenate(steps)))
        return np.concatenate(labels)[order], np.concatenate(logits)[order]

    def remove(self) -> None:
        """Remove all files."""
        if self._directory.exists():
            # Rename first: a partly removed directory would look complete.
            removed = self._directory.with_name("predictions.tmp")
            shutil.rmtree(removed, ignore_errors=True)
            os.replace(self._directory, removed)
            shutil.rmtree(removed, ignore_errors=True)


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
