"""Results of a metric if rows could not be counted: an error, NaN, or a score and a warning."""

from __future__ import annotations

import math
import warnings
import weakref
from collections.abc import Callable
from typing import Any, Literal

import tensorflow as tf

from dist_f1.counts import Counts
from dist_f1.counts.validity import describe_invalid
from dist_f1.metrics.call_stack import active_model

OnInvalid = Literal["raise", "nan", "warn"]

# For each model, the warnings and the metric that gave each. Metrics of the same rows have the same
# warning.
_warned: weakref.WeakKeyDictionary[Any, dict[str, weakref.ref[InvalidRows]]] = (
    weakref.WeakKeyDictionary()
)


class InvalidRows:
    """React to rows that could not be counted, with one warning until the next reset.

    Metrics of one model that cannot count the same rows give one warning together.

    Args:
        name: Name of the metric.
        on_invalid: `"raise"` an error; `"nan"`: every score is NaN, with a warning; `"warn"`: the
            scores of the other rows, with a warning. `None` is `"nan"` in `Model.fit` and
            `Model.evaluate`, and otherwise `"raise"`.

    A step in a graph cannot raise or warn. `"raise"` and `"nan"` make its scores NaN, for four more
    operations. `None` does not: `fit` and `evaluate` read the scores again after the last step.
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
            counts: Counts that the scores are derived from.
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
            return self._on_invalid in ("raise", "nan") and tf.cast(counts.invalid, tf.bool)
        message = describe_invalid(counts)
        if not message:
            return False
        model = active_model()
        on_invalid = self._on_invalid or ("raise" if model is None else "nan")
        if on_invalid == "raise":
            raise ValueError(message)
        if not self._has_warned:
            self._has_warned = True
            what = "is NaN" if on_invalid == "nan" else "is the score of the other rows"
            if model is None or self._is_first_to_warn(model, f"{what}: {message}"):
                _warn(f"The metric {self._name} {what}: {message}")
        return on_invalid == "nan"

    def _is_first_to_warn(self, model: tf.keras.Model, message: str) -> bool:
        """Return whether no other metric of the model has given the warning since its reset."""
        current = {text: by for text, by in _warned.get(model, {}).items() if _has_warned(by)}
        _warned[model] = {message: weakref.ref(self), **current}
        return _warned[model][message]() is self


def _has_warned(reference: weakref.ref[InvalidRows]) -> bool:
    metric = reference()
    return metric is not None and metric._has_warned


def _warn(message: str) -> None:
    # `warnings.warn` shows equal warnings only once, but every epoch has its own. The place is the
    # package, because no line of the caller is the cause.
    warnings.warn_explicit(message, UserWarning, "dist_f1", 1, module=__name__, registry={})
