"""Processes of the hosts of `hosts.py`."""

import contextlib
import os
import pathlib
import subprocess
import sys

FOLDER = pathlib.Path(__file__).resolve().parent
# The programs of the harness need the standard library alone.
PROGRAM = (sys.executable, "-I", "-S")


class HostError(Exception):
    """A host could not be made, or is off."""


class HostProcess(subprocess.Popen):
    """A process of a host, like any `Popen`.

    Signals go to the process itself, whose id is `inner_pid`. `pid` is its parent outside of
    the host, which ends as the process does.
    """

    def __init__(self, command, namespaces, **options):
        if not namespaces:
            raise HostError("the host is off")
        ready, theirs = os.pipe()
        given = ",".join(map(str, namespaces))
        with open(ready, "rb") as answer:
            try:
                super().__init__(
                    [*PROGRAM, FOLDER / "host_enter.py", str(theirs), given, *map(str, command)],
                    pass_fds=[*options.pop("pass_fds", ()), theirs, *namespaces],
                    **options,
                )
            finally:
                os.close(theirs)
            # The pipe is closed when the command runs.
            lines = answer.read().decode().splitlines()
        errors = [line for line in lines if not line.isdigit()]
        if errors or not lines:
            self.wait()
            raise OSError(f"cannot start {command}: {' '.join(errors) or 'its error is above'}")
        self.inner_pid = int(lines[0])

    def send_signal(self, sig):
        """Send a signal to the process, if it still runs."""
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.inner_pid, sig)


def members(namespace):
    """Yield the processes of a PID namespace, without its first process and without zombies."""
    expected = os.fstat(namespace)
    for folder in pathlib.Path("/proc").iterdir():
        if folder.name.isdigit():
            with contextlib.suppress(OSError):
                is_member = os.path.samestat(os.stat(folder / "ns" / "pid"), expected)
                if is_member and not _is_first(folder):
                    yield int(folder.name)


def _is_first(folder):
    ids = (folder / "status").read_text().partition("NSpid:")[2].partition("\n")[0]
    return ids.split()[-1] == "1"
