"""The metrics of this library with which a model is compiled."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import tensorflow as tf

from dist_f1.counting import CountSpec
from dist_f1.metrics import ThresholdSweep
from dist_f1.metrics.base import CountsMetric


def strategy_of(model: tf.keras.Model) -> tf.distribute.Strategy:
    """Return the strategy of a model."""
    return getattr(model, "distribute_strategy", None) or tf.distribute.get_strategy()


def metrics_of(model: tf.keras.Model) -> list[CountsMetric]:
    """Return the metrics of this library with which a model is compiled."""
    return list(_flatten(getattr(model, "metrics", ())))


def given_metrics(model: tf.keras.Model) -> list[CountsMetric]:
    """Return the metrics of this library in `compile`, also before Keras has built the model."""
    holder = getattr(model, "_compile_metrics", None) or getattr(model, "compiled_metrics", None)
    given = tf.nest.flatten(getattr(holder, "_user_metrics", None))
    return metrics_of(model) or [x for x in given if isinstance(x, CountsMetric)]


def most_detailed(metrics: Sequence[CountsMetric]) -> CountsMetric:
    """Return the metric whose counts have the most details.

    Raises:
        ValueError: There are no metrics.
    """
    if not metrics:
        raise ValueError(
            "The model is compiled without a metric of dist_f1. Add one, e.g. dist_f1.Scores(), or "
            "pass an EvaluateScores callback as metric=."
        )

    def details(metric: CountsMetric) -> tuple[bool, ...]:
        has_matrix = isinstance(metric.spec, CountSpec) and metric.spec.confusion
        return not isinstance(metric, ThresholdSweep), has_matrix, metric.class_names is not None

    return max(metrics, key=details)


def _flatten(metrics: Iterable[Any]) -> Iterator[CountsMetric]:
    for metric in metrics:
        if isinstance(metric, CountsMetric):
            yield metric
        else:
            # Keras 3 wraps the metrics of compile in one metric.
            yield from _flatten(getattr(metric, "metrics", ()))
