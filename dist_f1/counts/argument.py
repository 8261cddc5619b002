"""A clear error if a function of `Counts` gets something else, as labels or a metric."""

from __future__ import annotations

import functools
import inspect
import os
from collections.abc import Callable
from typing import Any, TypeVar

from dist_f1.counts.value import Counts

F = TypeVar("F", bound=Callable[..., Any])


def takes_counts(function: F) -> F:
    """Decorate a function that has an argument `counts`.

    Labels and metrics are passed instead most often, as to scikit-learn and torchmetrics.
    """
    return takes(Counts, "counts", _remedy)(function)


def takes(kind: type[Any], argument: str, remedy: Callable[[Any], str]) -> Callable[[F], F]:
    """Decorate a function, to raise `ValueError` if an argument has another type.

    Args:
        kind: Type of the argument.
        argument: Name of the argument.
        remedy: Function from another value to what to pass instead.
    """

    def decorate(function: F) -> F:
        position = list(inspect.signature(function).parameters).index(argument)

        @functools.wraps(function)
        def checked(*args: Any, **kwargs: Any) -> Any:
            # A missing argument is an error of Python.
            value = args[position] if len(args) > position else kwargs.get(argument, _MISSING)
            if value is not _MISSING and not isinstance(value, kind):
                raise ValueError(
                    f"{checked.__name__}: {argument} must be {kind.__name__}, got "
                    f"{type(value).__name__}. {remedy(value)}"
                )
            return function(*args, **kwargs)

        return checked  # type: ignore[return-value]

    return decorate


_MISSING = object()


def _remedy(value: Any) -> str:
    if callable(getattr(value, "sweep", None)):
        return "For a ThresholdSweep, pass metric.sweep().at(threshold)."
    if callable(getattr(value, "counts", None)):
        return "For a metric, pass metric.counts()."
    if hasattr(value, "average_precision"):
        return "For a sweep, pass sweep.at(threshold), or sweep.counts for a score at each of them."
    if isinstance(value, str | os.PathLike):
        return "For a file, pass dist_f1.Counts.load(path)."
    return "For labels, pass dist_f1.Counts.from_labels(y_true, y_pred, num_classes)."
