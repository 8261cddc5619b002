"""Signals that stop a job at its next step."""

import contextlib
import signal
import sys
from collections.abc import Iterator
from typing import Any

_HANDLED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class StopSignals:
    """The signals that this process has received."""

    def __init__(self) -> None:
        self._received: list[int] = []
        self._ends_at_once = False

    def are_received(self) -> bool:
        """Whether a signal has come."""
        return bool(self._received)

    @property
    def exit_code(self) -> int:
        """Exit code of the process: 128 + the number of the first signal.

        If another worker has received the signal, the code is that of SIGTERM.
        """
        return 128 + (self._received[0] if self._received else signal.SIGTERM)

    @contextlib.contextmanager
    def end_at_once(self) -> Iterator[None]:
        """End the process on a signal in this block, in which there is nothing to save."""
        self._ends_at_once = True
        try:
            yield
        finally:
            self._ends_at_once = False

    def note(self, number: int, _: Any) -> None:
        """Handle a signal."""
        self._received.append(number)
        # A terminal that closes may send SIGHUP twice.
        is_hangup = number == signal.SIGHUP
        signal.signal(number, signal.SIG_IGN if is_hangup else signal.SIG_DFL)
        if self._ends_at_once:
            sys.exit(self.exit_code)


@contextlib.contextmanager
def catch_stop_signals() -> Iterator[StopSignals]:
    """Note SIGTERM, SIGINT (Ctrl-C) and SIGHUP. A second SIGTERM or SIGINT kills the process.

    Making a multi-worker strategy installs TensorFlow's own handler, which only notes the signal,
    so use this context afterwards. An ignored signal stays ignored, e.g. under nohup.
    """
    signals = StopSignals()
    before = {n: handler for n in _HANDLED if (handler := signal.getsignal(n)) != signal.SIG_IGN}
    for number in before:
        signal.signal(number, signals.note)
    try:
        yield signals
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
