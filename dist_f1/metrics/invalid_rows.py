"""What a metric returns if rows could not be counted: an error, NaN, or a score and a warning."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any, Literal

import tensorflow as tf

from dist_f1.counts import Counts
from dist_f1.counts.validity import describe_invalid
from dist_f1.metrics.call_stack import active_model
from dist_f1.metrics.legacy_keras import IS_LEGACY

OnInvalid = Literal["raise", "nan", "warn"]


class InvalidRows:
    """React to rows that could not be counted, with one warning until the next reset.

    Args:
        name: Name of the metric.
        on_invalid: `"raise"` an error; `"nan"`: every score is NaN, with a warning; `"warn"`: the
            scores of the other rows, with a warning. `None` is `"nan"` in `Model.fit` and
            `Model.evaluate`, and otherwise `"raise"`.

    A step in a graph cannot raise or warn. `"raise"` and `"nan"` make its scores NaN, for five more
    operations. `None` does so only for tf-keras, where the scores of the last step are those of the
    epoch; Keras 3 reads them again after the epoch.
    """

    def __init__(self, name: str, on_invalid: OnInvalid | None) -> None:
        self._name = name
        self._on_invalid = on_invalid
        self._has_warned = False

    def reset(self) -> None:
        """Warn again."""
        self._has_warned = False

    def finish(self, counts: Counts, cast: Callable[[Any], Any]) -> Callable[[Any], Any]:
        """Return `cast`, or a function that makes its results NaN too.

        Args:
            counts: What the scores are derived from.
            cast: Function that casts a derived value.

        Raises:
            ValueError: Rows could not be counted, and `on_invalid` is `"raise"`.
        """
        make_nan = self._make_nan(counts)
        if make_nan is False:
            return cast

        def finish(value: Any) -> Any:
            value = cast(value)
            # Integers, e.g. of a confusion matrix, have no NaN.
            if not value.dtype.is_floating:
                return value
            return tf.where(make_nan, tf.constant(math.nan, value.dtype), value)

        return finish

    def _make_nan(self, counts: Counts) -> tf.Tensor | bool:
        """Return whether scores derived from the counts must be NaN."""
        if not tf.executing_eagerly():
            in_graph = self._on_invalid or ("nan" if IS_LEGACY else "warn")
            return in_graph != "warn" and tf.cast(counts.invalid, tf.bool)
        message = describe_invalid(counts)
        if not message:
            return False
        on_invalid = self._on_invalid or ("raise" if active_model() is None else "nan")
        if on_invalid == "raise":
            raise ValueError(message)
        if not self._has_warned:
            self._has_warned = True
            what = "is NaN" if on_invalid == "nan" else "is the score of the other rows"
            _warn(f"{self._name} {what}: {message}")
        return on_invalid == "nan"


def _warn(message: str) -> None:
    # `warnings.warn` shows equal warnings only once, but every epoch has its own.
    warnings.warn_explicit(message, UserWarning, __file__, 0, registry={})
