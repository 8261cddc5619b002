"""Whether higher values are better, for Keras callbacks that wait for the best epoch.

With `mode="auto"`, `EarlyStopping`, `ModelCheckpoint` and `ReduceLROnPlateau` of Keras 3 find the
direction only if a metric of the model has exactly the monitored name. tf-keras takes every name
without "acc" for a loss. The functions here set the mode of such callbacks.
"""

import warnings
from collections.abc import Callable, Iterable
from typing import Any, Literal

import numpy as np
import tensorflow as tf

from dist_f1.metrics import call_stack, log_names
from dist_f1.scores.score_names import NamedScore

Direction = Literal["up", "down"]
DirectionOf = Callable[[str], Direction | None]


def of_scores(named: Iterable[NamedScore], entry: str) -> Direction | None:
    """Return the direction of an entry of a `Scores` metric; `None` for other entries.

    Example:
        >>> from dist_f1.scores import score_names
        >>> of_scores([score_names.parse("f1_per_class")], "f1_cat")
        'up'
    """
    # Exact names first; names of scores per class are patterns.
    for score in sorted(named, key=lambda s: (s.is_per_class, s.group_reduction != "gap")):
        if _is_entry(score, entry):
            return "down" if score.lower_is_better else "up"
    return None


def set_modes_for_metric(metric: Any) -> None:
    """Set the modes of the active callbacks that monitor an entry of the metric."""
    callbacks = call_stack.active_callbacks()
    if not monitoring(callbacks):
        return
    names = log_names.names_of(call_stack.active_model(), metric)

    def direction_of(name: str) -> Direction | None:
        entry = name.removeprefix("val_")
        return metric.direction_of(metric.name if entry in names else entry)

    set_modes(callbacks, direction_of)


def set_modes(callbacks: Iterable[Any], direction_of: DirectionOf) -> None:
    """Set the modes of callbacks, unless their `mode` was given.

    `EarlyStopping` and `ModelCheckpoint` of tf-keras do not store their `mode`. If "auto" chose
    the wrong direction, the mode is flipped with a warning.

    Args:
        callbacks: Any callbacks. Callbacks that monitor nothing are left unchanged.
        direction_of: Function that returns the direction of a log entry, or `None`.
    """
    for callback in monitoring(callbacks):
        direction = direction_of(callback.monitor)
        if direction is None:
            continue
        if hasattr(callback, "mode"):
            _set_mode(callback, direction)
        elif callback.monitor_op in (np.less, np.greater):
            _flip_mode(callback, direction)


def monitoring(callbacks: Iterable[Any]) -> list[Any]:
    """Return the callbacks that wait for the best value of a log entry."""
    keras = tf.keras.callbacks
    kinds = (keras.EarlyStopping, keras.ModelCheckpoint, keras.ReduceLROnPlateau)
    return [callback for callback in callbacks if isinstance(callback, kinds)]


def _is_entry(score: NamedScore, entry: str) -> bool:
    name = f"{score.base}_" if score.is_per_class else score.name
    has_suffix = True
    if score.group_reduction == "gap":
        entry, has_suffix = entry.removesuffix("_gap"), entry.endswith("_gap")
    elif score.group_reduction == "by_group":
        entry, _, group = entry.rpartition("_group_")
        has_suffix = group.isdecimal()
    if not has_suffix:
        return False
    return entry.startswith(name) and entry != name if score.is_per_class else entry == name


def _set_mode(callback: Any, direction: Direction) -> None:
    if callback.mode != "auto":
        return
    callback.mode = "max" if direction == "up" else "min"
    if getattr(callback, "monitor_op", None) is not None and hasattr(callback, "_reset"):
        best = callback.best
        callback._reset()
        if best is not None and np.isfinite(best):
            callback.best = best


def _flip_mode(callback: Any, direction: Direction) -> None:
    monitors_up, is_up = callback.monitor_op is np.greater, direction == "up"
    if monitors_up == is_up or monitors_up != _auto_is_up(callback):
        return
    callback.monitor_op = np.greater if is_up else np.less
    if hasattr(callback, "min_delta"):
        callback.min_delta = abs(callback.min_delta) * (1 if is_up else -1)
    best = getattr(callback, "best", None)
    if best is not None and np.isinf(best):
        callback.best = -np.inf if is_up else np.inf
    before, now, mode = ("lowest", "highest", "max") if is_up else ("highest", "lowest", "min")
    warnings.warn(
        f"{type(callback).__name__} waited for the {before} {callback.monitor}, but the {now} is "
        f'the best. It now waits for the {now}. Pass mode="{mode}" to silence this warning.',
        stacklevel=2,
    )


def _auto_is_up(callback: Any) -> bool:
    """Whether `mode="auto"` of tf-keras waits for the highest value, judging by the name alone."""
    if isinstance(callback, tf.keras.callbacks.EarlyStopping):
        return callback.monitor.endswith(("acc", "accuracy", "auc"))
    return "acc" in callback.monitor or callback.monitor.startswith("fmeasure")
