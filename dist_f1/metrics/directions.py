"""Whether more is better, for those of Keras's callbacks that wait for the best epoch.

`EarlyStopping`, `ModelCheckpoint` and `ReduceLROnPlateau` with `mode="auto"` find out by
themselves in Keras 3 if a metric of the model has the very name that they watch. tf-keras takes
what has no "acc" in its name for a loss. Here they are told.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterable
from typing import Any, Literal

import numpy as np
import tensorflow as tf

from dist_f1.scores.score_names import NamedScore

Direction = Literal["up", "down"]
DirectionOf = Callable[[str], Direction | None]


def running() -> list[Any]:
    """The callbacks of the `fit` or `evaluate` from which we are called, in their order.

    Keras hands this list to nobody: neither a callback nor a metric knows who else is there.
    """
    frame = sys._getframe(1)
    while frame is not None:
        code = frame.f_code
        for name in ("callbacks", "self"):
            if name in code.co_varnames or name in code.co_cellvars:
                value = frame.f_locals.get(name)
                if isinstance(value, tf.keras.callbacks.CallbackList):
                    return list(value.callbacks)
        frame = frame.f_back  # type: ignore[assignment]
    return []


def of_scores(named: Iterable[NamedScore], entry: str) -> Direction | None:
    """The direction of an entry of a `Scores` metric; `None` if it is none of these scores.

    Example:
        >>> from dist_f1 import score_names
        >>> of_scores([score_names.parse("f1_per_class")], "f1_cat")
        'up'
    """
    # A score's own name says more than the pattern of one that has an entry for each class.
    for score in sorted(named, key=lambda score: (score.is_per_class, score.spread != "gap")):
        if _is_entry(score, entry):
            return "down" if score.lower_is_better else "up"
    return None


def tell(metric: Any) -> None:
    """Tells the callbacks of the `fit` we are called from what a metric of its model means."""
    point(running(), lambda name: metric.direction_of(name.removeprefix("val_")))


def point(callbacks: Iterable[Any], direction_of: DirectionOf) -> None:
    """Gives callbacks the direction of what they watch, unless their `mode` was set by hand.

    tf-keras's `EarlyStopping` and `ModelCheckpoint` do not remember their `mode`. One that looks
    the wrong way, as "auto" does there, is turned around with a warning.

    Args:
        callbacks: any callbacks; those that watch nothing are left alone.
        direction_of: the direction of a name in the logs, `None` if it is not known.
    """
    for callback in watching(callbacks):
        direction = direction_of(callback.monitor)
        if direction is None:
            continue
        if hasattr(callback, "mode"):
            _set_mode(callback, direction)
        elif callback.monitor_op in (np.less, np.greater):
            _turn(callback, direction)


def watching(callbacks: Iterable[Any]) -> list[Any]:
    """Those that wait for the best value of something."""
    keras = tf.keras.callbacks
    kinds = (keras.EarlyStopping, keras.ModelCheckpoint, keras.ReduceLROnPlateau)
    return [callback for callback in callbacks if isinstance(callback, kinds)]


def _is_entry(score: NamedScore, entry: str) -> bool:
    name = f"{score.base}_" if score.is_per_class else score.name
    if score.spread == "gap":
        entry, ending = entry.removesuffix("_gap"), entry.endswith("_gap")
    elif score.spread == "by_group":
        entry, _, group = entry.rpartition("_group_")
        ending = group.isdecimal()
    else:
        ending = True
    if not ending:
        return False
    return entry.startswith(name) and entry != name if score.is_per_class else entry == name


def _set_mode(callback: Any, direction: Direction) -> None:
    if callback.mode != "auto":
        return
    callback.mode = "max" if direction == "up" else "min"
    if getattr(callback, "monitor_op", None) is not None and hasattr(callback, "_reset"):
        seen = callback.best
        callback._reset()
        if seen is not None and np.isfinite(seen):
            callback.best = seen


def _turn(callback: Any, direction: Direction) -> None:
    looks_up, better_up = callback.monitor_op is np.greater, direction == "up"
    if looks_up == better_up or looks_up != _automatic(callback):
        return
    callback.monitor_op = np.greater if better_up else np.less
    if hasattr(callback, "min_delta"):
        callback.min_delta = abs(callback.min_delta) * (1 if better_up else -1)
    best = getattr(callback, "best", None)
    if best is not None and np.isinf(best):
        callback.best = -np.inf if better_up else np.inf
    words = ("lower", "highest", "lowest", "min")
    if better_up:
        words = ("higher", "lowest", "highest", "max")
    better, before, now, mode = words
    warnings.warn(
        f"{type(callback).__name__} looked for the {before} {callback.monitor}, of which {better} "
        f'is better. It now looks for the {now}; pass mode="{mode}" to say so yourself.',
        stacklevel=2,
    )


def _automatic(callback: Any) -> bool:
    """Whether `mode="auto"` looks for the highest value, from the name alone."""
    if isinstance(callback, tf.keras.callbacks.EarlyStopping):
        return callback.monitor.endswith(("acc", "accuracy", "auc"))
    return "acc" in callback.monitor or callback.monitor.startswith("fmeasure")
