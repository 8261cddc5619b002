"""The outputs of a model and their targets, by name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf


def output_names(
    model: tf.keras.Model, targets: Any, selected: Sequence[str] | None
) -> tuple[str | None, ...]:
    """Return the names of the outputs to score; `(None,)` for a model with one output.

    Args:
        model: Model. The outputs of a functional model have names.
        targets: Structure of the targets: one for each output in a dict, a tuple or a list, or
            only one.
        selected: Names of the outputs to score, or `None` for all that have targets.

    Raises:
        ValueError: The targets do not show to which outputs they belong, or an output is unknown.
    """
    names = _all_names(model, targets)
    if selected is None:
        if isinstance(targets, dict):
            return tuple(targets)
        if names is None:
            return (None,)
        if not isinstance(targets, tuple | list) or len(targets) != len(names):
            raise ValueError(
                f"The model has the outputs {', '.join(names)}, but the dataset has "
                f"{len(tf.nest.flatten(targets))} target(s). Pass one target for each output, e.g. "
                "a dict, or outputs= with the output that the target belongs to."
            )
        return names
    unknown = [name for name in selected if names is not None and name not in names]
    if unknown or names is None:
        raise ValueError(
            f"outputs={list(selected)}, but the outputs of the model are "
            f"{', '.join(names) if names else 'not named'}. Choose among them."
        )
    return tuple(selected)


def pick(values: Any, name: str | None, model: tf.keras.Model, what: str) -> Any:
    """Return the value of one output.

    Raises:
        ValueError: There are several values, and none is known to be that of the output.
    """
    if isinstance(values, dict) and name in values:
        return values[name]
    flat = list(values) if isinstance(values, tuple | list) else tf.nest.flatten(values)
    if len(flat) == 1:
        return flat[0]
    order = _order_of(model, flat)
    if name not in order:
        raise ValueError(
            f"The {what} of the output {name!r} is not known among {len(flat)} values. Use a dict "
            "with the names of the outputs, a model with one output, or outputs=."
        )
    return flat[order.index(name)]


def _all_names(model: tf.keras.Model, targets: Any) -> tuple[str, ...] | None:
    """Return the names of all outputs, or `None` if there is only one."""
    found = getattr(model, "output_names", None) or ()
    if len(found) > 1:
        return tuple(found)
    if isinstance(targets, dict):
        return tuple(targets)
    if isinstance(targets, tuple | list) and len(targets) > 1:
        return tuple(map(str, range(len(targets))))
    return None


def _order_of(model: tf.keras.Model, values: Sequence[Any]) -> list[str]:
    names = list(getattr(model, "output_names", None) or ())
    return names if len(names) == len(values) else [str(index) for index in range(len(values))]
