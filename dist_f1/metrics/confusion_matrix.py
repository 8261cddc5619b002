"""The confusion matrix as a metric."""

from typing import Any, get_args

import tensorflow as tf
from typing_extensions import Unpack

from dist_f1 import scores
from dist_f1.counts import Counts, misplaced
from dist_f1.metrics.options import MetricOptions
from dist_f1.metrics.unaveraged import UnaveragedMetric


@tf.keras.utils.register_keras_serializable(package="dist_f1")
class ConfusionMatrix(UnaveragedMetric):
    """Rows by true class and predicted class over all replicas, `[C, C]`.

    Where a row may have several classes (`threshold`, `top_k`), the result is `[C, 2, 2]`: each
    class against the rest. One binary value per row gives `[2, 2]`. Its `counts()` also give every
    other score.

    Args:
        normalize: `None` for counts (int64, or float64 with weights), or `"true"`, `"pred"` or
            `"all"` for fractions (in `dtype`); see `dist_f1.scores.confusion_matrix`.
        dtype: Dtype of fractions.
        **options: See `dist_f1.metrics.MetricOptions`.

    Example:
        >>> metric = ConfusionMatrix(num_classes=2)
        >>> metric.update_state([0, 1, 1], [0, 1, 0])
        >>> metric.result().numpy().tolist()
        [[1, 0], [1, 1]]
    """

    _default_name = "confusion_matrix"
    _needs_confusion = True

    def __init__(
        self,
        normalize: scores.Normalize | None = None,
        threshold: Any = None,
        name: str | None = None,
        dtype: Any = None,
        **options: Unpack[MetricOptions],
    ) -> None:
        choices = get_args(scores.Normalize)
        if not (normalize is None or (isinstance(normalize, str) and normalize in choices)):
            raise ValueError(
                f"normalize must be None or one of {', '.join(choices)}, got {normalize!r}."
                f"{misplaced.remedy(normalize, choices)}"
            )
        super().__init__(threshold, name, dtype, **options)
        self.normalize = normalize

    def score(self, counts: Counts) -> Any:
        """Derive the matrix."""
        return scores.confusion_matrix(counts, self.normalize)

    def gap(self) -> Any:
        """Raise `ValueError`: a matrix has no gap."""
        raise ValueError("A matrix has no gap. Compare scores of counts_by_group() instead.")

    def get_config(self) -> dict[str, Any]:
        """Return the arguments, for `from_config`."""
        return {**super().get_config(), "normalize": self.normalize}

    def _cast(self, value: Any) -> Any:
        return value if self.normalize is None else super()._cast(value)
