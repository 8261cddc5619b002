"""`ScoreSet`: several named scores of the same counts, one entry per value."""

from __future__ import annotations

import collections
import dataclasses
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from dist_f1 import scores
from dist_f1.counts import Counts, misplaced
from dist_f1.counts import arrays as xp
from dist_f1.counts.lazy_tensorflow import Array
from dist_f1.counts.visible_text import visible_name
from dist_f1.scores import batched, by_group, score_names
from dist_f1.scores.averaging import check_averaging, check_samples
from dist_f1.scores.score_names import NamedScore

DEFAULT = ("f1_macro", "f1_micro", "precision_macro", "recall_macro", "accuracy")


@dataclasses.dataclass(frozen=True)
class ScoreSet:
    """Scores by name (see `dist_f1.scores.score_names`) and the names of their entries.

    Args:
        named: The scores.
        top_k: `top_k` of the counted decisions.
        zero_division: For scores with averages, as is `labels`.
        labels: The classes that enter averages and `_per_class`.
        class_names: Names of the classes, for the entries of `_per_class`.
        num_groups: Number of groups, for `_by_group`.
        prefix: Prefix of all entry names.
    """

    named: tuple[NamedScore, ...]
    top_k: int | None = None
    zero_division: float = 0.0
    labels: Sequence[int] | None = None
    class_names: Sequence[str] | None = None
    num_groups: int | None = None
    prefix: str = ""

    @property
    def betas(self) -> tuple[float, ...] | None:
        """Further betas than 1 whose F is averaged over rows; `None` if no score needs row sums."""
        if not any(s.average == "samples" or s.base == "accuracy" for s in self.named):
            return None
        betas = {s.beta for s in self.named if s.average == "samples" and s.beta is not None}
        return tuple(sorted(betas - {1.0}))

    @property
    def needs_confusion(self) -> bool:
        """Whether a score needs the `[C, C]` matrix."""
        return any(named.score.needs_confusion for named in self.named)

    def check_options(self) -> None:
        """Raise `ValueError` if the scores and the options exclude each other."""
        if self.num_groups is None and any(score.group_reduction for score in self.named):
            raise ValueError(
                "A score by groups was requested, but there are no groups. Pass num_groups=, and "
                "by= with each batch."
            )
        for score in self.named:
            check_averaging(score.average, self.zero_division, self.labels)
            check_samples(score.average, self.labels, is_multilabel=True)

    def check_classes(self, num_classes: int, is_multilabel: bool) -> None:
        """Raise `ValueError` if such decisions do not have these scores."""
        check_averaging(None, self.zero_division, self.labels, num_classes)
        times = collections.Counter(self.entries(num_classes))
        twice = sorted(name for name, number in times.items() if number > 1)
        if twice:
            raise ValueError(
                f"Two scores would have the name {', '.join(twice)}. Remove one, or rename the "
                "class."
            )
        for score in self.named:
            score.check(num_classes, is_multilabel)

    def entries(self, num_classes: int | None) -> list[str]:
        """Return the names of all entries; without C, those that do not depend on it."""
        known = [s for s in self.named if num_classes is not None or not s.is_per_class]
        return [name for score in known for name in self._names_of(score, num_classes or 0)]

    def overall(self) -> ScoreSet:
        """Return the set without scores by groups."""
        named = tuple(score for score in self.named if score.group_reduction is None)
        return dataclasses.replace(self, named=named)

    def evaluate(
        self, counts: Counts, cast: Callable[[Array], Array] = lambda values: values
    ) -> dict[str, Any]:
        """Derive all values by name, from counts with a leading axis of groups if there are groups.

        `cast` is applied to the vector of all values.
        """
        names: list[str] = []
        values: list[Array] = []
        overall = counts.overall() if len(counts.total.shape) else counts
        together = batched.batched(self.named, overall, self.zero_division, self.labels)
        if together:
            names += [self._names_of(score, counts.num_classes)[0] for score in together]
            values.append(batched.evaluate(together, overall, self.zero_division, self.labels))
        for score in self.named:
            if score in together:
                continue
            names += self._names_of(score, counts.num_classes)
            values.append(xp.reshape(self._derive(score, counts, overall), [-1]))
        # One vector, since there may be thousands of entries.
        entries = dict(zip(names, xp.unstack(cast(xp.concat_last(values))), strict=True))
        return {name: entries[name] for name in self.entries(counts.num_classes)}

    def _derive(self, score: NamedScore, counts: Counts, overall: Counts) -> Array:
        def function(counts: Counts) -> Array:
            if score.base == "accuracy":
                return accuracy(counts, self.top_k)
            return score(counts, self.zero_division, self.labels)

        if score.group_reduction == "by_group":
            return by_group.by_group(function, counts)
        if score.group_reduction == "gap":
            return by_group.gap(function, counts)
        return function(overall)

    def _names_of(self, score: NamedScore, num_classes: int) -> list[str]:
        names = [score.name]
        if score.is_per_class:
            classes = self.labels or ([1] if num_classes == 1 else range(num_classes))
            shown = self.class_names or [str(c) for c in range(max(num_classes, 2))]
            names = [f"{score.base}_{visible_name(shown[c])}" for c in classes]
        names = [f"{self.prefix}{name}" for name in names]
        if score.group_reduction == "gap":
            return [f"{name}_gap" for name in names]
        if score.group_reduction == "by_group":
            groups = range(self.num_groups or 0)
            return [f"{name}_group_{group}" for group in groups for name in names]
        return names


def parse(names: Sequence[str]) -> tuple[NamedScore, ...]:
    """Parse the names of scores.

    Raises:
        ValueError: There are no names, or one is not the name of a score.
    """
    if isinstance(names, str) or not isinstance(names, Iterable) or not names:
        raise ValueError(
            f"scores must be a sequence of names, got {names!r}.{misplaced.remedy(names)}"
        )
    return tuple(score_names.parse(name) for name in names)


def accuracy(counts: Counts, top_k: int | None) -> Array:
    """Return accuracy; for top-k decisions, the fraction of true classes among the k best."""
    return scores.accuracy(counts) if top_k is None else scores.recall(counts, "micro", math.nan)
