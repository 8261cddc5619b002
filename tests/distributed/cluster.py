"""Starts worker processes on this machine, waits for them, and ends those it started."""

import contextlib
import dataclasses
import json
import os
import pathlib
import subprocess
import sys
import time

from forking import forked

from dist_f1.launching.cluster import free_ports

RESULT = "RESULT "


@dataclasses.dataclass(frozen=True)
class Ended:
    """What became of a process: `returncode` is None if it had to be ended after the time-out."""

    returncode: int | None
    output: str

    @property
    def result(self):
        """What the program returned."""
        assert self.returncode == 0, self.output
        line = [line for line in self.output.splitlines() if line.startswith(RESULT)][-1]
        return json.loads(line.removeprefix(RESULT))


def run_workers(program, workers, *args, devices=2, timeout=180):
    """Runs `programs.<program>(strategy, *args)` in each worker and returns how each ended."""
    addresses = [f"127.0.0.1:{port}" for port in free_ports(workers)]
    configs = [
        json.dumps({"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}})
        for index in range(workers)
    ]
    return _run([{"TF_CONFIG": config} for config in configs], program, devices, args, timeout)


def run_alone(program, *args, devices=1, timeout=180):
    """Runs `programs.<program>(strategy, *args)` in a process of its own, on local devices."""
    return _run([{}], program, devices, args, timeout)[0]


def _run(environments, program, devices, args, timeout):
    here = pathlib.Path(__file__).parent
    common = {
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "CUDA_VISIBLE_DEVICES": "-1",
        "PYTHONPATH": os.pathsep.join([str(here), *filter(None, sys.path)]),
    }
    command = [here / "programs.py", program, devices, *args]
    with contextlib.ExitStack() as stack:
        started = [
            stack.enter_context(forked(*command, env={**os.environ, **common, **environment}))
            for environment in environments
        ]
        end = time.monotonic() + timeout
        return [_wait(wait, end - time.monotonic()) for _, wait in started]


def _wait(wait, timeout):
    try:
        ended = wait(max(timeout, 0.0))
        return Ended(ended.returncode, ended.stdout + ended.stderr)
    except subprocess.TimeoutExpired as expired:
        return Ended(None, expired.stdout + expired.stderr)
