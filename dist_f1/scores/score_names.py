"""Scores by name: `f1_macro`, `f2_per_class`, `accuracy`, `recall_macro_gap`.

- `<score>`: accuracy, balanced_accuracy, matthews_corrcoef, cohen_kappa, cohen_kappa_linear,
  cohen_kappa_quadratic, hamming_loss;
- `<score>_<average>`: f1, f<beta> (f2, f0.5), precision, recall, specificity, jaccard, each with
  binary, micro, macro, weighted, samples or per_class; without an average it is binary;
- any of them with `_by_group` (of each group of rows) or `_gap` (the largest between two groups).
"""

from __future__ import annotations

import dataclasses
import functools
import re
from collections.abc import Callable, Sequence
from typing import Any, Literal, get_args

from dist_f1 import scores
from dist_f1.counts import Counts
from dist_f1.scores import linear
from dist_f1.scores.averaging import Average
from dist_f1.scores.linear import Ratio

_RATIOS: dict[str, Callable[..., Any]] = {
    "precision": scores.precision,
    "recall": scores.recall,
    "specificity": scores.specificity,
    "jaccard": scores.jaccard,
}
_PARTS = {
    "precision": linear.PRECISION,
    "recall": linear.RECALL,
    "specificity": linear.SPECIFICITY,
    "jaccard": linear.JACCARD,
}
_WHOLE: dict[str, Callable[..., Any]] = {
    "accuracy": scores.accuracy,
    "balanced_accuracy": scores.balanced_accuracy,
    "matthews_corrcoef": scores.matthews_corrcoef,
    "cohen_kappa": scores.cohen_kappa,
    "cohen_kappa_linear": functools.partial(scores.cohen_kappa, weights="linear"),
    "cohen_kappa_quadratic": functools.partial(scores.cohen_kappa, weights="quadratic"),
    "hamming_loss": scores.hamming_loss,
}
_NEED_CONFUSION = ("cohen_kappa_linear", "cohen_kappa_quadratic")
_ONE_CLASS_PER_ROW = tuple(name for name in _WHOLE if name not in ("accuracy", "hamming_loss"))
_F_BETA = re.compile(r"f(\d+(?:\.\d+)?)")
_PER_CLASS = "per_class"

Spread = Literal["by_group", "gap"]


@dataclasses.dataclass(frozen=True)
class NamedScore:
    """A score that was asked for by name.

    Args:
        name: what it was asked for as, without what is said about groups: `f1_macro`.
        base: the score, `f1` or `accuracy`.
        average: how classes are averaged; `None` for a score per class, and for scores of all
            classes at once.
        is_ratio: whether it is a score that has averages.
        spread: whether it is read for each group, or as the gap between groups.
    """

    name: str
    base: str
    average: Average | None
    is_ratio: bool
    spread: Spread | None = None

    def __call__(
        self,
        counts: Counts,
        zero_division: float = 0.0,
        labels: Sequence[int] | None = None,
    ) -> Any:
        """The score of `counts`, whatever `spread` says: a scalar, or `[C]` per class."""
        if not self.is_ratio:
            return _WHOLE[self.base](counts)
        if self.beta is not None:
            return scores.f_beta(counts, self.beta, self.average, zero_division, labels)
        return _RATIOS[self.base](counts, self.average, zero_division, labels)

    def check(self, num_classes: int, several: bool) -> None:
        """Raises `ValueError` if decisions of that kind do not have this score.

        Args:
            num_classes: C.
            several: whether a row may name several classes.
        """
        problem = None
        if self.average == "binary" and (num_classes > 2 or several):
            problem = f"is of two classes; ask for {self.base}_macro, say"
        if self.average == "samples" and (not several or self.base == "specificity"):
            problem = "is for rows that may name several classes, and not for specificity"
        if self.base in _ONE_CLASS_PER_ROW and several:
            problem = "is defined for one class per row, but threshold or top_k may name several"
        if problem:
            raise ValueError(f"{self.name} {problem} (there are {num_classes} classes).")

    @property
    def beta(self) -> float | None:
        """The beta of an F-score."""
        match = _F_BETA.fullmatch(self.base)
        return float(match[1]) if match else None

    @property
    def ratio(self) -> Ratio | None:
        """What it is for each class, if it has averages."""
        if not self.is_ratio:
            return None
        return _PARTS[self.base] if self.beta is None else linear.f_beta_ratio(self.beta)

    @property
    def is_per_class(self) -> bool:
        """Whether there is one value for each class."""
        return self.is_ratio and self.average is None

    @property
    def needs_confusion(self) -> bool:
        """Whether it is derived from the `[C, C]` matrix."""
        return self.base in _NEED_CONFUSION

    @property
    def lower_is_better(self) -> bool:
        """Whether training should make it smaller; so it is for losses and for gaps."""
        return self.base == "hamming_loss" or self.spread == "gap"


def parse(name: str) -> NamedScore:
    """The score that a name means.

    Raises:
        ValueError: no score has that name.

    Example:
        >>> parse("f0.5_macro").beta
        0.5
    """
    spread: Spread | None = None
    rest = name if isinstance(name, str) else ""
    for ending in get_args(Spread):
        if rest.endswith(f"_{ending}"):
            rest, spread = rest.removesuffix(f"_{ending}"), ending
            break
    if rest in _WHOLE:
        return NamedScore(rest, rest, None, False, spread)
    base, _, average = rest.partition("_")
    averages = (*get_args(Average), _PER_CLASS)
    known = base in _RATIOS or (_F_BETA.fullmatch(base) and float(base[1:]) > 0.0)
    if not known or (average and average not in averages) or rest.endswith("_"):
        raise ValueError(
            f"{name!r} is no score. Known are {', '.join(_WHOLE)}; and {', '.join(_RATIOS)}, f1 "
            f"and f<beta>, each with _{', _'.join(averages)}; with num_groups also _by_group and "
            "_gap after any of them."
        )
    if average == _PER_CLASS:
        return NamedScore(rest, base, None, True, spread)
    chosen: Any = average or "binary"
    return NamedScore(rest, base, chosen, True, spread)
