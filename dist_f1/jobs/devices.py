"""The strategy of a job and its devices."""

import os

import tensorflow as tf

from dist_f1.jobs import requirements
from dist_f1.jobs.requirements import StrategyUnavailableError
from dist_f1.launching import external_cluster
from dist_f1.replicas.logical_devices import split_cpu


def make_strategy(name: str, replicas: int) -> tf.distribute.Strategy:
    """Make the strategy of `config.strategy`.

    - `auto`: `multi_worker` in a cluster, `parameter_server` in a cluster with servers, otherwise
      `mirrored`;
    - `none`, `one_device`: one replica;
    - `mirrored`: all GPUs, for any value of `replicas`. Without GPUs the CPU is split into
      `replicas` logical devices: the strategy and its all-reduce are real, but do not show how a
      GPU would perform;
    - `multi_worker`: all workers of the cluster in `TF_CONFIG` or Slurm, with all of their GPUs,
      or one CPU device each;
    - `parameter_server`: the chief of a cluster that has workers and servers;
    - `tpu`: all cores of the TPU in `TPU_NAME`, or of this host.

    Raises:
        StrategyUnavailableError: A requirement of the strategy is missing.
        UserError: The environment describes an invalid cluster.
        RuntimeError: TensorFlow has already started with fewer logical devices.
    """
    task = external_cluster.resolve_task()
    if name == "auto" and task is not None:
        name = "parameter_server" if "ps" in external_cluster.jobs() else "multi_worker"
    elif name == "auto":
        name = "mirrored"
    requirements.check(name, task)
    gpus = tf.config.list_physical_devices("GPU")
    if name == "none":
        return tf.distribute.get_strategy()
    if name == "one_device":
        return tf.distribute.OneDeviceStrategy("GPU:0" if gpus else "CPU:0")
    if name == "tpu":
        return _tpu_strategy()
    if name == "multi_worker":
        return _multi_worker_strategy()
    if name == "parameter_server":
        resolver = tf.distribute.cluster_resolver.TFConfigClusterResolver()
        return tf.distribute.ParameterServerStrategy(resolver)
    if gpus:
        return tf.distribute.MirroredStrategy([f"GPU:{i}" for i in range(len(gpus))])
    split_cpu(replicas)
    return tf.distribute.MirroredStrategy([f"CPU:{i}" for i in range(replicas)])


def run_server() -> None:
    """Serve the chief of a parameter server cluster; does not return."""
    resolver = tf.distribute.cluster_resolver.TFConfigClusterResolver()
    tf.distribute.Server(
        resolver.cluster_spec(),
        job_name=resolver.task_type,
        task_index=resolver.task_id,
        protocol=resolver.rpc_layer or "grpc",
    ).join()


def devices_of(strategy: tf.distribute.Strategy) -> list[str]:
    """Return the devices of the replicas of this process, e.g. `["GPU:0"]`."""
    if strategy is tf.distribute.get_strategy():
        return ["GPU:0" if tf.config.list_physical_devices("GPU") else "CPU:0"]
    return [device.split("device:")[-1] for device in strategy.extended.worker_devices]


def _multi_worker_strategy() -> tf.distribute.Strategy:
    try:
        return tf.distribute.MultiWorkerMirroredStrategy()
    except (tf.errors.UnknownError, tf.errors.UnavailableError) as error:
        raise StrategyUnavailableError(
            f"this worker could not join the cluster in TF_CONFIG={os.environ['TF_CONFIG']}: "
            f"{error.message}. If its port is in use, choose another one; start all workers "
            "together."
        ) from error


def _tpu_strategy() -> tf.distribute.Strategy:
    resolver = tf.distribute.cluster_resolver.TPUClusterResolver(
        tpu=os.environ.get("TPU_NAME") or "local"
    )
    tf.config.experimental_connect_to_cluster(resolver)
    tf.tpu.experimental.initialize_tpu_system(resolver)
    return tf.distribute.TPUStrategy(resolver)
