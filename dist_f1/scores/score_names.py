"""Scores by name: `f1_macro`, `f2_per_class`, `accuracy`, `recall_macro_gap`.

- `<score>`: accuracy, balanced_accuracy, matthews_corrcoef, cohen_kappa, cohen_kappa_linear,
  cohen_kappa_quadratic, hamming_loss;
- `<score>_<average>`: f1, f<beta> (f2, f0.5), precision, recall, specificity, jaccard, each with
  binary, micro, macro, weighted, samples or per_class; without an average it is binary;
- any of them with `_by_group` (for each group of rows) or `_gap` (the largest difference between
  two groups).
"""

import dataclasses
from collections.abc import Sequence
from typing import Any, Literal, get_args

from dist_f1.counts import Counts
from dist_f1.scores import table
from dist_f1.scores.averaging import Average
from dist_f1.scores.table import SCORES, Score

GroupReduction = Literal["by_group", "gap"]

_PER_CLASS = "per_class"
_SUFFIXES = (*get_args(Average), _PER_CLASS)


@dataclasses.dataclass(frozen=True)
class NamedScore:
    """A score requested by name.

    Args:
        name: The requested name without its group reduction: `f1_macro`.
        base: Name of the score: `f1`, `accuracy`.
        average: How classes are averaged; `None` for one score per class, and for scores of all
            classes at once.
        group_reduction: Whether the score is derived for each group, or is the gap between groups.
    """

    name: str
    base: str
    average: Average | None
    group_reduction: GroupReduction | None = None

    def __call__(
        self,
        counts: Counts,
        zero_division: float = 0.0,
        labels: Sequence[int] | None = None,
    ) -> Any:
        """Derive the score of `counts`, without the group reduction: a scalar, or `[C]`."""
        if self.score.ratio is None:
            return self.score.function(counts)
        return self.score.function(
            counts, average=self.average, zero_division=zero_division, labels=labels
        )

    @property
    def score(self) -> Score:
        """The row of the table of scores."""
        score = table.find(self.base)
        assert score is not None
        return score

    @property
    def beta(self) -> float | None:
        """Beta of an F-score."""
        return table.beta_of(self.base)

    @property
    def is_per_class(self) -> bool:
        """Whether there is one value for each class."""
        return self.score.ratio is not None and self.average is None

    @property
    def lower_is_better(self) -> bool:
        """Whether training should minimize the value, as for losses and gaps."""
        return self.score.lower_is_better or self.group_reduction == "gap"

    def check(self, num_classes: int, is_multilabel: bool) -> None:
        """Raise `ValueError` if such decisions do not have this score."""
        problem = None
        if self.average == "binary" and (num_classes > 2 or is_multilabel):
            problem = f"needs two classes; use e.g. {self.base}_macro"
        if self.average == "samples" and (not is_multilabel or self.base == "specificity"):
            problem = "needs rows that may have several classes, and is not defined for specificity"
        if self.score.one_class_per_row and is_multilabel:
            problem = "needs one class per row, but threshold or top_k may predict several"
        if problem:
            raise ValueError(f"{self.name} {problem} (there are {num_classes} classes).")


def parse(name: str) -> NamedScore:
    """Parse the name of a score.

    Raises:
        ValueError: No score has that name.

    Example:
        >>> parse("f0.5_macro").beta
        0.5
    """
    rest = name if isinstance(name, str) else ""
    reduction: GroupReduction | None = None
    for ending in get_args(GroupReduction):
        if rest.endswith(f"_{ending}"):
            rest, reduction = rest.removesuffix(f"_{ending}"), ending
            break
    score = table.find(rest)
    if score is not None and score.ratio is None:
        return NamedScore(rest, rest, None, reduction)
    base, underscore, average = rest.partition("_")
    score = table.find(base)
    if score is None or score.ratio is None or (underscore and average not in _SUFFIXES):
        averaged = [name for name, score in SCORES.items() if score.ratio is not None]
        raise ValueError(
            f"{name!r} is not a score. Use one of "
            f"{', '.join(name for name in SCORES if name not in averaged)}; or one of "
            f"{', '.join(averaged)}, f1 and f<beta>, each with _{', _'.join(_SUFFIXES)}. With "
            "num_groups, any of them may end in _by_group or _gap."
        )
    if average == _PER_CLASS:
        return NamedScore(rest, base, None, reduction)
    return NamedScore(rest, base, average or "binary", reduction)  # type: ignore[arg-type]
