"""Runs a function in several worker processes on this machine, under one strategy.

    values = workers.run("package.module:function", 2, {"argument": 1})

`dist-f1 launch` runs this module in each worker, which calls `function(strategy, argument=1)` with
its `MultiWorkerMirroredStrategy`. `run` returns the results, which are converted to JSON and back.
"""

from __future__ import annotations

import importlib
import json
import os
import pathlib
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from typing import Any

import tensorflow as tf

_ROOT = pathlib.Path(__file__).resolve().parents[1]
_ARGUMENTS = "arguments.json"
_SHOWN_LINES = 60


class WorkersFailedError(RuntimeError):
    """A worker failed or took too long. All workers have ended."""


def run(
    target: str,
    count: int,
    arguments: Mapping[str, Any] | None = None,
    *,
    timeout: float = 900.0,
) -> list[Any]:
    """Return the result of the function in each worker.

    The workers share the GPUs. If there are fewer GPUs than workers, all workers use the CPU.

    `target` is `module:function`, and `arguments` are its keyword arguments, as JSON types. After
    `timeout` seconds the workers are ended.

    Raises:
        WorkersFailedError: A worker failed, or the workers did not end in time.
    """
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(_ROOT), *filter(None, sys.path)]),
        # The parent process uses memory of the same GPUs.
        "TF_FORCE_GPU_ALLOW_GROWTH": "true",
    }
    environment.pop("TF_CONFIG", None)
    if len(tf.config.list_physical_devices("GPU")) < count:
        environment["CUDA_VISIBLE_DEVICES"] = "-1"
    with tempfile.TemporaryDirectory() as name:
        directory = pathlib.Path(name)
        (directory / _ARGUMENTS).write_text(json.dumps(dict(arguments or {})), "utf-8")
        command = [sys.executable, "-m", "dist_f1.commands.main", "launch", f"--workers={count}"]
        command += ["--grace_seconds=2", f"--log_dir={directory / 'logs'}"]
        command += ["-m", "benchmarks.workers", "--", target, name]
        streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "text": True}
        with subprocess.Popen(command, env=environment, stderr=subprocess.STDOUT, **streams) as job:
            problem = ""
            try:
                output, _ = job.communicate(timeout=timeout)
            except BaseException as error:
                job.terminate()  # It ends its workers.
                if not isinstance(error, subprocess.TimeoutExpired):
                    raise
                output, _ = job.communicate()
                problem = f"{count} workers have not ended within {timeout:g} s."
        if job.returncode or problem:
            lines = [*output.splitlines()[-_SHOWN_LINES:], problem]
            raise WorkersFailedError("\n".join(lines).strip())
        paths = [directory / f"{index}.json" for index in range(count)]
        return [json.loads(path.read_text("utf-8")) for path in paths]


def _run_worker(target: str, directory: pathlib.Path) -> None:
    strategy = tf.distribute.MultiWorkerMirroredStrategy()
    module, _, function = target.partition(":")
    arguments = json.loads((directory / _ARGUMENTS).read_text("utf-8"))
    value = getattr(importlib.import_module(module), function)(strategy, **arguments)
    path = directory / f"{strategy.cluster_resolver.task_id}.json"
    path.write_text(json.dumps(value), "utf-8")


if __name__ == "__main__":
    _run_worker(sys.argv[1], pathlib.Path(sys.argv[2]))
