"""The run directory: what a job leaves behind, and how it is read again."""

from __future__ import annotations

import json
import os
import pathlib
from typing import Any

import numpy as np

from dist_f1.counts import Counts


class RunDir:
    """Files of one run.

    `config.json` (as resolved), `metrics.jsonl` (a row per epoch and split), `counts.npz`,
    `report.txt`, `report.json`, `scores.json` (with intervals and the best thresholds),
    `confusion_matrix.png`, `f1_per_class.png`, `precision_recall.png`, `report.html` and
    `report.md` (all of it on a page), `checkpoints/`, and on demand `predictions.npz`.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = pathlib.Path(path)

    def create(self) -> None:
        """Makes the directory.

        Raises:
            ValueError: it holds something already, which is left as it is.
        """
        if self.path.exists() and (not self.path.is_dir() or any(self.path.iterdir())):
            raise ValueError(
                f"--run_dir={self.path} is not empty. Name another directory, or remove this one."
            )
        self.path.mkdir(parents=True, exist_ok=True)

    @property
    def checkpoints(self) -> pathlib.Path:
        """Where the checkpoints are."""
        return self.path / "checkpoints"

    @property
    def confusion_matrix(self) -> pathlib.Path:
        """Where the picture is."""
        return self.path / "confusion_matrix.png"

    @property
    def f1_per_class(self) -> pathlib.Path:
        """Where the picture is."""
        return self.path / "f1_per_class.png"

    @property
    def precision_recall(self) -> pathlib.Path:
        """Where the picture is."""
        return self.path / "precision_recall.png"

    def write_config(self, config: dict[str, Any]) -> None:
        """Writes the settings as resolved."""
        self._write("config.json", json.dumps(config, indent=2) + "\n")

    def append_metrics(self, row: dict[str, Any]) -> None:
        """Adds one row."""
        with open(self.path / "metrics.jsonl", "a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")

    def write_report(self, text: str, as_dict: dict[str, Any], counts: Counts) -> None:
        """Writes the report, readable and exact, and the counts it is derived from."""
        self._write("report.txt", text)
        self._write("report.json", json.dumps(as_dict, indent=2) + "\n")
        counts.save(self.path / "counts.npz")

    def write_scores(self, scores: dict[str, Any]) -> None:
        """Writes the scores, exact."""
        self._write("scores.json", json.dumps(scores, indent=2) + "\n")

    def write_pages(self, html: str, markdown: str) -> None:
        """Writes the page in both forms."""
        self._write("report.html", html)
        self._write("report.md", markdown)

    def write_predictions(self, predictions: dict[str, np.ndarray]) -> None:
        """Writes `y_true` and `y_pred` over all replicas."""
        np.savez(
            self.path / "predictions.npz",
            y_true=predictions["y_true"],
            y_pred=predictions["y_pred"],
        )

    def read_counts(self) -> tuple[Counts, list[str] | None]:
        """The counts, and the names of the classes.

        Raises:
            ValueError: the directory holds no finished run.
        """
        path = self.path / "counts.npz"
        if not path.exists():
            raise ValueError(f"{self.path} holds no counts.npz, so no run has ended there.")
        config = json.loads((self.path / "config.json").read_text(encoding="utf-8"))
        return Counts.load(path), config.get("class_names")

    def _write(self, name: str, text: str) -> None:
        (self.path / name).write_text(text, encoding="utf-8")
