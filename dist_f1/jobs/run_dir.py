"""The run directory: the files that a job writes and reads."""

import contextlib
import io
import json
import os
import pathlib
import zipfile
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from dist_f1.counts import Counts
from dist_f1.counts.atomic_write import atomic_write
from dist_f1.jobs.settings import RENAMED
from dist_f1.launching.errors import UserError
from dist_f1.reports import AVERAGES
from dist_f1.sweeps import Sweep

LOGS = "logs"
_CONFIG = "config.json"
_METRICS = "metrics.jsonl"
_COUNTS = "counts.npz"
_REPORT = "report.json"
_SWEEP = "sweep.npz"
_PREDICTIONS = "predictions.npz"


class RunDir:
    """The files of one run.

    - `config.json`: resolved settings, with versions;
    - `metrics.jsonl`: one record for each epoch and split;
    - `counts.npz`, and `sweep.npz` with the counts at each threshold;
    - `report.txt`, `report.json`, and `scores.json` with intervals and the best thresholds;
    - `confusion_matrix.png`, `f1_per_class.png` and `precision_recall.png`;
    - `report.html` and `report.md`: all results on one page;
    - `checkpoints/`, and `logs/` of several workers;
    - if requested, `predictions.npz` and `tensorboard/`.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = pathlib.Path(path)
        self.checkpoints = self.path / "checkpoints"
        self.confusion_matrix = self.path / "confusion_matrix.png"
        self.f1_per_class = self.path / "f1_per_class.png"
        self.precision_recall = self.path / "precision_recall.png"

    def prepare(self, config: dict[str, Any], may_change: Sequence[str]) -> bool:
        """Make the directory, or check that its run can be resumed; return whether it holds one.

        Settings in `may_change` may differ from those of the run in the directory.

        Raises:
            UserError: The directory cannot be written, or holds other files or a run with other
                settings. It is not changed.
        """
        self.check_is_run_dir()
        # Detect a read-only directory now, not after hours of training.
        with self._explain_errors(self.path):
            self.checkpoints.mkdir(parents=True, exist_ok=True)
        self._write("probe.tmp", "")
        (self.path / "probe.tmp").unlink()
        if not (self.path / _CONFIG).exists():
            return False
        try:
            before = json.loads((self.path / _CONFIG).read_text(encoding="utf-8"))
        except ValueError as error:
            before = error
        if not isinstance(before, dict):
            raise UserError(
                f"{self.path / _CONFIG} does not hold the settings of a run ({before!r}). Restore "
                "it, or use another --run_dir."
            )
        before = {RENAMED.get(key, key): value for key, value in before.items()}
        now = json.loads(json.dumps(config))
        for key, value in now.items():
            if key not in may_change and before.get(key) != value:
                raise UserError(
                    f"--run_dir={self.path} holds a run with config.{key}={before.get(key)!r}, but "
                    f"this run has {value!r}. Pass the same value to resume that run, or use "
                    "another --run_dir."
                )
        return True

    def check_is_run_dir(self) -> None:
        """Check that the directory is new, empty or that of a run.

        Raises:
            UserError: The directory holds other files.
        """
        with self._explain_errors(self.path):
            names = [entry.name for entry in self.path.iterdir()] if self.path.is_dir() else []
        # A run that was killed early leaves these files, but no settings.
        foreign = {name for name in names if not name.endswith(".tmp")}
        foreign -= {LOGS, self.checkpoints.name}
        if foreign and _CONFIG not in foreign:
            raise UserError(
                f"--run_dir={self.path} is not empty and holds no run. Use another directory, or "
                "remove this one."
            )

    def token(self) -> int | None:
        """Return the number that the chief chose when it started or resumed the run."""
        try:
            return int(json.loads((self.path / _CONFIG).read_text(encoding="utf-8"))["token"])
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def had_checkpoints(self) -> bool:
        """Whether the run must have written checkpoints, as it does after the first evaluation."""
        path = self.path / _METRICS
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        return text.count('"split": "validation"') > 1 or (self.path / _COUNTS).exists()

    def write_config(self, config: dict[str, Any]) -> None:
        """Write the resolved settings."""
        self._write_json(_CONFIG, config)

    def append_metrics(self, row: dict[str, Any]) -> None:
        """Append one row to `metrics.jsonl` and flush it to disk."""
        path = self.path / _METRICS
        with self._explain_errors(path), open(path, "a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
            file.flush()
            os.fsync(file.fileno())

    def filter_metrics(self, is_kept: Callable[[dict[str, Any]], bool]) -> None:
        """Remove the rows of `metrics.jsonl` that a resumed run writes again."""
        path = self.path / _METRICS
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        kept = []
        for line in lines:
            try:
                row = json.loads(line)
            except ValueError:
                # The run was killed while it wrote the last line.
                continue
            if not isinstance(row, dict) or not {"epoch", "split"} <= set(row):
                raise UserError(f"{path} has an invalid line: {line!r}. Remove it.")
            if is_kept(row):
                kept.append(line + "\n")
        self._write(_METRICS, "".join(kept))

    def write_report(self, text: str, as_dict: dict[str, Any], counts: Counts) -> None:
        """Write the report as text and as JSON, and its counts."""
        self._write("report.txt", text)
        self._write_json(_REPORT, as_dict)
        with self._explain_errors(self.path / _COUNTS):
            counts.save(self.path / _COUNTS)

    def write_scores(self, scores: dict[str, Any]) -> None:
        """Write the scores with full precision."""
        self._write_json("scores.json", scores)

    def write_sweep(self, sweep: Sweep) -> None:
        """Write the counts at each threshold."""
        with self._explain_errors(self.path / _SWEEP):
            sweep.save(self.path / _SWEEP)

    def write_pages(self, html: str, markdown: str) -> None:
        """Write the page as HTML and as Markdown."""
        self._write("report.html", html)
        self._write("report.md", markdown)

    def write_predictions(self, predictions: dict[str, np.ndarray]) -> None:
        """Write `y_true`, `y_pred` and `probability` of all replicas."""
        file = io.BytesIO()
        np.savez(file, **predictions)  # type: ignore[arg-type]
        self._write(_PREDICTIONS, file.getvalue())

    def has_predictions(self, rows: int) -> bool:
        """Whether the predictions of all `rows` exist."""
        try:
            with np.load(self.path / _PREDICTIONS) as file:
                return len(file["y_true"]) == len(file["y_pred"]) == rows
        except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile):
            return False

    def read_counts(self) -> tuple[Counts, list[str] | None]:
        """Return the counts and the class names.

        Raises:
            ValueError: The directory holds no finished run.
        """
        path = self.path / _COUNTS
        if not path.exists():
            raise ValueError(
                f"{self.path} holds no {_COUNTS}. Pass the directory of a run that has finished."
            )
        counts = Counts.load(path)
        # A `ScoreReport` callback writes no settings, but the names are in its report.
        names = self.read_json(_CONFIG).get("class_names")
        return counts, names or _names_in_report(self.read_json(_REPORT), counts)

    def read_json(self, name: str) -> dict[str, Any]:
        """Return the object in a JSON file, `{}` without the file.

        Raises:
            ValueError: The file holds no JSON object.
        """
        path = self.path / name
        value = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        if not isinstance(value, dict):
            raise ValueError(f"{path} does not hold a JSON object. Restore it.")
        return value

    def _write_json(self, name: str, value: dict[str, Any]) -> None:
        self._write(name, json.dumps(value, indent=2) + "\n")

    def _write(self, name: str, data: str | bytes) -> None:
        with self._explain_errors(self.path / name):
            atomic_write(self.path / name, data)

    @contextlib.contextmanager
    def _explain_errors(self, path: pathlib.Path) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise UserError(
                f"{path} cannot be written: {error}. Free disk space or fix --run_dir, and start "
                "again; the checkpoints are unchanged."
            ) from error


def _names_in_report(report: dict[str, Any], counts: Counts) -> list[str] | None:
    """Return the class names of a report that has a row for each class."""
    names = [name for name in report if name not in AVERAGES]
    return names if len(names) == counts.to_two_class().num_classes else None
