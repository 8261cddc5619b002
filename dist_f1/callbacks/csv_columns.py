"""The columns of Keras's `CSVLogger`, which takes them from the logs of the first epoch."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import tensorflow as tf


def warn_of_order(before: Iterable[Any]) -> None:
    """Warn of a `CSVLogger` among the callbacks that come before the scores are in the logs."""
    if any(isinstance(callback, tf.keras.callbacks.CSVLogger) for callback in before):
        warnings.warn(
            "CSVLogger comes before EvaluateScores, so its file has no scores. Put EvaluateScores "
            "first in the list of callbacks.",
            stacklevel=2,
        )


def add_columns(
    callbacks: Iterable[Any], logs: Mapping[str, Any], names: Callable[[], Iterable[str]]
) -> None:
    """Choose the columns of each `CSVLogger` that has none yet.

    The columns are those of Keras, and one for each score, also if the first epoch has no scores.

    Args:
        callbacks: Any callbacks.
        logs: Logs of the first epoch, without the scores.
        names: Function that returns the names of the scores in the logs.
    """
    loggers = [x for x in callbacks if isinstance(x, tf.keras.callbacks.CSVLogger)]
    for logger in loggers:
        if logger.keys is None:
            columns = sorted(logs)
            # As in Keras: validation may start in a later epoch.
            if not any(name.startswith("val_") for name in columns):
                columns += [f"val_{name}" for name in columns]
            logger.keys = list(dict.fromkeys([*columns, *names()]))
