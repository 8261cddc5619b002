"""Runs a function in several real worker processes of this machine, under one strategy.

    values = workers.run("package.module:function", 2, {"argument": 1})

Each worker calls `function(strategy, argument=1)` with its `MultiWorkerMirroredStrategy`, and what
it returns comes back as JSON has it. As a program, this module is such a worker.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import pathlib
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from dist_f1.launching import cluster, failures, processes
from dist_f1.launching.console import Console

_ROOT = pathlib.Path(__file__).resolve().parents[1]
_ARGUMENTS = "arguments.json"
_POLL_SECONDS = 0.05
_GRACE_SECONDS = 2.0
# How often workers are started with other ports, if one that was free has been taken meanwhile.
_PORT_ATTEMPTS = 3


class WorkersFailed(RuntimeError):
    """A worker has failed or taken too long; all of them have ended."""


def run(
    target: str,
    count: int,
    arguments: Mapping[str, Any] | None = None,
    *,
    timeout: float = 900.0,
) -> list[Any]:
    """What the function has returned in each of `count` workers, in their order.

    GPUs are divided among the workers; if there are fewer than workers, each has the CPU.

    Args:
        target: `module:function`, importable as it is here.
        count: of workers, on free ports of this machine.
        arguments: of the function, beside the strategy, as JSON takes them.
        timeout: seconds, after which all are ended.

    Raises:
        WorkersFailed: one has failed, or they have not ended in time.
    """
    for attempt in range(1, _PORT_ATTEMPTS + 1):
        with tempfile.TemporaryDirectory() as name:
            directory = pathlib.Path(name)
            (directory / _ARGUMENTS).write_text(json.dumps(dict(arguments or {})), "utf-8")
            with _started(target, count, directory) as workers:
                failure = _wait(workers, timeout)
            if failure is None:
                paths = (_result(directory, index) for index in range(count))
                return [json.loads(path.read_text("utf-8")) for path in paths]
            if not _lost_its_port(failure) or attempt == _PORT_ATTEMPTS:
                raise WorkersFailed(failure.explain())
    raise AssertionError


@contextlib.contextmanager
def _started(
    target: str, count: int, directory: pathlib.Path
) -> Iterator[Sequence[processes.Worker]]:
    """Workers that do not outlive the block."""
    tasks = cluster.workers(count)
    gpus = cluster.visible_gpus()
    gpus = gpus if len(gpus) >= count else []
    places = cluster.environments(tasks, cluster.free_ports(count), gpus)
    common = {
        "PYTHONPATH": os.pathsep.join([str(_ROOT), *filter(None, sys.path)]),
        # The process that starts the workers has memory of the same GPUs.
        "TF_FORCE_GPU_ALLOW_GROWTH": "true",
    }
    if not gpus:
        common["CUDA_VISIBLE_DEVICES"] = "-1"
    command = ("-m", "benchmarks.workers", target, str(directory))
    workers: list[processes.Worker] = []
    with contextlib.ExitStack() as stack:
        console = Console(*(stack.enter_context(open(os.devnull, "w")) for _ in range(2)))
        try:
            for task, place in zip(tasks, places, strict=True):
                own = {**common, **place}
                workers.append(processes.Worker(task, command, own, directory, console))
            yield workers
        finally:
            processes.end(workers, _GRACE_SECONDS)


def _wait(workers: Sequence[processes.Worker], timeout: float) -> failures.Failure | None:
    """Waits for the end of all; returns why it did not come."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        if any(worker.failure() for worker in workers):
            # Those that fail together are seen together.
            time.sleep(2 * _POLL_SECONDS)
            return failures.first([f for worker in workers if (f := worker.failure())])
        if all(worker.poll() == 0 for worker in workers):
            return None
        time.sleep(_POLL_SECONDS)
    late = next(worker for worker in workers if worker.poll() is None)
    text = f"{failures.tail(late.log)}\n{late.task.name} has not ended within {timeout:g} s."
    return failures.Failure(late.task, 1, "hung", "", text, time.time())


def _lost_its_port(failure: failures.Failure) -> bool:
    return "Could not start gRPC server" in failure.text


def _result(directory: pathlib.Path, index: int) -> pathlib.Path:
    return directory / f"worker-{index}.result.json"


def _work(target: str, directory: pathlib.Path) -> None:
    """What a worker does."""
    import tensorflow as tf

    strategy = tf.distribute.MultiWorkerMirroredStrategy()
    module, _, function = target.partition(":")
    arguments = json.loads((directory / _ARGUMENTS).read_text("utf-8"))
    value = getattr(importlib.import_module(module), function)(strategy, **arguments)
    path = _result(directory, strategy.cluster_resolver.task_id)
    path.write_text(json.dumps(value), "utf-8")


if __name__ == "__main__":
    _work(sys.argv[1], pathlib.Path(sys.argv[2]))
