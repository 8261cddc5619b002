"""Program that kills the process groups of workers after their launcher was killed.

Linux kills the workers themselves with the launcher (see `bootstrap`), but not the processes that
the workers have started. The guardian reads the groups from a pipe. The end of the pipe shows that
the launcher has ended, in whatever way. The program needs only the standard library.
"""

import contextlib
import os
import signal
import subprocess
import sys


class Guardian:
    """The guardian of this launcher, as a context manager."""

    def __enter__(self) -> "Guardian":
        """Start the guardian in its own session, where no signal to the launcher reaches it."""
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
            bufsize=1,
            start_new_session=True,
        )
        return self

    def __exit__(self, *_: object) -> None:
        """Let the guardian end."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        self._process.wait()

    def add(self, group: int) -> None:
        """Kill this process group if the launcher ends."""
        self._write(f"+{group}\n")

    def remove(self, group: int) -> None:
        """Forget a group. Call this before its leader is reaped: later the id may be reused."""
        self._write(f"-{group}\n")

    def _write(self, line: str) -> None:
        assert self._process.stdin is not None
        # Somebody may have killed the guardian. The job continues without one.
        with contextlib.suppress(OSError):
            self._process.stdin.write(line)


def main() -> None:
    """Read groups until the pipe ends, and kill those that are left."""
    groups = set()
    for line in sys.stdin:
        if line.startswith("+"):
            groups.add(int(line))
        else:
            groups.discard(-int(line))
    for group in groups:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGKILL)


if __name__ == "__main__":
    main()
