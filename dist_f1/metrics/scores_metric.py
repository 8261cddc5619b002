"""`Scores`: a dict of scores from one accumulator."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf
from typing_extensions import Unpack

from dist_f1 import counting
from dist_f1.counts import Counts
from dist_f1.counts.layout import Layout
from dist_f1.metrics import directions
from dist_f1.metrics.base import CountsMetric
from dist_f1.metrics.options import MetricOptions
from dist_f1.scores import score_sets
from dist_f1.scores.score_sets import DEFAULT


@tf.keras.utils.register_keras_serializable(package="dist_f1")
class Scores(CountsMetric):
    """Many scores over all replicas: one accumulator, one decision, one collective.

    `result()` is a dict, which Keras shows in the progress bar and keeps in the history, each
    score under its own name.

    Args:
        scores: names, see `dist_f1.scores.score_names`: `f1_macro`, `accuracy`, `f2_weighted`,
            `f1_per_class` (an entry for each class, `f1_cat`, by `class_names`), and with
            `num_groups` `f1_macro_by_group` (an entry for each group, `f1_macro_group_0`) and
            `f1_macro_gap`.
        threshold: `None` (argmax), or each class on its own; see `DecisionRule`.
        name: of the metric; entries do not carry it.
        dtype: of the values.
        prefix: of the names of the entries, to tell two such metrics in one model apart.
        confusion: keep the `[C, C]` matrix also where no score needs it, for `counts()`.
        **options: see `dist_f1.metrics.MetricOptions`. `labels` chooses the classes that enter
            averages and `_per_class`; scores without averages (accuracy) are of all classes.

    Raises:
        ValueError: a name that is no score, or a score that these decisions do not have.

    Example:
        >>> metric = Scores(["f1_macro", "recall_per_class"], class_names=["cat", "dog"])
        >>> metric.update_state([0, 1, 1], [[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]])
        >>> {name: round(float(value), 2) for name, value in metric.result().items()}
        {'f1_macro': 0.67, 'recall_cat': 1.0, 'recall_dog': 0.5}
    """

    _default_name = "scores"
    _unread_fields = ("invalid",)

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
            raise TypeError("Scores takes no average=; it is part of the names, f1_macro.")
        self._named = score_sets.parse(scores)
        self.scores = tuple(scores)
        self.prefix = prefix
        self._asks_confusion = bool(confusion)
        # What the layout depends on comes before the accumulator.
        asked_for = score_sets.ScoreSet(self._named)
        self._confusion = confusion or asked_for.needs_confusion
        self._betas = asked_for.betas
        super().__init__(None, threshold, name, dtype, **options)
        self._set().check_options()

    def direction_of(self, entry: str) -> directions.Direction | None:
        """Whether more of an entry of `result()` is better; `None` if there is no such entry."""
        if not entry.startswith(self.prefix):
            return None
        return directions.of_scores(self._named, entry.removeprefix(self.prefix))

    def result_by_group(self) -> Any:
        """There is none.

        Raises:
            ValueError: always.
        """
        raise ValueError("Scores reads groups by name: ask for f1_macro_by_group, say.")

    def gap(self) -> Any:
        """There is none.

        Raises:
            ValueError: always.
        """
        raise ValueError("Scores reads gaps by name: ask for f1_macro_gap, say.")

    def score(self, counts: Counts) -> dict[str, Any]:
        """The scores of some counts, in float64; those by groups are left out."""
        return self._set().overall().entries(counts)

    def get_config(self) -> dict[str, Any]:
        """The arguments, for `from_config`."""
        config = super().get_config()
        del config["average"]
        return {
            **config,
            "scores": list(self.scores),
            "confusion": self._asks_confusion,
            "prefix": self.prefix,
        }

    def _value(self, counts: Counts) -> dict[str, Any]:
        return self._set().entries(counts, self._cast)

    def _layout(self, num_classes: int) -> Layout:
        self._set().check_classes(num_classes, counting.is_multilabel(self.rule, num_classes))
        return super()._layout(num_classes)

    def _set(self) -> score_sets.ScoreSet:
        return score_sets.ScoreSet(
            self._named,
            self.rule.top_k,
            self.zero_division,
            self.labels,
            self.class_names,
            self.num_groups,
            self.prefix,
        )
