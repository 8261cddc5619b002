"""`Scores`: a dict of scores from one accumulator."""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf
from typing_extensions import Unpack

from dist_f1.counts import Counts
from dist_f1.metrics import directions
from dist_f1.metrics.base import CountsMetric, Finish
from dist_f1.metrics.options import MetricOptions
from dist_f1.scores import score_sets
from dist_f1.scores.score_sets import DEFAULT, ScoreSet


@tf.keras.utils.register_keras_serializable(package="dist_f1")
class Scores(CountsMetric):
    """Many scores over all replicas: one accumulator, one decision, one collective.

    `result()` is a dict. Keras shows it in the progress bar and stores it in the history, each
    score under its own name.

    Args:
        scores: Names, see `dist_f1.scores.score_names`: `f1_macro`, `accuracy`, `f2_weighted`,
            `f1_per_class` (an entry for each class, `f1_cat`, by `class_names`), and with
            `num_groups` `f1_macro_by_group` (an entry for each group, `f1_macro_group_0`) and
            `f1_macro_gap`.
        threshold: Threshold of the decisions; see `dist_f1.F1Score`.
        name: Name of the metric. Entries do not include it.
        dtype: Dtype of the values.
        prefix: Prefix of all entry names, to distinguish two such metrics of one model.
        confusion: Whether to count the `[C, C]` matrix for `counts()`, if no score needs it.
        **options: See `dist_f1.metrics.MetricOptions`. `labels` selects the classes that enter
            averages and `_per_class`; scores without averages (accuracy) cover all classes.

    Raises:
        ValueError: A name that is not a score, or a score that these decisions do not have.

    Example:
        >>> metric = Scores(["f1_macro", "recall_per_class"], class_names=["cat", "dog"])
        >>> metric.update_state([0, 1, 1], [[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]])
        >>> {name: round(float(value), 2) for name, value in metric.result().items()}
        {'f1_macro': 0.67, 'recall_cat': 1.0, 'recall_dog': 0.5}
    """

    _default_name = "scores"

    def __init__(
        self,
        scores: Sequence[str] = DEFAULT,
        threshold: Any = None,
        name: str | None = None,
        dtype: Any = None,
        *,
        confusion: bool = False,
        prefix: str = "",
        **options: Unpack[MetricOptions],
    ) -> None:
        if "average" in options:
            raise TypeError("Scores has no average=. It is part of the names, e.g. f1_macro.")
        self._named = score_sets.parse(scores)
        self.scores = tuple(scores)
        self.prefix = prefix
        self._requested_confusion = bool(confusion)
        needed = ScoreSet(self._named)
        self._needs_confusion = bool(confusion) or needed.needs_confusion
        self._betas = needed.betas
        super().__init__(threshold, name, dtype, **options)
        self._set().check_options()

    def log_entries(self) -> tuple[str, ...]:
        """Return the names of the entries; those of classes only if their number is known."""
        layout = self.accumulator.layout
        return tuple(self._set().entries(None if layout is None else layout.num_classes))

    def direction_of(self, entry: str) -> directions.Direction | None:
        """Return whether higher values of a log entry are better; `None` for other entries."""
        if not entry.startswith(self.prefix):
            return None
        return directions.of_scores(self._named, entry.removeprefix(self.prefix))

    def result_by_group(self) -> Any:
        """Raise `ValueError`: the names select scores by group."""
        raise ValueError("Scores by group are selected by name, e.g. f1_macro_by_group.")

    def gap(self) -> Any:
        """Raise `ValueError`: the names select gaps."""
        raise ValueError("Gaps are selected by name, e.g. f1_macro_gap.")

    def score(self, counts: Counts) -> dict[str, Any]:
        """Derive the scores, in float64, without scores by groups."""
        return self._set().overall().evaluate(counts)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments, for `from_config`."""
        return {
            **super().get_config(),
            "scores": list(self.scores),
            "confusion": self._requested_confusion,
            "prefix": self.prefix,
        }

    def _value(self, counts: Counts, finish: Finish) -> dict[str, Any]:
        return self._set().evaluate(counts, finish)

    def _check_classes(self, num_classes: int) -> None:
        self._set().check_classes(num_classes, self.rule.is_multilabel(num_classes))

    def _set(self) -> ScoreSet:
        return ScoreSet(
            self._named,
            self.rule.top_k,
            self.zero_division,
            self.labels,
            self.class_names,
            self.num_groups,
            self.prefix,
        )
