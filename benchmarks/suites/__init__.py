"""The suites. Each is a module with `run(config, context)`, which yields records."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import ml_collections

from benchmarks.records import Record

if TYPE_CHECKING:
    from benchmarks.context import Context

# Suites by name, with the key of their settings in the config. A ConfigDict has a method `update`,
# so the settings of that suite have another key.
SUITES = {
    "update": "updates",
    "per_step": "per_step",
    "collectives": "collectives",
    "read": "read",
    "checkpoint": "checkpoint",
    "scaling": "scaling",
}


def load(name: str) -> Callable[[ml_collections.ConfigDict, Context], Iterator[Record]]:
    """Import a suite, and return its `run`."""
    return importlib.import_module(f"benchmarks.suites.{name}").run
