"""TensorFlow, imported at its first use.

Counts, scores and reports also work on NumPy arrays alone. The commands that read files start
without TensorFlow, whose import takes seconds.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

if TYPE_CHECKING:
    import tensorflow as tf
else:

    class _TensorFlow:
        def __getattr__(self, name: str) -> Any:
            import tensorflow

            return getattr(tensorflow, name)

    tf = _TensorFlow()

Array: TypeAlias = "np.ndarray | tf.Tensor"


def is_tensor(x: Any) -> bool:
    """Whether `x` is a tensor. There are none before TensorFlow is imported."""
    return "tensorflow" in sys.modules and bool(tf.is_tensor(x))
