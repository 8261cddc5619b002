"""The context of benchmarks in tests, without any output."""

import pathlib

from benchmarks.context import Context
from benchmarks.progress import Progress

DEVICES = tuple(f"CPU:{i}" for i in range(4))


def quiet_context(out=None, devices=DEVICES):
    return Context(devices, "4 devices", 0, Progress(quiet=True), pathlib.Path(out or "."))
