"""Copies and pickles of metrics, which keep the counts.

With several workers, each worker must make the copy, since it reads the counts of all.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dist_f1.metrics.base import CountsMetric


class CopiesCounts:
    """A base of metrics whose copies and pickles keep the counts."""

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the arguments, and the counts of all replicas."""
        return _rebuild, _parts_of(self)  # type: ignore[arg-type]

    def __deepcopy__(self, memo: Any = None) -> Any:
        """Copy the arguments and the counts of all replicas, in the scope of the strategy."""
        home = self.accumulator.home  # type: ignore[attr-defined]
        with contextlib.nullcontext() if home is None else home.scope():
            return _rebuild(*_parts_of(self))  # type: ignore[arg-type]


def _parts_of(metric: CountsMetric) -> tuple[type[CountsMetric], dict[str, Any], bytes]:
    """Return the arguments of `_rebuild`: the class, its arguments, and the counts."""
    accumulator = metric.accumulator
    counts = b"" if accumulator.is_empty else accumulator.serialize()
    return type(metric), metric.get_config(), counts


def _rebuild(kind: type[CountsMetric], config: dict[str, Any], counts: bytes) -> CountsMetric:
    """Make a metric with these counts."""
    metric = kind.from_config(config)
    if counts:
        metric.accumulator.deserialize(counts)
    return metric
