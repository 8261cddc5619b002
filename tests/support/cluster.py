"""Worker processes on this machine."""

import contextlib
import dataclasses
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

from forking import forked

from dist_f1.launching.cluster import free_ports, without_proxy

RESULT = "RESULT "
RUN = pathlib.Path(__file__).parents[1] / "distributed" / "programs" / "run.py"


@dataclasses.dataclass(frozen=True)
class CompletedWorker:
    """A finished process. `returncode` is `None` if it was ended after the time-out."""

    returncode: int | None
    output: str

    @property
    def result(self):
        """The value that the program returned."""
        assert self.returncode == 0, self.output
        line = [line for line in self.output.splitlines() if line.startswith(RESULT)][-1]
        return json.loads(line.removeprefix(RESULT))


def run_workers(program, workers, *args, devices=2, timeout=300):
    """Run a program in each of several workers; return a `CompletedWorker` for each.

    Args:
        program: "MODULE.FUNCTION" in `tests/distributed/programs`, called as
            `FUNCTION(strategy, *args)`.
        workers: Number of workers.
        args: Arguments of the function, as strings.
        devices: Number of devices of each worker.
        timeout: Seconds after which all workers are ended.
    """
    addresses = [f"127.0.0.1:{port}" for port in free_ports(workers)]
    return _run(_configs(addresses), program, devices, args, timeout)


def run_on_hosts(hosts, program, *args, devices=2, timeout=300):
    """Run a program in one worker on each host of `hosts.py`; see `run_workers`."""
    addresses = [host.address for host in hosts]
    configs = _configs([f"{address}:2222" for address in addresses])
    proxy = without_proxy(addresses)
    end = time.monotonic() + timeout
    with contextlib.ExitStack() as stack:
        # A pipe that nobody reads would stop a worker that prints much.
        files = [stack.enter_context(tempfile.TemporaryFile("w+")) for _ in hosts]
        command = [sys.executable, RUN, program, str(devices), *map(str, args)]
        started = [
            host.start(command, env=_environment({**config, **proxy}), stdout=file, stderr=file)
            for host, config, file in zip(hosts, configs, files, strict=True)
        ]
        return [_wait_for(*pair, end) for pair in zip(started, files, strict=True)]


def run_alone(program, *args, devices=1, timeout=300):
    """Run a program in one process, on local devices; see `run_workers`."""
    return _run([{}], program, devices, args, timeout)[0]


def _configs(addresses):
    return [
        {
            "TF_CONFIG": json.dumps(
                {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}}
            )
        }
        for index in range(len(addresses))
    ]


def _environment(variables):
    return {
        **os.environ,
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "CUDA_VISIBLE_DEVICES": "-1",
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        **variables,
    }


def _run(variables, program, devices, args, timeout):
    with contextlib.ExitStack() as stack:
        started = [
            stack.enter_context(forked(RUN, program, devices, *args, env=_environment(own)))
            for own in variables
        ]
        end = time.monotonic() + timeout
        return [_wait(wait, end - time.monotonic()) for _, wait in started]


def _wait(wait, timeout):
    try:
        ended = wait(max(timeout, 0.0))
        return CompletedWorker(ended.returncode, ended.stdout + ended.stderr)
    except subprocess.TimeoutExpired as expired:
        return CompletedWorker(None, expired.stdout + expired.stderr)


def _wait_for(process, file, end):
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(max(end - time.monotonic(), 0.0))
    returncode = process.poll()
    process.kill()
    file.seek(0)
    return CompletedWorker(returncode, file.read())
