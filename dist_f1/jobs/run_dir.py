"""The run directory: the files that a job writes and reads."""

import contextlib
import io
import json
import os
import pathlib
import reprlib
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from dist_f1.counts import Counts
from dist_f1.counts.atomic_write import append_line, atomic_write, explained
from dist_f1.counts.json_lines import read_lines
from dist_f1.counts.json_objects import read_object
from dist_f1.jobs.result_files import (
    print_warning,
    read_names_of_report,
    read_optional,
    read_predictions,
    read_settings,
)
from dist_f1.jobs.settings import RENAMED
from dist_f1.launching.errors import UserError
from dist_f1.sweeps import Sweep

LOGS = "logs"
LOCK = "run.lock"
HOLDER = "run.lock.json"
_CONFIG = "config.json"
_METRICS = "metrics.jsonl"
_COUNTS = "counts.npz"
_REPORT = "report.json"
_SWEEP = "sweep.npz"
_PREDICTIONS = "predictions.npz"
# How long the settings may be unreadable, e.g. while an editor saves them.
_READ_SECONDS = 1.0


class RunDir:
    """The files of one run.

    - `config.json`: resolved settings, with versions;
    - `metrics.jsonl`: one record for each epoch and split;
    - `counts.npz`, and `sweep.npz` with the counts at each threshold;
    - `report.txt`, `report.json`, and `scores.json` with intervals and the best thresholds;
    - `confusion_matrix.png`, `f1_per_class.png` and `precision_recall.png`;
    - `report.html` and `report.md`: all results on one page;
    - `checkpoints/`, and `logs/` of several workers;
    - if requested, `predictions.npz` and `tensorboard/`;
    - `run.lock`, see `RunLock`.

    Every method that writes raises `UserError` if the file cannot be written. The file then has its
    former content.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = pathlib.Path(path)
        self.checkpoints = self.path / "checkpoints"
        self.confusion_matrix = self.path / "confusion_matrix.png"
        self.f1_per_class = self.path / "f1_per_class.png"
        self.precision_recall = self.path / "precision_recall.png"
        self._claimed: int | None = None

    def prepare(self, config: dict[str, Any], may_change: Sequence[str]) -> bool:
        """Make the directory, or check that its run can be resumed; return whether it holds one.

        Settings in `may_change` may differ from those of the run in the directory.

        Raises:
            UserError: The directory cannot be written, or holds other files or a run with other
                settings. It is not changed.
        """
        self.check_is_run_dir()
        # Detect a read-only directory now, not after hours of training.
        with self.writing(self.path):
            self.checkpoints.mkdir(parents=True, exist_ok=True)
        self._write("probe.tmp", "")
        # Also removes what a killed write has left. `Predictions` and `CheckpointManager` do this
        # for their directories.
        with self.writing(self.path):
            for path in self.path.glob("*.tmp"):
                if path.is_file():
                    path.unlink()
        if not (self.path / _CONFIG).exists():
            return False
        try:
            before = read_object(self.path / _CONFIG)
        except (OSError, ValueError) as error:
            raise UserError(
                f"{self.path / _CONFIG} does not hold the settings of a run ({error}). Restore "
                "it, or use another --run_dir."
            ) from error
        before = {RENAMED.get(key, key): value for key, value in before.items()}
        now = json.loads(json.dumps(config))
        for key, value in now.items():
            if key not in may_change and before.get(key) != value:
                raise UserError(
                    f"--run_dir={self.path} holds a run with config.{key}="
                    f"{reprlib.repr(before.get(key))}, but "
                    f"this run has {value!r}. Pass the same value to resume that run, or use "
                    "another --run_dir."
                )
        return True

    def check_is_run_dir(self) -> None:
        """Check that the directory is new, empty or that of a run.

        Raises:
            UserError: The directory holds other files.
        """
        with self.writing(self.path):
            names = [entry.name for entry in self.path.iterdir()] if self.path.is_dir() else []
        # A run that was killed early leaves these files, but no settings.
        foreign = {name for name in names if not name.endswith(".tmp")}
        foreign -= {LOGS, self.checkpoints.name, LOCK, HOLDER}
        if foreign and _CONFIG not in foreign:
            raise UserError(
                f"--run_dir={self.path} is not empty and holds no run. Use another directory, or "
                "remove this one."
            )

    def token(self) -> int | None:
        """Return the number that the chief chose when it started or resumed the run."""
        try:
            token = read_object(self.path / _CONFIG).get("token")
        except (OSError, ValueError):
            return None
        # `True` is an integer in Python.
        return token if type(token) is int else None

    def claim(self, token: int) -> None:
        """Check before each write from now on that the directory still holds the run `token`."""
        self._claimed = token

    def check_claim(self) -> None:
        """Check that the directory has not been removed, moved or replaced since `claim`.

        Raises:
            UserError: The directory does not hold the run any more.
        """
        deadline = time.monotonic() + _READ_SECONDS
        while self._claimed is not None and self.token() != self._claimed:
            if (self.path / _CONFIG).exists() and time.monotonic() < deadline:
                time.sleep(0.05)
                continue
            raise UserError(
                f"--run_dir={self.path} was removed, moved or replaced while the job was running. "
                "Restore the directory, and run the same command again to resume; or use another "
                "--run_dir."
            )

    @contextlib.contextmanager
    def writing(self, path: pathlib.Path) -> Iterator[None]:
        """Turn an `OSError` of the block, which writes to `path`, into a `UserError`.

        Raises:
            UserError: The path cannot be written, or the directory does not hold the run any more.
        """
        self.check_claim()
        try:
            with explained(path):
                yield
        except OSError as error:
            # The directory may have been removed during the write.
            self.check_claim()
            raise UserError(
                f"{error.strerror} Then run the same command again; the checkpoints are unchanged."
            ) from error

    def had_checkpoints(self) -> bool:
        """Whether the run must have written checkpoints, as it does after the first evaluation."""
        path = self.path / _METRICS
        text = path.read_bytes() if path.is_file() else b""
        return text.count(b'"split": "validation"') > 1 or (self.path / _COUNTS).exists()

    def write_config(self, config: dict[str, Any]) -> None:
        """Write the resolved settings."""
        self._write_json(_CONFIG, config)

    def append_metrics(self, row: dict[str, Any]) -> None:
        """Append one row to `metrics.jsonl` and flush it to disk."""
        with self.writing(self.path / _METRICS):
            append_line(self.path / _METRICS, json.dumps(row))

    def filter_metrics(self, is_kept: Callable[[dict[str, Any]], bool]) -> None:
        """Remove the rows of `metrics.jsonl` that a resumed run writes again.

        Raises:
            UserError: A line is damaged, other than the last one of a killed run. The file is
                unchanged.
        """
        path = self.path / _METRICS
        try:
            lines = list(read_lines(path))
        except (OSError, ValueError) as error:
            raise UserError(str(error)) from error
        for line, row in lines:
            if row["epoch"] < 1 or row["split"] not in ("train", "validation"):
                raise UserError(f"{path} has an invalid line: {line[:80]!r}. Remove the line.")
        kept = [line for line, row in lines if is_kept(row)]
        self._write(_METRICS, b"".join(kept))

    def write_report(self, text: str, as_dict: dict[str, Any], counts: Counts) -> None:
        """Write the report as text and as JSON, and its counts."""
        self._write("report.txt", text)
        self._write_json(_REPORT, as_dict)
        with self.writing(self.path / _COUNTS):
            counts.save(self.path / _COUNTS)

    def write_scores(self, scores: dict[str, Any]) -> None:
        """Write the scores with full precision."""
        self._write_json("scores.json", scores)

    def write_sweep(self, sweep: Sweep) -> None:
        """Write the counts at each threshold."""
        with self.writing(self.path / _SWEEP):
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
            predictions = read_predictions(self.path / _PREDICTIONS)
        except (OSError, ValueError):
            return False
        return "y_true" in predictions and len(predictions["y_true"]) == rows

    def read_counts(
        self, warn: Callable[[str], None] = print_warning
    ) -> tuple[Counts, list[str] | None]:
        """Return the counts and the class names, if they are known.

        Args:
            warn: Function that gets a warning for each damaged file with class names.

        Raises:
            ValueError: The directory holds no finished run, or the counts are damaged.
        """
        path = self.path / _COUNTS
        if not path.exists():
            raise ValueError(
                f"{self.path} holds no {_COUNTS}. Pass the directory of a run that has finished."
            )
        counts = Counts.load(path)
        classes = counts.to_two_class().num_classes
        settings: dict[str, Any] = read_optional(
            lambda: read_settings(self.path / _CONFIG), {}, warn
        )
        names = settings.get("class_names")
        if names and len(names) != classes:
            warn(
                f"{self.path / _CONFIG} has {len(names)} class names, but {path} has {classes} "
                "classes. Pass --class_names."
            )
            names = None
        if not names:
            # A `ScoreReport` callback writes no settings, but the names are in its report.
            rows: list[str] = read_optional(
                lambda: read_names_of_report(self.path / _REPORT), [], warn
            )
            names = rows if len(rows) == classes else None
        return counts, names

    def _write_json(self, name: str, value: dict[str, Any]) -> None:
        self._write(name, json.dumps(value, indent=2) + "\n")

    def _write(self, name: str, data: str | bytes) -> None:
        with self.writing(self.path / name):
            atomic_write(self.path / name, data)
