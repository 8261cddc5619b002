"""Labels and decisions of an evaluation, as they are made, on disk between two checkpoints."""

from __future__ import annotations

import os
import pathlib
import shutil
import zipfile

import numpy as np


class Predictions:
    """Files, each with what one worker has predicted in the steps from one checkpoint to the next.

    After a restart, those of later steps are made again. Rows come out in the order of the data.

    Args:
        directory: of the files; all workers share it.
        worker: the number of this one.
    """

    def __init__(self, directory: pathlib.Path, worker: int) -> None:
        self._directory, self._worker = directory, worker
        self._steps: list[int] = []
        self._labels: list[np.ndarray] = []
        self._logits: list[np.ndarray] = []

    def begin(self, step: int) -> None:
        """Removes the files of this step and all later ones, of all workers.

        One of the workers does it, before they make the first step together.
        """
        for path in self._directory.glob("*.npz"):
            if int(path.name.split("-")[0]) >= step:
                path.unlink()

    def add(self, step: int, labels: np.ndarray, logits: np.ndarray) -> None:
        """Adds the rows of a step."""
        self._steps.append(step)
        self._labels.append(labels)
        self._logits.append(logits)

    def flush(self) -> None:
        """Writes what was added since the last time; needed before a checkpoint."""
        if not self._steps:
            return
        self._directory.mkdir(parents=True, exist_ok=True)
        path = self._directory / f"{self._steps[0]:08d}-{self._worker:05d}.npz"
        rows = [len(labels) for labels in self._labels]
        part = path.with_suffix(".part")
        with open(part, "wb") as file:
            np.savez(
                file,
                steps=np.repeat(self._steps, rows),
                y_true=np.concatenate(self._labels),
                logits=np.concatenate(self._logits),
            )
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
        self._steps, self._labels, self._logits = [], [], []

    def holds(self, rows: int) -> bool:
        """Whether the files can be read and have so many rows."""
        try:
            collected = self.collect()
        except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile):
            return False
        return (0 if collected is None else len(collected[0])) == rows

    def collect(self) -> tuple[np.ndarray, np.ndarray] | None:
        """Labels and logits of all workers; `None` if there are no files."""
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
        """Removes all files, once they have been collected."""
        if self._directory.exists():
            # Half of them must not be taken for all.
            gone = self._directory.with_name(".new-predictions")
            shutil.rmtree(gone, ignore_errors=True)
            os.replace(self._directory, gone)
            shutil.rmtree(gone, ignore_errors=True)


def decide(logits: np.ndarray, task: str, threshold: float) -> np.ndarray:
    """The decisions as NumPy makes them, beside and independent of those of the metric."""
    if task == "multiclass":
        return np.argmax(logits, axis=-1)
    probabilities = 1.0 / (1.0 + np.exp(-logits.astype(np.float64)))
    chosen = (probabilities > threshold).astype(np.int64)
    return chosen[:, 0] if task == "binary" else chosen
