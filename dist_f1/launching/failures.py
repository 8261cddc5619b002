"""Failures of workers, and which of several is the root cause."""

import dataclasses
import pathlib
import signal
from collections.abc import Sequence
from typing import Any

from dist_f1.launching.cluster import Task

# Exceptions that TensorFlow raises in the other workers after one has exited.
_SECONDARY = ("UnavailableError", "AbortedError", "CancelledError", "DeadlineExceededError")
_TAIL_LINES = 20
_PORT_ERROR = "Could not start gRPC server"


@dataclasses.dataclass(frozen=True)
class Failure:
    """A worker that failed.

    Args:
        task: Task of the worker.
        exit_code: Exit code as in `Popen`, negative for a signal.
        kind: `"exception"`, `"exit"` (`sys.exit(message)`), `"hung"`, `"left"` (exit code 0 while
            others needed the worker), `"lost"` (a host), or `"ended"` if the process left no error
            file.
        title: Type of the exception, or the message.
        text: Traceback, or the last lines of the log.
        time: Seconds, as in `time.time()`.
    """

    task: Task
    exit_code: int
    kind: str
    title: str
    text: str
    time: float

    @property
    def shell_exit_code(self) -> int:
        """Exit code of the launcher, as in a shell: 128 + the number of a signal."""
        return self.exit_code if self.exit_code >= 0 else 128 - self.exit_code

    @property
    def is_permanent(self) -> bool:
        """Whether the program chose to stop, so a restart would not help."""
        return self.kind == "exit"

    @property
    def is_secondary(self) -> bool:
        """Whether the failure follows from the exit of another worker."""
        return self.kind == "exception" and self.title in _SECONDARY

    @property
    def may_follow(self) -> bool:
        """Whether the failure may follow from the exit of another worker with code 0."""
        is_abort = self.kind == "ended" and self.exit_code == -signal.SIGABRT
        return self.is_secondary or self.kind == "hung" or is_abort

    @property
    def is_port_conflict(self) -> bool:
        """Whether another process took the port of the worker before it listened."""
        return _PORT_ERROR in self.text

    def describe(self) -> str:
        """Return a short description, e.g. `"raised KeyError"`."""
        if self.kind == "exception":
            return f"raised {self.title}"
        if self.kind == "exit":
            return "stopped"
        if self.kind == "hung":
            return "was killed by the launcher"
        if self.kind == "lost":
            return "is lost"
        if self.kind == "left":
            return "exited with code 0 while the others still needed it"
        if self.exit_code < 0:
            number = -self.exit_code
            name = signal.Signals(number).name if number in list(signal.Signals) else str(number)
            hint = " (possibly out of memory)" if number == signal.SIGKILL else ""
            return f"was killed by {name}{hint}"
        return f"exited with code {self.exit_code}"

    def explain(self) -> str:
        """Return the traceback or log, the description, and a hint if there is one."""
        if self.kind == "lost":
            return self.text
        lines = [self.text.rstrip() or self.title, f"{self.task.name} {self.describe()}."]
        return "\n".join([*lines, *_hints(self.text)])


def read_failure(
    task: Task, exit_code: int | None, error_file: pathlib.Path, log: pathlib.Path, ended: float
) -> Failure | None:
    """Return the failure of a task, or `None`.

    `exit_code` is `None` while the process runs; `bootstrap` may write the error file before the
    process has exited. `ended` is the time of the exit. A damaged error file counts as none, so the
    failure has the last lines of the log.
    """
    record = _read_record(error_file)
    if record is not None:
        return Failure(task, exit_code or 1, **record)
    if not exit_code:
        return None
    return Failure(task, exit_code, "ended", "", tail(log), ended)


def _read_record(error_file: pathlib.Path) -> dict[str, Any] | None:
    """Return what `bootstrap` has written; `None` without a file, or if it is damaged."""
    # The package of the counts imports NumPy, which would delay the help of the commands.
    from dist_f1.counts.json_objects import read_object

    try:
        record = read_object(error_file)
    except (OSError, ValueError):
        return None
    types = {"kind": str, "title": str, "text": str, "time": float}
    is_valid = set(record) == set(types) and all(
        isinstance(record[key], kind) for key, kind in types.items()
    )
    return record if is_valid else None


def root_cause(failures: Sequence[Failure]) -> Failure:
    """Return the earliest failure, preferring those that do not follow from another one."""
    return min(failures, key=lambda failure: (failure.is_secondary, failure.time))


def left(task: Task, ended: float, consequence: Failure) -> Failure:
    """Return the failure of a worker that exited with code 0, and so caused another failure."""
    text = (
        f"{consequence.explain()}\n{task.name} had exited with code 0 before. All workers must run "
        "the same steps: remove sys.exit() from the loop, and give all workers the same number of "
        "batches."
    )
    return Failure(task, 1, "left", "", text, ended)


def tail(log: pathlib.Path, lines: int = _TAIL_LINES) -> str:
    """Return the last lines of a log."""
    if not log.exists():
        return ""
    text = log.read_bytes().decode(errors="replace").replace("\r\n", "\n")
    shown = [line.rpartition("\r")[2] for line in text.rstrip("\r\n").split("\n")]
    return "\n".join(shown[-lines:])


def _hints(text: str) -> list[str]:
    """Return explanations that a traceback does not give."""
    # Keras removes its own frames from tracebacks, except those that raise.
    is_of_workers = "/keras/src/" in text and "PerReplica:{" in text
    is_of_replicas = "AddN" in text and "must have the same size and shape" in text
    if is_of_workers or is_of_replicas:
        return [
            "Keras 3's own fit, evaluate and predict fail here, with or without metrics. Add these "
            "lines to the script before fit: import dist_f1.compat.keras3; "
            "dist_f1.compat.keras3.repair_fit(). See docs/keras_fit.md."
        ]
    if _PORT_ERROR in text:
        return [
            "Another process took a port of this cluster before the worker listened on it. Start "
            "again, or choose free ports with --port or the addresses in TF_CONFIG."
        ]
    return []
