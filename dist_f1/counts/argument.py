"""`takes_counts`: a clear error if a function of `Counts` gets something else."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

from dist_f1.counts.value import Counts

F = TypeVar("F", bound=Callable[..., Any])


def takes_counts(function: F) -> F:
    """Decorate a function whose first argument is `Counts`.

    Labels and metrics are passed instead most often, as to scikit-learn and torchmetrics.
    """

    @functools.wraps(function)
    def checked(*args: Any, **kwargs: Any) -> Any:
        counts = args[0] if args else kwargs.get("counts")
        if not isinstance(counts, Counts) and (args or "counts" in kwargs):
            is_metric = callable(getattr(counts, "counts", None))
            remedy = (
                "For a metric, pass metric.counts()."
                if is_metric
                else "For labels, pass dist_f1.Counts.from_labels(y_true, y_pred, num_classes)."
            )
            raise ValueError(
                f"{function.__name__}: counts must be Counts, got {type(counts).__name__}. {remedy}"
            )
        return function(*args, **kwargs)

    return checked  # type: ignore[return-value]
