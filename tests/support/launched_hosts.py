"""Launchers of a job on several hosts: on ports of this machine, or on hosts of namespaces."""

import contextlib
import os
import random
import signal
import subprocess
import sys
import time

from commands import COMMAND, reset_signals
from forking import ROOT

from dist_f1.launching.cluster import fixed_ports

TIMEOUT = 60.0


class Launchers:
    """The launchers of a job, one for each host, with their output in files.

    Args:
        directory: Directory for the output.
        command: `launch` or `train` with its options, without those for hosts.
        arguments: Arguments after the options for hosts.
        hosts: Hosts of `hosts.py`; `None` for ports of this machine.
        count: Number of hosts on this machine.
        options: Options for several hosts.
    """

    def __init__(self, directory, command, arguments=(), hosts=None, count=2, options=()):
        self._directory, self._hosts = directory, hosts
        directory.mkdir(parents=True, exist_ok=True)
        names = [f"127.0.0.1:{port}" for port in _free_blocks(count)] if hosts is None else []
        self.names = names or [host.name for host in hosts]
        listed = f"--hosts={','.join(self.names)}"
        self._command = lambda index: list(
            map(str, (*command, listed, f"--host_index={index}", *options, *arguments))
        )
        self.processes = {}
        for index in range(len(self.names)):
            self.start(index)

    def start(self, index):
        """Start the launcher of a host."""
        variables = {**os.environ, "CUDA_VISIBLE_DEVICES": "-1", "TF_CPP_MIN_LOG_LEVEL": "3"}
        options = {
            "env": {**variables, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            "cwd": ROOT,
            "stdin": subprocess.DEVNULL,
            "stderr": subprocess.STDOUT,
        }
        with open(self._directory / f"host-{index}.txt", "ab") as file:
            command = [*COMMAND, *self._command(index)]
            if self._hosts is None:
                options["preexec_fn"] = reset_signals
                process = subprocess.Popen(command, stdout=file, **options)
            else:
                process = self._hosts[index].start(command, stdout=file, **options)
        self.processes[index] = process

    def output(self, index):
        """Return what the launcher of a host has printed."""
        return (self._directory / f"host-{index}.txt").read_text(errors="replace")

    def outputs(self):
        """Return what all launchers have printed, for the message of a failed test."""
        return "\n".join(f"== host {i}\n{self.output(i)[-4000:]}" for i in self.processes)

    def wait_for(self, index, text, timeout=TIMEOUT, count=1):
        """Wait until the launcher of a host has printed a text."""
        end = time.monotonic() + timeout
        while self.output(index).count(text) < count:
            assert time.monotonic() < end, f"no {text!r} from host {index}\n{self.outputs()}"
            time.sleep(0.05)

    def wait(self, timeout=TIMEOUT):
        """Wait for all launchers; return their exit codes."""
        end = time.monotonic() + timeout
        with contextlib.suppress(subprocess.TimeoutExpired):
            for process in self.processes.values():
                process.wait(max(0.1, end - time.monotonic()))
        return [process.poll() for process in self.processes.values()]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in self.processes.values():
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
            process.wait()


def _free_blocks(count, size=8):
    """Return the first of `size` free ports, `count` times."""
    found = []
    while len(found) < count:
        # Below the ports of outgoing connections. Test processes may share a seed.
        first = random.SystemRandom().randrange(20000, 32000, size)
        with contextlib.suppress(ValueError):
            fixed_ports(first, size, "")
            found += [first] * (first not in found)
    return found
