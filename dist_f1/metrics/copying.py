"""Copies and pickles of metrics, which keep the counts.

With several workers, each worker must make the copy, since it reads the counts of all.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dist_f1.metrics.base import CountsMetric


def parts_of(metric: CountsMetric) -> tuple[type[CountsMetric], dict[str, Any], bytes]:
    """Return the arguments of `rebuild`: the class, its arguments, and the counts."""
    accumulator = metric.accumulator
    counts = b"" if accumulator.is_empty else accumulator.serialize()
    return type(metric), metric.get_config(), counts


def rebuild(kind: type[CountsMetric], config: dict[str, Any], counts: bytes) -> CountsMetric:
    """Make a metric with these counts."""
    metric = kind.from_config(config)
    if counts:
        metric.accumulator.deserialize(counts)
    return metric


def deepcopy(metric: CountsMetric) -> CountsMetric:
    """Copy a metric in the scope of its strategy, if it has one."""
    home = metric.accumulator.home
    with contextlib.nullcontext() if home is None else home.scope():
        return rebuild(*parts_of(metric))
