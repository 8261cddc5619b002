"""The model and the callbacks of the `fit` or `evaluate` that calls a metric.

A metric has no reference to its model, and Keras has no API for the callbacks in use, so the
functions here walk the call stack.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import FrameType
from typing import Any

import tensorflow as tf


def active_model() -> tf.keras.Model | None:
    """Return the model whose `fit` or `evaluate` is the innermost caller, or `None`."""
    for frame in _frames():
        if frame.f_code.co_name in ("fit", "evaluate"):
            caller = frame.f_locals.get("self")
            if isinstance(caller, tf.keras.Model):
                return caller
    return None


def active_callbacks() -> list[Any]:
    """Return the callbacks of the current `fit` or `evaluate`, in their order."""
    for frame in _frames():
        code = frame.f_code
        for name in ("callbacks", "self"):
            if name in code.co_varnames or name in code.co_cellvars:
                value = frame.f_locals.get(name)
                if isinstance(value, tf.keras.callbacks.CallbackList):
                    return list(value.callbacks)
    return []


def _frames() -> Iterator[FrameType]:
    frame: FrameType | None = sys._getframe(2)
    while frame is not None:
        yield frame
        frame = frame.f_back
