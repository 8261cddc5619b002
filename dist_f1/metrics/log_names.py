"""The names under which Keras 3 logs the metrics of a model.

tf-keras renames the metrics themselves. Keras 3 keeps their names, and logs them with the name of
the output, or with a number or `weighted_` if a name occurs twice. The entries of a dict are logged
under their own names, so that equal entries of two metrics overwrite each other.
"""

from __future__ import annotations

import warnings
import weakref
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import tensorflow as tf

if TYPE_CHECKING:
    from dist_f1.metrics.base import CountsMetric

# Models whose metrics were checked.
_checked: weakref.WeakSet[Any] = weakref.WeakSet()


def names_of(model: tf.keras.Model | None, metric: Any) -> set[str]:
    """Return the names in the logs of a model, without `val_`, that stand for a metric."""
    return {metric.name, *(name for name, other in logged(model) if other is metric)}


def logged(model: tf.keras.Model | None) -> Iterator[tuple[str, Any]]:
    """Yield the metrics of `compile` with their names in the logs."""
    compiled = getattr(model, "_compile_metrics", None)
    times: dict[str, int] = {}
    for attribute in ("_flat_metrics", "_flat_weighted_metrics"):
        for of_output in getattr(compiled, attribute, None) or ():
            for metric in getattr(of_output, "metrics", ()):
                prefix = f"{of_output.output_name}_" if of_output.output_name else ""
                name = f"{prefix}{metric.name}"
                if name in times and attribute == "_flat_weighted_metrics":
                    name = f"{prefix}weighted_{metric.name}"
                times[name] = times.get(name, 0) + 1
                yield (name if times[name] == 1 else f"{name}_{times[name] - 1}"), metric


def check(model: tf.keras.Model | None) -> None:
    """Check that no entry of a dict overwrites another entry of the logs, once for each model.

    Raises:
        ValueError: An entry is overwritten, and no step has run yet. Later there is a warning.
    """
    if model is None or model in _checked:
        return
    _checked.add(model)
    owners: dict[str, str] = {"loss": "the loss of Keras"}
    for name, metric in _metrics(model):
        entries = _dict_entries(metric)
        for entry in entries or (name,):
            owner = owners.setdefault(entry, f"the metric {name}")
            if entries and owner != f"the metric {name}":
                _complain(entry, owner, name, is_late=tf.executing_eagerly())


def _metrics(model: tf.keras.Model) -> list[tuple[str, Any]]:
    """Return all metrics with unique names; those that return no dict come first."""
    found = list(logged(model)) or [(metric.name, metric) for metric in model.metrics]
    return sorted(found, key=lambda item: bool(_dict_entries(item[1])))


def _dict_entries(metric: CountsMetric | Any) -> tuple[str, ...]:
    entries = getattr(metric, "log_entries", None)
    return entries() if callable(entries) else ()


def _complain(entry: str, owner: str, name: str, is_late: bool) -> None:
    message = (
        f"The metric {name} and {owner} both log {entry}, so that one overwrites the other. Give "
        f'one of them a prefix, e.g. prefix="{name.partition("_")[0]}_".'
    )
    if not is_late:
        raise ValueError(message)
    warnings.warn(message, stacklevel=2)
