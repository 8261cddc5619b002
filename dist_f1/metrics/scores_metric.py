"""`Scores`: a dict of scores from one accumulator."""

from __future__ import annotations

import collections
import functools
from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf
from typing_extensions import Unpack

from dist_f1 import _arrays as xp
from dist_f1 import counting, groups, score_names
from dist_f1.averaging import check_averaging, check_samples
from dist_f1.counts import Counts
from dist_f1.layout import Layout
from dist_f1.metrics import agreement, directions
from dist_f1.metrics.base import CountsMetric
from dist_f1.metrics.options import MetricOptions
from dist_f1.score_names import NamedScore

DEFAULT = ("f1_macro", "f1_micro", "precision_macro", "recall_macro", "accuracy")


@tf.keras.utils.register_keras_serializable(package="dist_f1")
class Scores(CountsMetric):
    """Many scores over all replicas: one accumulator, one decision, one collective.

    `result()` is a dict, which Keras shows in the progress bar and keeps in the history, each
    score under its own name.

    Args:
        scores: names, see `dist_f1.score_names`: `f1_macro`, `accuracy`, `f2_weighted`,
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
        if isinstance(scores, str) or not scores:
            raise ValueError(f"scores must be a sequence of names, got {scores!r}.")
        named = [score_names.parse(score) for score in scores]
        self.scores = tuple(scores)
        self._named = named
        self.prefix = prefix
        self._asks_confusion = bool(confusion)
        self._confusion = confusion or any(score.needs_confusion for score in named)
        self._betas = tuple(
            sorted({s.beta for s in named if s.average == "samples" and s.beta not in (None, 1.0)})
        )
        super().__init__(None, threshold, name, dtype, **options)
        if self.num_groups is None and any(score.spread for score in named):
            raise ValueError(
                "A score by groups was asked for, but there are none; pass num_groups=, and by= to "
                "update_state."
            )
        for score in named:
            check_averaging(score.average, self.zero_division, self.labels)
            check_samples(score.average, self.labels, names_several=True)

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
        named = [score for score in self._named if score.spread is None]
        return self._entries(counts, named, lambda value: value)

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
        # Cast before they are taken apart into entries, of which there may be thousands.
        return self._entries(counts, self._named, self._cast)

    def _entries(
        self, counts: Counts, named: Sequence[NamedScore], cast: Callable[[Any], Any]
    ) -> dict[str, Any]:
        entries: dict[str, Any] = {}
        overall = counts.overall() if len(counts.total.shape) else counts
        for score in named:
            function = functools.partial(self._evaluate, score)
            if score.spread == "by_group":
                value = groups.by_group(function, counts)
            elif score.spread == "gap":
                value = groups.gap(function, counts)
            else:
                value = function(overall)
            entries |= self._expanded(score, cast(value), counts.num_classes)
        return entries

    def _evaluate(self, score: NamedScore, counts: Counts) -> Any:
        if score.base == "accuracy":
            return agreement.accuracy(counts, self.rule.top_k)
        return score(counts, self.zero_division, self.labels)

    def _expanded(self, score: NamedScore, value: Any, num_classes: int) -> dict[str, Any]:
        """The entries of one score: of each class and each group, if it has several."""
        names = self._names_of(score, num_classes)
        if len(names) == 1:
            return {names[0]: xp.flat(value)[0]}
        values = xp.flat(value)
        values = tf.unstack(values) if tf.is_tensor(values) else values
        return dict(zip(names, values, strict=True))

    def _names_of(self, score: NamedScore, num_classes: int) -> list[str]:
        names = [score.name]
        if score.is_per_class:
            classes = self.labels or ([1] if num_classes == 1 else range(num_classes))
            shown = self.class_names or [str(c) for c in range(max(num_classes, 2))]
            names = [f"{score.base}_{shown[c]}" for c in classes]
        names = [f"{self.prefix}{name}" for name in names]
        if score.spread == "gap":
            return [f"{name}_gap" for name in names]
        if score.spread == "by_group":
            number = self.num_groups or 0
            return [f"{name}_group_{group}" for group in range(number) for name in names]
        return names

    def _entry_names(self, num_classes: int) -> list[str]:
        return [name for score in self._named for name in self._names_of(score, num_classes)]

    def _layout(self, num_classes: int) -> Layout:
        times = collections.Counter(self._entry_names(num_classes))
        twice = sorted(name for name, number in times.items() if number > 1)
        if twice:
            raise ValueError(
                f"Two scores would be called {', '.join(twice)}. Leave one out, or give the class "
                "another name."
            )
        several = counting.is_multilabel(self.rule, num_classes)
        for score in self._named:
            score.check(num_classes, several)
        return super()._layout(num_classes)
