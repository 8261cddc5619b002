"""Clusters described by the environment: `TF_CONFIG`, or a step of Slurm."""

import json
import os

from dist_f1.launching.cluster import Task, without_proxy
from dist_f1.launching.errors import UserError

# Jobs and steps on one node get different ports: each uses one of 199 blocks of 64 ports, all below
# 32768, where Linux starts to assign ports to outgoing connections.
_FIRST_PORT, _BLOCKS, _MAX_TASKS = 20000, 199, 64


def resolve_task() -> Task | None:
    """Return the task of this process in a cluster of several tasks, or `None`.

    `TF_CONFIG`, which Kubernetes operators and other schedulers set, is used as it is. In a step of
    Slurm (`srun`) with several tasks, `TF_CONFIG` is set from `SlurmClusterResolver`, so programs
    need not handle Slurm. Slurm assigns the GPUs. The hosts are excluded from the gRPC proxy.

    Raises:
        UserError: The environment describes an invalid cluster.
    """
    if not os.environ.get("TF_CONFIG") and int(os.environ.get("SLURM_STEP_NUM_TASKS") or 1) > 1:
        os.environ["TF_CONFIG"] = json.dumps(_slurm_config())
    text = os.environ.get("TF_CONFIG")
    if not text:
        return None
    try:
        config = json.loads(text)
        jobs = {job: _addresses(tasks) for job, tasks in config.get("cluster", {}).items()}
        if sum(map(len, jobs.values())) < 2:
            return None
        task = Task(str(config["task"]["type"]), int(config["task"]["index"]))
        # An evaluator is not part of the cluster.
        if task.type != "evaluator" and task.index not in jobs.get(task.type, {}):
            raise ValueError(f"no address of {task.name}")
        addresses = [address for tasks in jobs.values() for address in tasks.values()]
        for address in addresses:
            if not address.rpartition(":")[2].isdigit():
                raise ValueError(f"no port in {address}")
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise UserError(
            f"TF_CONFIG describes no valid cluster ({type(error).__name__}: {error}): {text}. Set "
            'it to JSON with the address of each task, "cluster": {"worker": ["host:port", ...]}, '
            'and the task of this process, "task": {"type": "worker", "index": 0}.'
        ) from error
    os.environ.update(without_proxy(map(_host, addresses)))
    return task


def jobs() -> set[str]:
    """Return the job names of the cluster in `TF_CONFIG`, e.g. `{"chief", "worker", "ps"}`."""
    return set(json.loads(os.environ.get("TF_CONFIG") or "{}").get("cluster", {}))


def _addresses(tasks: list[str] | dict[str, str]) -> dict[int, str]:
    """Return addresses by task index; like TensorFlow, accept a list or a dict."""
    if isinstance(tasks, dict):
        return {int(index): address for index, address in tasks.items()}
    if not isinstance(tasks, list):
        raise TypeError(f"{tasks!r} is not a list of addresses")
    return dict(enumerate(tasks))


def _slurm_config() -> dict[str, object]:
    import tensorflow as tf

    try:
        job = int(os.environ.get("SLURM_JOB_ID") or 0)
        step = int(os.environ.get("SLURM_STEP_ID") or 0)
        resolver = tf.distribute.cluster_resolver.SlurmClusterResolver(
            port_base=_FIRST_PORT + (7 * job + step) % _BLOCKS * _MAX_TASKS,
            # Slurm sets CUDA_VISIBLE_DEVICES; the resolver would set it too and fails without GPUs.
            gpus_per_node=_MAX_TASKS,
            gpus_per_task=1,
            auto_set_gpu=False,
        )
        workers = resolver.cluster_spec().as_dict()["worker"]
        # The resolver sorts nodes by name, n10 before n9; Slurm numbers tasks in list order.
        nodes = list(resolver._task_configuration)
        workers.sort(key=lambda address: nodes.index(_host(address)))
        index = int(os.environ["SLURM_PROCID"])
        if index >= len(workers):
            raise ValueError(f"SLURM_PROCID is {index}, but there are {len(workers)} tasks.")
        node = os.environ.get("SLURM_NODEID")
        if node and nodes.index(_host(workers[index])) != int(node):
            raise ValueError(
                f"Task {index} is on node {node} of {', '.join(nodes)}, so tasks are not numbered "
                "node by node. Start them with srun --distribution=block."
            )
    except (RuntimeError, ValueError) as error:
        raise UserError(f"The Slurm variables describe no valid cluster: {error}") from error
    return {"cluster": {"worker": workers}, "task": {"type": "worker", "index": index}}


def _host(address: str) -> str:
    return address.rpartition(":")[0]
