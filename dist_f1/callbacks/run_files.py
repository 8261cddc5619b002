"""The files of a report: the latest or best one, the text of every epoch, and the page.

RUN_DIR/report.txt  report.json  counts.npz  sweep.npz  metrics.jsonl  report.html
RUN_DIR/reports/epoch_0001.txt ...
"""

import contextlib
import datetime
import importlib.util
import json
import math
import os
import pathlib
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

from dist_f1 import pages
from dist_f1.callbacks import versions
from dist_f1.callbacks.splits import by_split
from dist_f1.counts import Counts
from dist_f1.counts.atomic_write import atomic_write, explained
from dist_f1.counts.json_lines import read_records
from dist_f1.pages.results import Evaluation, report_sections
from dist_f1.pages.results.evaluation import format_date
from dist_f1.sweeps import Sweep

Record = dict[str, Any]


def write_epoch(run_dir: str | os.PathLike[str], epoch: int, text: str) -> None:
    """Write the text of an epoch's report atomically; make missing directories."""
    reports = pathlib.Path(run_dir) / "reports"
    with explained(reports):
        reports.mkdir(parents=True, exist_ok=True)
    atomic_write(reports / f"epoch_{epoch:04d}.txt", text)


def write_report(
    run_dir: str | os.PathLike[str],
    text: str,
    as_dict: dict[str, Any],
    counts: Counts,
    sweep: Sweep | None = None,
) -> None:
    """Write a report, its counts and its sweep, each file atomically; make a missing directory."""
    path = pathlib.Path(run_dir)
    with explained(path):
        path.mkdir(parents=True, exist_ok=True)
    atomic_write(path / "report.txt", text)
    atomic_write(path / "report.json", json.dumps(as_dict, indent=2) + "\n")
    counts.save(path / "counts.npz")
    if sweep is not None:
        sweep.save(path / "sweep.npz")
    else:
        # A sweep of earlier counts would contradict the new ones.
        with explained(path / "sweep.npz"):
            (path / "sweep.npz").unlink(missing_ok=True)


def records_of_logs(epoch: int, logs: Mapping[str, Any]) -> list[Record]:
    """Return the records of an epoch, one for each split, from the logs of Keras.

    Example:
        >>> for record in records_of_logs(1, {"loss": 0.5, "val_loss": 0.75}):
        ...     print(record)
        {'epoch': 1, 'split': 'train', 'loss': 0.5}
        {'epoch': 1, 'split': 'validation', 'loss': 0.75}
    """
    groups = by_split(logs, ["val_"])
    numbers = {split: _finite_numbers(groups.get(split, {})) for split in ("train", "validation")}
    return [
        {"epoch": epoch, "split": split, **values} for split, values in numbers.items() if values
    ]


def _finite_numbers(logs: Mapping[str, Any]) -> Record:
    numbers = {}
    for key, value in logs.items():
        with contextlib.suppress(TypeError, ValueError):
            if math.isfinite(number := float(value)):
                numbers[key] = number
    return numbers


def write_history(run_dir: str | os.PathLike[str], records: Sequence[Record]) -> list[Record]:
    """Write the records of epochs after those of earlier epochs in the file, and return all."""
    path = pathlib.Path(run_dir) / "metrics.jsonl"
    first = min((record["epoch"] for record in records), default=math.inf)
    earlier = [record for record in read_records(path, _warn) if record["epoch"] < first]
    history = [*earlier, *records]
    atomic_write(path, "".join(json.dumps(record) + "\n" for record in history))
    return history


def _warn(error: ValueError) -> None:
    # Training should not end because of an earlier epoch.
    warnings.warn(f"{error} The line is left out.", stacklevel=2)


def write_page(run_dir: str | os.PathLike[str], evaluation: Evaluation) -> None:
    """Write `report.html`, if jinja2 is installed."""
    if importlib.util.find_spec("jinja2") is None:
        return
    date = format_date(datetime.datetime.now())
    evaluation = evaluation._replace(date=date, versions=versions.installed())
    page = pages.html(evaluation.title, report_sections(evaluation), date)
    atomic_write(pathlib.Path(run_dir) / "report.html", page)
