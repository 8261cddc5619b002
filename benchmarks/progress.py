"""Progress of a benchmark: a bar in a terminal, one line for each task elsewhere."""

from __future__ import annotations

import io
import sys
from typing import IO, Any

from tqdm import tqdm


class Progress:
    """Shows one task at a time.

    Args:
        stream: Output; standard error by default.
        quiet: Whether to show nothing.
    """

    def __init__(self, stream: IO[str] | None = None, *, quiet: bool = False) -> None:
        self._stream = stream or sys.stderr
        self._shows_bar = not quiet and self._stream.isatty()
        self._shows_lines = not quiet and not self._shows_bar
        self._bar: tqdm[Any] | None = None

    def task(self, description: str, total: int) -> None:
        """End the current task, and start one of `total` steps."""
        self.close()
        # Without a terminal, tqdm only counts.
        file = self._stream if self._shows_bar else io.StringIO()
        self._bar = tqdm(desc=description, total=total, unit="step", file=file, leave=False)

    def step(self, done: int = 1) -> None:
        """Advance by `done` steps."""
        if self._bar is not None:
            self._bar.update(done)

    def close(self) -> None:
        """End the current task, if there is one."""
        bar, self._bar = self._bar, None
        if bar is None:
            return
        bar.close()
        if self._shows_lines:
            seconds = bar.format_dict["elapsed"]
            line = f"{bar.desc}: {bar.n}/{bar.total} steps in {seconds:.1f} s"
            print(line, file=self._stream, flush=True)
