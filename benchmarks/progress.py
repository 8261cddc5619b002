"""How far a benchmark has come: a bar in a terminal, a line for each task elsewhere."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import IO, Any


class Progress:
    """Shows one task at a time on `stream`, standard error by default."""

    def __init__(self, stream: IO[str] | None = None, *, quiet: bool = False) -> None:
        """With `quiet` nothing is shown, in worker processes say."""
        self._stream = stream or sys.stderr
        self._quiet = quiet
        self._bar: Any = None
        self._description = ""
        self._done = 0
        self._total = 0
        self._started = 0.0

    def task(self, description: str, total: int) -> None:
        """Ends the task before, and begins one of `total` steps."""
        self.close()
        self._description, self._done, self._total = description, 0, total
        self._started = time.monotonic()
        if not self._quiet and self._stream.isatty():
            from tqdm import tqdm

            self._bar = tqdm(
                desc=description, total=total, unit="step", file=self._stream, leave=False
            )

    def step(self, done: int = 1) -> None:
        """Goes on by `done` steps."""
        self._done += done
        if self._bar is not None:
            self._bar.update(done)

    def close(self) -> None:
        """Ends the task, if there is one."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None
        elif self._description and not self._quiet:
            seconds = time.monotonic() - self._started
            line = f"{self._description}: {self._done}/{self._total} steps in {seconds:.1f} s"
            print(line, file=self._stream, flush=True)
        self._description = ""

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
