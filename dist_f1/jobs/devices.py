"""The strategy of a job, and what each needs to be there."""

from __future__ import annotations

import glob
import json
import os
from importlib import util

import tensorflow as tf

from dist_f1.launching import external_cluster
from dist_f1.replicas.logical_devices import split_cpu


class Unavailable(RuntimeError):
    """A strategy was asked for that this process cannot have."""


def make_strategy(name: str, replicas: int) -> tf.distribute.Strategy:
    """Makes the strategy of `config.strategy`.

    - `auto`: in a cluster `multi_worker`, or `parameter_server` if it has servers; `mirrored`
      elsewhere;
    - `none`, `one_device`: one replica;
    - `mirrored`: every GPU, whatever `replicas` says. Without GPUs the CPU is split into
      `replicas` logical devices: the real strategy and its real all-reduce, but no evidence of
      what a GPU would do;
    - `multi_worker`: all workers of the cluster that `TF_CONFIG` or Slurm describes, with all of
      their GPUs, or one CPU device each;
    - `parameter_server`: from the chief of such a cluster, which has workers and servers;
    - `tpu`: all cores of the TPU that `TPU_NAME` names, or of this host.

    Raises:
        Unavailable: what the strategy needs is not there.
        ValueError: what the environment says makes no cluster.
        RuntimeError: TensorFlow has started with fewer logical devices; it cannot add any.
    """
    task = external_cluster.adopt()
    if name == "auto" and task is not None:
        name = "parameter_server" if "ps" in _jobs() else "multi_worker"
    elif name == "auto":
        name = "mirrored"
    check(name, task)
    gpus = tf.config.list_physical_devices("GPU")
    if name == "none":
        return tf.distribute.get_strategy()
    if name == "one_device":
        return tf.distribute.OneDeviceStrategy("GPU:0" if gpus else "CPU:0")
    if name == "tpu":
        return _tpu()
    if name == "multi_worker":
        return _multi_worker()
    if name == "parameter_server":
        resolver = tf.distribute.cluster_resolver.TFConfigClusterResolver()
        return tf.distribute.ParameterServerStrategy(resolver)
    if gpus:
        return tf.distribute.MirroredStrategy([f"GPU:{i}" for i in range(len(gpus))])
    split_cpu(replicas)
    return tf.distribute.MirroredStrategy([f"CPU:{i}" for i in range(replicas)])


def check(name: str, task: external_cluster.Task | None) -> None:
    """Whether this process can have the strategy.

    Raises:
        Unavailable: it cannot; says what it would need.
    """
    if name in ("none", "one_device", "mirrored") and task is not None:
        raise Unavailable(
            f"config.strategy={name} is for one process, but this one is {task.name} of a cluster: "
            "each would train for itself. Use auto or multi_worker; or leave out --workers and "
            "unset TF_CONFIG."
        )
    if name == "multi_worker" and task is None:
        raise Unavailable(
            "config.strategy=multi_worker needs a cluster of several workers: start them with "
            "--workers=N, by srun in Slurm, or with TF_CONFIG in the environment of each."
        )
    if name == "multi_worker" and "ps" in _jobs():
        raise Unavailable(
            "config.strategy=multi_worker is for a cluster of workers, but this one has servers "
            "(ps). Use auto or parameter_server, or take the servers out of TF_CONFIG."
        )
    if name == "parameter_server" and not {"worker", "ps"} <= _jobs():
        raise Unavailable(
            "config.strategy=parameter_server needs a cluster with a chief, workers and servers "
            "(ps): start it with --workers=N, or with TF_CONFIG in the environment of each task."
        )
    if name == "tpu" and not _has_tpu():
        raise Unavailable(
            "config.strategy=tpu needs a TPU: a host with TPU chips and libtpu installed "
            "(pip install 'tensorflow-tpu'), or the address of one in TPU_NAME. Neither is here."
        )


def serves() -> bool:
    """Whether this process only lends itself to the chief of a parameter server cluster."""
    task = external_cluster.adopt()
    return task is not None and "ps" in _jobs() and task.type in ("worker", "ps")


def serve() -> None:
    """Does what the chief asks for; does not return."""
    resolver = tf.distribute.cluster_resolver.TFConfigClusterResolver()
    tf.distribute.Server(
        resolver.cluster_spec(),
        job_name=resolver.task_type,
        task_index=resolver.task_id,
        protocol=resolver.rpc_layer or "grpc",
    ).join()


def devices_of(strategy: tf.distribute.Strategy) -> list[str]:
    """The devices of the replicas of this process, `GPU:0` say."""
    if strategy is tf.distribute.get_strategy():
        return ["GPU:0" if tf.config.list_physical_devices("GPU") else "CPU:0"]
    return [device.split("device:")[-1] for device in strategy.extended.worker_devices]


def _multi_worker() -> tf.distribute.Strategy:
    try:
        return tf.distribute.MultiWorkerMirroredStrategy()
    except (tf.errors.UnknownError, tf.errors.UnavailableError) as error:
        address = _cluster()["cluster"]
        raise Unavailable(
            f"this worker could not start in the cluster {address}: {error.message}. If its port "
            "is taken, name another one; all workers must be started together."
        ) from error


def _tpu() -> tf.distribute.Strategy:
    resolver = tf.distribute.cluster_resolver.TPUClusterResolver(
        tpu=os.environ.get("TPU_NAME") or "local"
    )
    tf.config.experimental_connect_to_cluster(resolver)
    tf.tpu.experimental.initialize_tpu_system(resolver)
    return tf.distribute.TPUStrategy(resolver)


def _has_tpu() -> bool:
    # Asking TensorFlow would wait for a server that answers nowhere but in a cloud.
    chips = glob.glob("/dev/accel*") or glob.glob("/dev/vfio/[0-9]*")
    return bool(os.environ.get("TPU_NAME") or (chips and util.find_spec("libtpu")))


def _jobs() -> set[str]:
    return set(_cluster().get("cluster", {}))


def _cluster() -> dict:
    return json.loads(os.environ.get("TF_CONFIG") or "{}")
