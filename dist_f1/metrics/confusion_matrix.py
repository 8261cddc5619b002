"""The confusion matrix as a metric."""

from __future__ import annotations

from typing import Any, get_args

import tensorflow as tf
from typing_extensions import Unpack

from dist_f1 import scores
from dist_f1.counts import Counts
from dist_f1.metrics.options import MetricOptions
from dist_f1.metrics.unaveraged import AgreementMetric


@tf.keras.utils.register_keras_serializable(package="dist_f1")
class ConfusionMatrix(AgreementMetric):
    """Rows by true and predicted class over all replicas, `[C, C]`.

    Where rows may name several classes (`threshold`, `top_k`), it is `[C, 2, 2]`: each class
    against the rest. One binary score per row gives `[2, 2]`. Counts that it has kept, `counts()`,
    also give every other score.

    Args:
        normalize: `None` for counts (int64, or float64 with weights), or `"true"`, `"pred"` or
            `"all"` for shares (in `dtype`); see `dist_f1.scores.confusion_matrix`.
        threshold: `None` (argmax), or each class on its own.
        name: the name in logs.
        dtype: of shares.
        **options: see `dist_f1.metrics.MetricOptions`.

    Example:
        >>> metric = ConfusionMatrix(num_classes=2)
        >>> metric.update_state([0, 1, 1], [0, 1, 0])
        >>> metric.result().numpy().tolist()
        [[1, 0], [1, 1]]
    """

    _default_name = "confusion_matrix"
    _confusion = True

    def __init__(
        self,
        normalize: scores.Normalize | None = None,
        threshold: Any = None,
        name: str | None = None,
        dtype: Any = None,
        **options: Unpack[MetricOptions],
    ) -> None:
        if normalize not in (None, *get_args(scores.Normalize)):
            raise ValueError(
                f"normalize must be None or one of {', '.join(get_args(scores.Normalize))}, got "
                f"{normalize!r}."
            )
        super().__init__(threshold, name, dtype, **options)
        self.normalize = normalize

    def score(self, counts: Counts) -> Any:
        """The matrix."""
        return scores.confusion_matrix(counts, self.normalize)

    def gap(self) -> Any:
        """There is none.

        Raises:
            ValueError: always.
        """
        raise ValueError("A matrix has no gap; compare scores of counts_by_group().")

    def get_config(self) -> dict[str, Any]:
        """The arguments, for `from_config`."""
        return {**super().get_config(), "normalize": self.normalize}

    def _cast(self, value: Any) -> Any:
        return value if self.normalize is None else super()._cast(value)
