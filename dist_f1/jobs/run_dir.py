"""The run directory: what a job leaves behind, and how it is read again."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import zipfile
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from dist_f1.counts import Counts
from dist_f1.launching.errors import UserError

LOGS = "logs"
_CONFIG = "config.json"
_METRICS = "metrics.jsonl"
_OURS = (LOGS, "checkpoints")


class RunDir:
    """Files of one run.

    `config.json` (as resolved), `metrics.jsonl` (a row per epoch and split), `counts.npz`,
    `report.txt`, `report.json`, `scores.json` (with intervals and the best thresholds),
    `confusion_matrix.png`, `f1_per_class.png`, `precision_recall.png`, `report.html` and
    `report.md` (all of it on a page), `checkpoints/`, and on demand `predictions.npz`,
    `tensorboard/` and, where several workers run, their `logs/`.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = pathlib.Path(path)

    def prepare(self, config: dict[str, Any], may_change: Sequence[str]) -> bool:
        """Makes the directory, or finds a run in it that can be continued.

        Args:
            config: the settings of this run.
            may_change: which of them may differ from those of a run that is continued.

        Returns:
            Whether there is such a run.

        Raises:
            UserError: the directory cannot be written, holds something else, or a run with other
                settings; it is left as it is.
        """
        self.refuse_foreign()
        # To learn now, and not after hours, that nothing can be written.
        with self._writing(self.path):
            self.checkpoints.mkdir(parents=True, exist_ok=True)
        self._write(".new-probe", "")
        (self.path / ".new-probe").unlink()
        if not (self.path / _CONFIG).exists():
            return False
        try:
            before = json.loads((self.path / _CONFIG).read_text(encoding="utf-8"))
        except ValueError as error:
            before = error
        if not isinstance(before, dict):
            raise UserError(
                f"{self.path / _CONFIG} does not hold the settings of a run ({before!r}). Restore "
                "it, or name another directory."
            )
        now = json.loads(json.dumps(config))
        for key, value in now.items():
            if key not in may_change and before.get(key) != value:
                raise UserError(
                    f"--run_dir={self.path} holds a run with config.{key}={before.get(key)!r}, and "
                    f"this one has {value!r}. Give it the same to continue that run, or name "
                    "another directory."
                )
        return True

    def refuse_foreign(self) -> None:
        """Looks whether the directory is empty, new, or that of a run.

        Raises:
            UserError: it holds something else.
        """
        with self._writing(self.path):
            held = [entry.name for entry in self.path.iterdir()] if self.path.is_dir() else []
        # What a run has made that was killed before it had settings is no reason to refuse it.
        held = [name for name in held if name not in _OURS and not name.startswith(".new-")]
        if held and _CONFIG not in held:
            raise UserError(
                f"--run_dir={self.path} is not empty, and holds no run. Name another directory, or "
                "remove this one."
            )

    def token(self) -> int | None:
        """The number that the chief has given to the run when it began or went on."""
        try:
            return int(json.loads((self.path / _CONFIG).read_text(encoding="utf-8"))["token"])
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def has_come_far(self) -> bool:
        """Whether there must have been checkpoints: a first evaluation is followed by one."""
        path = self.path / _METRICS
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        return text.count('"split": "validation"') > 1 or (self.path / "counts.npz").exists()

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
        self._write(_CONFIG, json.dumps(config, indent=2) + "\n")

    def append_metrics(self, row: dict[str, Any]) -> None:
        """Adds one row, which is on disk afterwards."""
        path = self.path / _METRICS
        with self._writing(path), open(path, "a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
            file.flush()
            os.fsync(file.fileno())

    def keep_metrics(self, wanted: Callable[[dict[str, Any]], bool]) -> None:
        """Keeps the rows that a continued run does not make again."""
        path = self.path / _METRICS
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        kept = []
        for line in lines:
            try:
                row = json.loads(line)
            except ValueError:
                # The last line, in the middle of which the run was killed.
                continue
            if not isinstance(row, dict) or not {"epoch", "split"} <= set(row):
                raise UserError(f"{path} has a line that is no row of a run: {line!r}. Remove it.")
            if wanted(row):
                kept.append(line + "\n")
        self._write(_METRICS, "".join(kept))

    def write_report(self, text: str, as_dict: dict[str, Any], counts: Counts) -> None:
        """Writes the report, readable and exact, and the counts it is derived from."""
        self._write("report.txt", text)
        self._write("report.json", json.dumps(as_dict, indent=2) + "\n")
        self._replace("counts.npz", counts.save)

    def write_scores(self, scores: dict[str, Any]) -> None:
        """Writes the scores, exact."""
        self._write("scores.json", json.dumps(scores, indent=2) + "\n")

    def write_pages(self, html: str, markdown: str) -> None:
        """Writes the page in both forms."""
        self._write("report.html", html)
        self._write("report.md", markdown)

    def write_predictions(self, predictions: dict[str, np.ndarray]) -> None:
        """Writes `y_true` and `y_pred` over all replicas."""
        y_true, y_pred = predictions["y_true"], predictions["y_pred"]
        self._replace("predictions.npz", lambda path: np.savez(path, y_true=y_true, y_pred=y_pred))

    def has_predictions(self, rows: int) -> bool:
        """Whether they are there, all `rows` of them."""
        try:
            with np.load(self.path / "predictions.npz") as file:
                return len(file["y_true"]) == len(file["y_pred"]) == rows
        except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile):
            return False

    def read_counts(self) -> tuple[Counts, list[str] | None]:
        """The counts, and the names of the classes.

        Raises:
            ValueError: the directory holds no finished run.
        """
        path = self.path / "counts.npz"
        if not path.exists():
            raise ValueError(f"{self.path} holds no counts.npz, so no run has ended there.")
        config = json.loads((self.path / _CONFIG).read_text(encoding="utf-8"))
        return Counts.load(path), config.get("class_names")

    def _write(self, name: str, text: str) -> None:
        self._replace(name, lambda path: path.write_text(text, encoding="utf-8"))

    def _replace(self, name: str, write: Callable[[pathlib.Path], object]) -> None:
        """Writes a file whole or not at all, under a name with the same ending."""
        new = self.path / f".new-{name}"
        with self._writing(self.path / name):
            write(new)
            os.replace(new, self.path / name)

    @contextlib.contextmanager
    def _writing(self, path: pathlib.Path) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise UserError(
                f"{path} cannot be written: {error}. Make room, or mend --run_dir, and start "
                "again; the checkpoints are as they were."
            ) from error
