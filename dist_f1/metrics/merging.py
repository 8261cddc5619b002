"""Adding what other metrics have counted to one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import tensorflow as tf

from dist_f1.counts.layout import Layout
from dist_f1.replicas import contexts

if TYPE_CHECKING:
    from dist_f1.metrics.base import CountsMetric


def merge(into: CountsMetric, metrics: Iterable[CountsMetric]) -> None:
    """Adds the counts of `metrics` to those of `into`; see `CountsMetric.merge_state`.

    Raises:
        ValueError: other classes or another decision, or counts that are one worker's own.
    """
    if isinstance(metrics, tf.keras.metrics.Metric):
        raise ValueError("merge_state takes a list of metrics, got one; pass [metric].")
    metrics = list(metrics)
    for metric in metrics:
        if decision_of(metric) != decision_of(into):
            raise ValueError(
                f"{metric!r} cannot be merged into {into.name}: its counts come from another "
                "decision. Merge metrics with the same threshold, top_k, from_logits, thresholds "
                "and num_groups."
            )
        metric.accumulator.ensure_built()
        _check_source(into.accumulator.strategy, metric.accumulator.strategy)
    read = [m.accumulator.read_locally() for m in metrics if not m.accumulator.is_empty]
    if read:
        total = sum(read[1:], start=read[0])
        layout = Layout.from_counts(total, into._thresholds)
        into.accumulator.build(layout, total.is_weighted or bool(into.weighted))
        into.accumulator.add(total)


def decision_of(metric: Any) -> Any:
    """What must be the same in metrics that are merged; `None` of other metrics."""
    if not hasattr(metric, "accumulator"):
        return None
    return metric.rule, metric._thresholds, metric.num_groups


def _check_source(mine: tf.distribute.Strategy, theirs: tf.distribute.Strategy) -> None:
    """What all workers add outside of replicas must be the same on each of them."""
    if contexts.in_replica() or contexts.num_workers(mine) == 1 or contexts.num_workers(theirs) > 1:
        return
    raise ValueError(
        "A metric that several workers share cannot take over counts that each worker has of its "
        "own. Count under the strategy, or merge values: save counts() on each worker and add them "
        "up with Counts.load."
    )
