"""`ScoreSet`: several scores by name from one set of counts, an entry for each value."""

from __future__ import annotations

import collections
import dataclasses
import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from dist_f1 import scores
from dist_f1.counts import Counts
from dist_f1.counts import arrays as xp
from dist_f1.scores import batched, by_group, score_names
from dist_f1.scores.averaging import check_averaging, check_samples
from dist_f1.scores.score_names import NamedScore

DEFAULT = ("f1_macro", "f1_micro", "precision_macro", "recall_macro", "accuracy")


@dataclasses.dataclass(frozen=True)
class ScoreSet:
    """Scores by name (see `dist_f1.scores.score_names`) and the names of their entries.

    Args:
        named: the scores.
        top_k: of the decisions that are counted.
        zero_division: of scores that have averages, as are `labels`.
        labels: the classes that enter averages and `_per_class`.
        class_names: in the names of the entries of `_per_class`.
        num_groups: how many groups there are, for `_by_group`.
        prefix: of the names of all entries.
    """

    named: tuple[NamedScore, ...]
    top_k: int | None = None
    zero_division: float = 0.0
    labels: Sequence[int] | None = None
    class_names: Sequence[str] | None = None
    num_groups: int | None = None
    prefix: str = ""

    @property
    def betas(self) -> tuple[float, ...]:
        """The betas whose F is averaged over rows, beyond 1; the counts must keep them."""
        betas = {s.beta for s in self.named if s.average == "samples" and s.beta is not None}
        return tuple(sorted(betas - {1.0}))

    @property
    def needs_confusion(self) -> bool:
        """Whether a score is derived from the `[C, C]` matrix."""
        return any(score.needs_confusion for score in self.named)

    def check_options(self) -> None:
        """Raises `ValueError` if the scores and the options exclude each other."""
        if self.num_groups is None and any(score.spread for score in self.named):
            raise ValueError(
                "A score by groups was asked for, but there are none; pass num_groups=, and by= "
                "with each batch."
            )
        for score in self.named:
            check_averaging(score.average, self.zero_division, self.labels)
            check_samples(score.average, self.labels, names_several=True)

    def check_classes(self, num_classes: int, several: bool) -> None:
        """Raises `ValueError` if decisions of that kind do not have these scores.

        Args:
            num_classes: C.
            several: whether a row may name several classes.
        """
        times = collections.Counter(
            name for score in self.named for name in self._names_of(score, num_classes)
        )
        twice = sorted(name for name, number in times.items() if number > 1)
        if twice:
            raise ValueError(
                f"Two scores would be called {', '.join(twice)}. Leave one out, or give the class "
                "another name."
            )
        for score in self.named:
            score.check(num_classes, several)

    def overall(self) -> ScoreSet:
        """Those of all rows; scores by groups are left out."""
        return dataclasses.replace(
            self, named=tuple(score for score in self.named if score.spread is None)
        )

    def entries(
        self, counts: Counts, cast: Callable[[Any], Any] = lambda value: value
    ) -> dict[str, Any]:
        """The values by name.

        Args:
            counts: in a leading axis of groups, if there are groups.
            cast: applied to all values before they are taken apart into entries.
        """
        names: list[str] = []
        values: list[Any] = []
        overall = counts.overall() if len(counts.total.shape) else counts
        together = batched.batched(self.named, overall, self.zero_division, self.labels)
        if together:
            names += [self._names_of(score, counts.num_classes)[0] for score in together]
            found = batched.evaluate(together, overall, self.zero_division, self.labels)
            values.append(found)
        for score in self.named:
            if score in together:
                continue
            function = functools.partial(self._evaluate, score)
            if score.spread == "by_group":
                value = by_group.by_group(function, counts)
            elif score.spread == "gap":
                value = by_group.gap(function, counts)
            else:
                value = function(overall)
            names += self._names_of(score, counts.num_classes)
            values.append(xp.reshape(value, [-1]))
        # In one piece: there may be thousands of entries.
        whole = cast(xp.concat_last(values))
        entries = dict(zip(names, tf.unstack(whole) if tf.is_tensor(whole) else whole, strict=True))
        in_order = [n for s in self.named for n in self._names_of(s, counts.num_classes)]
        return {name: entries[name] for name in in_order}

    def _evaluate(self, score: NamedScore, counts: Counts) -> Any:
        if score.base == "accuracy":
            return accuracy(counts, self.top_k)
        return score(counts, self.zero_division, self.labels)

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


def parse(names: Sequence[str]) -> tuple[NamedScore, ...]:
    """The scores that the names mean.

    Raises:
        ValueError: no names, or one that no score has.
    """
    if isinstance(names, str) or not names:
        raise ValueError(f"scores must be a sequence of names, got {names!r}.")
    return tuple(score_names.parse(name) for name in names)


def accuracy(counts: Counts, top_k: int | None) -> Any:
    """Accuracy; of top-k decisions, the share of true classes that are among the k best."""
    return scores.accuracy(counts) if top_k is None else scores.recall(counts, "micro", math.nan)
