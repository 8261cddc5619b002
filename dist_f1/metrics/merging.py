"""Adding what other metrics have counted to a metric."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import tensorflow as tf

from dist_f1.counts.layout import Layout
from dist_f1.replicas import contexts

if TYPE_CHECKING:
    from dist_f1.metrics.base import CountsMetric


def merge(into: CountsMetric, metrics: Iterable[CountsMetric]) -> None:
    """Add the counts of `metrics` to those of `into`; see `CountsMetric.merge_state`.

    Raises:
        ValueError: The classes or decisions differ, or the counts belong to one worker.
    """
    if isinstance(metrics, tf.keras.metrics.Metric):
        raise ValueError("merge_state takes a list of metrics, got one metric. Pass [metric].")
    metrics = list(metrics)
    for metric in metrics:
        if not hasattr(metric, "spec") or metric.spec.decision != into.spec.decision:
            raise ValueError(
                f"{metric!r} cannot be merged into {into.name}, because its counts come from "
                "another decision. Merge metrics with the same threshold, top_k, from_logits, "
                "thresholds and num_groups."
            )
        metric.accumulator.ensure_built()
        _check_source(into.accumulator.strategy, metric.accumulator.strategy)
    read = [m.accumulator.read_locally() for m in metrics if not m.accumulator.is_empty]
    if read:
        total = sum(read[1:], start=read[0])
        thresholds = into.spec.layout(total.num_classes).thresholds
        layout = Layout.from_counts(total, thresholds)
        own = into.spec.layout(total.num_classes)
        if own.samples and not set(own.samples) <= set(layout.samples or ()):
            raise ValueError(
                f"{into.name} has a sample average, and a metric to merge does not count row by "
                "row. Merge metrics that have sample averages too."
            )
        if own.covers(layout):
            layout = own
        into.accumulator.build(layout, total.is_weighted or bool(into.weighted))
        into.accumulator.add(total)


def _check_source(mine: tf.distribute.Strategy, theirs: tf.distribute.Strategy) -> None:
    """Raise if the workers would add different counts outside of replicas."""
    if contexts.in_replica() or contexts.num_workers(mine) == 1 or contexts.num_workers(theirs) > 1:
        return
    raise ValueError(
        "A metric of several workers cannot take over counts that belong to one worker. Count "
        "under the strategy, or merge values: save counts() on each worker, and add them with "
        "Counts.load."
    )
