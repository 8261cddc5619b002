"""What became of a worker that did not end well, and which of several was the cause."""

from __future__ import annotations

import dataclasses
import json
import pathlib
import signal
from collections.abc import Sequence

from dist_f1.launching.cluster import Task

# What a worker meets when another one has gone.
_CONSEQUENCES = ("UnavailableError", "AbortedError", "CancelledError", "DeadlineExceededError")
_TAIL_LINES = 20


@dataclasses.dataclass(frozen=True)
class Failure:
    """The end of a worker.

    Args:
        task: which one.
        exit_code: as `Popen` has it, negative for a signal.
        kind: `"exception"`, `"exit"` (a program that gave a message), or `"ended"`, without a word.
        title: the type of the exception, or the message.
        text: the traceback, or the last lines of its log.
        time: in seconds, on the clock of `time.time()`.
    """

    task: Task
    exit_code: int
    kind: str
    title: str
    text: str
    time: float

    @property
    def passed_on(self) -> int:
        """The exit code for the launcher: as shells have it, 128 and more for a signal."""
        return self.exit_code if self.exit_code >= 0 else 128 - self.exit_code

    @property
    def is_final(self) -> bool:
        """Whether the program itself has decided to stop, so that it would do so again."""
        return self.kind == "exit"

    @property
    def is_consequence(self) -> bool:
        """Whether this is what a worker meets when another one has gone."""
        return self.kind == "exception" and self.title in _CONSEQUENCES

    def describe(self) -> str:
        """What happened, in a few words."""
        if self.kind == "exception":
            return f"raised {self.title}"
        if self.kind == "exit":
            return "stopped"
        if self.exit_code < 0:
            number = -self.exit_code
            name = signal.Signals(number).name if number in list(signal.Signals) else str(number)
            hint = " (by the kernel, if memory ran out)" if number == signal.SIGKILL else ""
            return f"was killed by {name}{hint}"
        return f"ended with exit code {self.exit_code}"

    def explain(self) -> str:
        """All that is known, beginning with the traceback."""
        lines = [self.text.rstrip() or self.title, f"{self.task.name} {self.describe()}."]
        hint = _hint(self.text)
        return "\n".join([*lines, hint] if hint else lines)


def of(
    task: Task, exit_code: int | None, record: pathlib.Path, log: pathlib.Path, ended: float
) -> Failure | None:
    """The failure of a task, if it has failed: by its own record, or by its exit code.

    A record may be there before the process has ended; `ended` is when it did.
    """
    if record.exists():
        told = json.loads(record.read_text(encoding="utf-8"))
        return Failure(
            task, exit_code or 1, told["kind"], told["title"], told["text"], told["time"]
        )
    if not exit_code:
        return None
    return Failure(task, exit_code, "ended", "", tail(log), ended)


def first(failures: Sequence[Failure]) -> Failure:
    """The one that the others follow from."""
    return min(failures, key=lambda failure: (failure.is_consequence, failure.time))


def tail(log: pathlib.Path, lines: int = _TAIL_LINES) -> str:
    """The last lines of a log."""
    if not log.exists():
        return ""
    text = log.read_bytes().decode(errors="replace").replace("\r\n", "\n")
    shown = [line.rpartition("\r")[2] for line in text.rstrip("\r\n").split("\n")]
    return "\n".join(shown[-lines:])


def _hint(text: str) -> str:
    """What is not to be seen from a traceback."""
    # Keras cuts its own frames out, all but those that raise.
    if "/keras/src/" in text and "PerReplica:{" in text:
        return (
            "Keras 3's own fit, evaluate and predict do not work under "
            "MultiWorkerMirroredStrategy, whatever the metrics. Write the loop with strategy.run "
            "(docs/guide.md has one), or use tf-keras: pip install tf_keras, and "
            "TF_USE_LEGACY_KERAS=1 in the environment."
        )
    if "Could not start gRPC server" in text:
        return (
            "A port of this cluster was taken before the worker could listen on it. Start again, "
            "or name ports that are free: --port, or the addresses in TF_CONFIG."
        )
    return ""
