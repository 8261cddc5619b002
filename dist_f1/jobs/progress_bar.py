"""The progress of a pass: a bar in a terminal, one line in a file."""

from __future__ import annotations

import os
import sys
from types import TracebackType

from tqdm import tqdm
from typing_extensions import Self

from dist_f1.launching.console import COLUMNS

# tqdm shortens the bar, and then cuts the right end: the scores come first.
_FORMAT = "{desc} {n_fmt}/{total_fmt} {bar} {elapsed}<{remaining} {rate_fmt}"
_FORMAT_WITHOUT_TOTAL = "{desc} {n_fmt} {unit}s {elapsed} {rate_fmt}"


class ProgressBar:
    """Shows the steps and the scores of one pass on standard error.

    A terminal, also that of a launcher, gets a bar whose width adapts to the terminal. Loss and F1
    come first, so a narrow terminal does not cut them. A file or a pipe gets one line at the end
    of the pass.

    Args:
        name: Name of the pass, e.g. `"epoch 1/3"`.
        total: Number of steps, `None` if unknown.
        initial: Number of steps that a resumed pass has already finished.
        is_shown: Whether this process shows the progress.
    """

    def __init__(self, name: str, total: int | None, initial: int, is_shown: bool) -> None:
        self._name, self._scores = name, ""
        columns = int(os.environ.get(COLUMNS, 0)) or None
        is_terminal = columns is not None or sys.stderr.isatty()
        self._has_line = is_shown and not is_terminal
        # A disabled bar counts no steps.
        self._steps = initial
        self._bar = tqdm(
            desc=name,
            total=total,
            initial=initial,
            unit="step",
            ncols=columns,
            dynamic_ncols=columns is None,
            bar_format=_FORMAT_WITHOUT_TOTAL if total is None else _FORMAT,
            disable=not is_shown or not is_terminal,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._bar.close()
        if self._has_line:
            state = "" if kind is None else ", interrupted"
            print(
                f"{self._name}: {self._scores or 'no scores'}, {self._steps} steps{state}",
                file=sys.stderr,
                flush=True,
            )

    def advance(self) -> None:
        """Count a step."""
        self._steps += 1
        self._bar.update()

    def show(self, scores: dict[str, float]) -> None:
        """Show the scores so far."""
        self._scores = ", ".join(f"{name} {value:.4f}" for name, value in scores.items())
        self._bar.set_description_str(f"{self._scores}  {self._name}")
