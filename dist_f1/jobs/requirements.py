"""The requirements of each strategy. Checking them does not need TensorFlow."""

import glob
import os
from importlib import util

from dist_f1.launching import external_cluster
from dist_f1.launching.cluster import Task
from dist_f1.launching.errors import UserError


class StrategyUnavailableError(UserError):
    """A requirement of the requested strategy is missing in this process."""


def check(name: str, task: Task | None) -> None:
    """Check the requirements of `config.strategy` for this task of a cluster, if any.

    Raises:
        StrategyUnavailableError: A requirement is missing; the message names it.
    """
    jobs = external_cluster.jobs()
    if name in ("none", "one_device", "mirrored") and task is not None:
        raise StrategyUnavailableError(
            f"config.strategy={name} is for a single process, but this one is {task.name} of a "
            "cluster, and each worker would train on its own. Use auto or multi_worker; or omit "
            "--workers and unset TF_CONFIG."
        )
    if name == "multi_worker" and task is None:
        raise StrategyUnavailableError(
            "config.strategy=multi_worker needs a cluster of several workers. Start them with "
            "--workers=N, with srun in Slurm, or with TF_CONFIG in the environment of each."
        )
    if name == "multi_worker" and "ps" in jobs:
        raise StrategyUnavailableError(
            "config.strategy=multi_worker needs a cluster of workers only, but this one has "
            "servers (ps). Use auto or parameter_server, or remove the servers from TF_CONFIG."
        )
    if name == "parameter_server" and not {"worker", "ps"} <= jobs:
        raise StrategyUnavailableError(
            "config.strategy=parameter_server needs a cluster with a chief, workers and servers "
            "(ps). Start it with --workers=N, or with TF_CONFIG in the environment of each task."
        )
    if name == "tpu" and not _has_tpu():
        raise StrategyUnavailableError(
            "config.strategy=tpu needs a TPU. Run on a host with TPU chips and libtpu "
            "(pip install 'tensorflow-tpu'), or set TPU_NAME to the address of a TPU."
        )


def is_server() -> bool:
    """Whether this process only serves the chief of a parameter server cluster."""
    task = external_cluster.resolve_task()
    return task is not None and "ps" in external_cluster.jobs() and task.type in ("worker", "ps")


def _has_tpu() -> bool:
    # TensorFlow would wait for a metadata server that exists only in Google Cloud.
    chips = glob.glob("/dev/accel*") or glob.glob("/dev/vfio/[0-9]*")
    return bool(os.environ.get("TPU_NAME") or (chips and util.find_spec("libtpu")))
