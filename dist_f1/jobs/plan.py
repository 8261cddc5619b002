"""The plan of a job, for `--dry_run`."""

import json
from collections.abc import Sequence

import ml_collections

from dist_f1.counts.visible_text import visible_text
from dist_f1.jobs.data import Data, Shard


def describe(
    config: ml_collections.ConfigDict,
    data: Data,
    devices: Sequence[str],
    replicas: int,
    run_dir: str,
) -> str:
    """Return the resolved settings, the devices and the steps of a job as text.

    `devices` has one line for each process.
    """
    settings = json.dumps(config.to_dict(), indent=2)
    each = Shard(replicas=replicas).per_replica(config.batch_size)
    lines = [settings, "", *devices, ""]
    lines.append(f"{replicas} replica(s); a step has {config.batch_size} rows, at most {each} each")
    for name, source in (("train", data.train), ("validation", data.validation)):
        if source.rows is None:
            lines.append(f"{name}: unknown number of rows, {config.epochs} times")
        else:
            lines.append(
                f"{name}: {source.rows} rows in {source.batches} steps, {config.epochs} times"
            )
    lines.append(
        f"{data.task} with {len(data.class_names)} classes; rows have shape {data.input_shape}"
    )
    lines.append(
        f"a checkpoint every {config.checkpoint_every} steps and after each epoch; results in "
        f"{run_dir}"
    )
    lines.append("This was a dry run: nothing was trained or written.")
    return visible_text("\n".join(lines))
