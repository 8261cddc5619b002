"""Signals that stop a job."""

import os
import signal

import pytest

from dist_f1.launching import supervisor


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("ignored", [False, True])
def test_a_signal_is_recorded_unless_it_is_ignored(number, ignored):
    before = signal.getsignal(number)
    try:
        signal.signal(number, signal.SIG_IGN if ignored else signal.SIG_DFL)
        handler = signal.getsignal(number)
        with supervisor.stop_signals() as received:
            os.kill(os.getpid(), number)
            assert received == ([] if ignored else [number])
        assert signal.getsignal(number) == handler
    finally:
        signal.signal(number, before)
