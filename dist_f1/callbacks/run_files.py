"""The files of a report: the latest one, and the text of every epoch.

RUN_DIR/report.txt  report.json  counts.npz
RUN_DIR/reports/epoch_0001.txt ...
"""

import json
import os
import pathlib
from typing import Any

from dist_f1.counts import Counts
from dist_f1.counts.atomic_write import atomic_write


def write_report(
    run_dir: str | os.PathLike[str],
    epoch: int | None,
    text: str,
    as_dict: dict[str, Any],
    counts: Counts,
) -> None:
    """Write a report and its counts, each file atomically; missing directories are created.

    The epoch is `None` for an evaluation outside of `fit`.
    """
    path = pathlib.Path(run_dir)
    (path / "reports").mkdir(parents=True, exist_ok=True)
    if epoch is not None:
        atomic_write(path / "reports" / f"epoch_{epoch:04d}.txt", text)
    atomic_write(path / "report.txt", text)
    atomic_write(path / "report.json", json.dumps(as_dict, indent=2) + "\n")
    counts.save(path / "counts.npz")
