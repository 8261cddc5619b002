"""The files of a report: the latest under fixed names, and the text of every epoch.

RUN_DIR/report.txt  report.json  counts.npz
RUN_DIR/reports/epoch_0001.txt ...
"""

from __future__ import annotations

import json
import os
import pathlib
from typing import Any

from dist_f1.counts import Counts


def write(
    run_dir: str | os.PathLike[str],
    epoch: int | None,
    text: str,
    as_dict: dict[str, Any],
    counts: Counts,
) -> None:
    """Writes a report and the counts it is derived from; directories are made.

    Args:
        run_dir: the directory.
        epoch: counted from 1, or `None` for an evaluation outside of `fit`.
        text: with its title.
        as_dict: the same, unrounded.
        counts: over all replicas.
    """
    path = pathlib.Path(run_dir)
    reports = path / "reports"
    reports.mkdir(parents=True, exist_ok=True)
    if epoch is not None:
        (reports / f"epoch_{epoch:04d}.txt").write_text(text, encoding="utf-8")
    (path / "report.txt").write_text(text, encoding="utf-8")
    (path / "report.json").write_text(json.dumps(as_dict, indent=2) + "\n", encoding="utf-8")
    counts.save(path / "counts.npz")
