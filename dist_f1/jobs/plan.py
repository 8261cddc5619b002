"""What a job is going to do, for `--dry_run`."""

from __future__ import annotations

import json
from collections.abc import Sequence

import ml_collections

from dist_f1.jobs.data import Data, Share


def describe(
    config: ml_collections.ConfigDict,
    data: Data,
    devices: Sequence[str],
    replicas: int,
    run_dir: str,
) -> str:
    """The settings as resolved, the devices, and the steps of the job.

    Args:
        config: complete.
        data: of the job.
        devices: a line for each process.
        replicas: over all processes.
        run_dir: where the results would go.
    """
    settings = json.dumps(config.to_dict(), indent=2)
    each = Share(replicas=replicas).per_replica(config.batch_size)
    lines = [settings, "", *devices, ""]
    lines.append(f"{replicas} replica(s); a step has {config.batch_size} rows, at most {each} each")
    for name, source, passes in (
        ("train", data.train, config.epochs),
        ("validation", data.validation, config.epochs),
    ):
        if source.rows is None:
            lines.append(f"{name}: {passes} passes over rows whose number is not known beforehand")
        else:
            lines.append(f"{name}: {source.rows} rows in {source.batches} steps, {passes} times")
    lines.append(f"{data.task}, {len(data.class_names)} classes; rows are {data.input_shape}")
    lines.append(
        f"a checkpoint every {config.checkpoint_every} steps and after each epoch; results in "
        f"{run_dir}"
    )
    lines.append("This was a dry run: nothing was trained or written.")
    return "\n".join(lines)
