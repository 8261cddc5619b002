"""TensorFlow, imported at its first use.

Counts, scores and reports also work on NumPy arrays alone. The commands that read files start
without TensorFlow, whose import takes seconds.
"""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np


class LazyModule:
    """A module that is imported when an attribute is used."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        return getattr(importlib.import_module(self._name), attribute)


if TYPE_CHECKING:
    import tensorflow as tf
else:
    tf = LazyModule("tensorflow")

Array: TypeAlias = "np.ndarray | tf.Tensor"


def is_tensor(x: Any) -> bool:
    """Whether `x` is a tensor. There are none before TensorFlow is imported."""
    return "tensorflow" in sys.modules and bool(tf.is_tensor(x))
