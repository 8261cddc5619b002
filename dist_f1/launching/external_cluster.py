"""A cluster that the environment describes already: `TF_CONFIG`, or a step of Slurm."""

from __future__ import annotations

import json
import os

import tensorflow as tf

from dist_f1.launching.cluster import Task, without_proxy
from dist_f1.launching.errors import UserError

# Two jobs on one node, and two steps of a job, should not have the same ports: each has one of 199
# blocks of 64. All are below 32768, from where on Linux gives ports to outgoing connections.
_FIRST_PORT, _BLOCKS, _TASKS_AT_MOST = 20000, 199, 64


def adopt() -> Task | None:
    """The place of this process in a cluster of several tasks, or `None` if it is in none.

    `TF_CONFIG`, which Kubernetes operators and other schedulers set, is taken as it is. In a step
    of Slurm (`srun`) with several tasks, `SlurmClusterResolver` tells the place, which is then put
    into `TF_CONFIG`, so that programs need not know of Slurm. Which GPUs a task sees is left to
    Slurm. The tasks are excepted from a proxy.

    Raises:
        UserError: what the environment says makes no cluster.
    """
    if not os.environ.get("TF_CONFIG") and int(os.environ.get("SLURM_STEP_NUM_TASKS") or 1) > 1:
        os.environ["TF_CONFIG"] = json.dumps(_of_slurm())
    if not os.environ.get("TF_CONFIG"):
        return None
    try:
        if not isinstance(json.loads(os.environ["TF_CONFIG"]), dict):
            raise ValueError("it is no object")
        resolver = tf.distribute.cluster_resolver.TFConfigClusterResolver()
        spec = resolver.cluster_spec()
        number = sum(spec.num_tasks(job) for job in spec.jobs)
        if number < 2:
            return None
        task = Task(str(resolver.task_type), int(resolver.task_id))
        if task.type != "evaluator":
            spec.task_address(task.type, task.index)
        for job in spec.jobs:
            for address in filter(None, spec.job_tasks(job)):
                if not address.rpartition(":")[2].isdigit():
                    raise ValueError(f"{address} has no port")
    except (ValueError, TypeError, AttributeError) as error:
        raise UserError(
            f"TF_CONFIG in the environment makes no cluster ({error}): "
            f"{os.environ['TF_CONFIG']}. It is JSON with the addresses of all tasks, "
            '"cluster": {"worker": ["host:port", ...]}, and the place of this process among them, '
            '"task": {"type": "worker", "index": 0}.'
        ) from error
    addresses = [address for job in spec.jobs for address in spec.job_tasks(job) if address]
    os.environ.update(without_proxy(map(_host, addresses)))
    return task


def _of_slurm() -> dict[str, object]:
    try:
        job = int(os.environ.get("SLURM_JOB_ID") or 0)
        step = int(os.environ.get("SLURM_STEP_ID") or 0)
        resolver = tf.distribute.cluster_resolver.SlurmClusterResolver(
            port_base=_FIRST_PORT + (7 * job + step) % _BLOCKS * _TASKS_AT_MOST,
            # It would set CUDA_VISIBLE_DEVICES, as Slurm does too, and fails without any GPU.
            gpus_per_node=_TASKS_AT_MOST,
            gpus_per_task=1,
            auto_set_gpu=False,
        )
        workers = resolver.cluster_spec().as_dict()["worker"]
        # It has sorted the nodes by name, n10 before n9, but Slurm numbers tasks by its own list.
        nodes = list(resolver._task_configuration)
        workers.sort(key=lambda address: nodes.index(_host(address)))
        index = int(os.environ["SLURM_PROCID"])
        if index >= len(workers):
            raise ValueError(f"SLURM_PROCID is {index}, but there are {len(workers)} tasks.")
        here = os.environ.get("SLURM_NODEID")
        if here and nodes.index(_host(workers[index])) != int(here):
            raise ValueError(
                f"task {index} is on node {here} of {', '.join(nodes)}, so tasks are not numbered "
                "node by node. Start them with srun --distribution=block."
            )
    except (RuntimeError, ValueError) as error:
        raise UserError(f"The variables of Slurm make no cluster: {error}") from error
    return {"cluster": {"worker": workers}, "task": {"type": "worker", "index": index}}


def _host(address: str) -> str:
    return address.rpartition(":")[0]
