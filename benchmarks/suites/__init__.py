"""The suites: modules with `run(config, context)`, which yields rows. Imported when they run."""

from __future__ import annotations

import dataclasses
import importlib
import pathlib
from collections.abc import Callable, Iterator
from typing import Any

import ml_collections

from benchmarks.progress import Progress
from benchmarks.records import Row

SUITES = {
    name: f"benchmarks.suites.{name}"
    for name in ("update", "per_step", "collectives", "read", "checkpoint", "scaling")
}

# Where the config has the settings of a suite, if not under its name: `update` is a method there.
_SECTIONS = {"update": "updates"}


@dataclasses.dataclass(frozen=True)
class Context:
    """What every suite is given, beside its own part of the config."""

    devices: list[str]
    device_label: str
    seed: int
    progress: Progress
    out: pathlib.Path

    def timing(self, config: ml_collections.ConfigDict) -> dict[str, Any]:
        """The arguments of `timing.interleaved` for a suite with `steps` and `budget_seconds`."""
        return {
            "steps": config.steps,
            "seed": self.seed,
            "budget_seconds": config.budget_seconds or None,
            "progress": self.progress.step,
        }


Run = Callable[[ml_collections.ConfigDict, Context], Iterator[Row]]


def load(name: str) -> Run:
    """The `run` of a suite.

    Raises:
        KeyError: there is no such suite.
        ImportError: it needs a package that is not installed.
    """
    return importlib.import_module(SUITES[name]).run


def section(name: str) -> str:
    """The key of a suite's own settings in the config."""
    return _SECTIONS.get(name, name)
