"""The table of scores: every score by name, with the facts about it that others rely on."""

import dataclasses
import functools
import re
from collections.abc import Callable
from typing import Any

from dist_f1.scores import agreement, linear, ratios
from dist_f1.scores.linear import Ratio

_F_BETA = re.compile(r"f(\d+(?:\.\d+)?)")


@dataclasses.dataclass(frozen=True)
class Score:
    """A score and its properties.

    Args:
        function: Function of `Counts`; with a ratio also of `average`, `zero_division`, `labels`.
        ratio: The score of each class, if classes are averaged.
        one_class_per_row: Whether the score is undefined where a row may have several classes.
        needs_confusion: Whether the score needs the `[C, C]` matrix.
        lower_is_better: Whether training should minimize the score.
    """

    function: Callable[..., Any]
    ratio: Ratio | None = None
    one_class_per_row: bool = False
    needs_confusion: bool = False
    lower_is_better: bool = False


def _weighted_kappa(weights: agreement.Weights) -> Score:
    function = functools.partial(agreement.cohen_kappa, weights=weights)
    return Score(function, one_class_per_row=True, needs_confusion=True)


SCORES = {
    "precision": Score(ratios.precision, linear.PRECISION),
    "recall": Score(ratios.recall, linear.RECALL),
    "specificity": Score(ratios.specificity, linear.SPECIFICITY),
    "jaccard": Score(ratios.jaccard, linear.JACCARD),
    "accuracy": Score(agreement.accuracy),
    "balanced_accuracy": Score(agreement.balanced_accuracy, one_class_per_row=True),
    "matthews_corrcoef": Score(agreement.matthews_corrcoef, one_class_per_row=True),
    "cohen_kappa": Score(agreement.cohen_kappa, one_class_per_row=True),
    "cohen_kappa_linear": _weighted_kappa("linear"),
    "cohen_kappa_quadratic": _weighted_kappa("quadratic"),
    "hamming_loss": Score(agreement.hamming_loss, lower_is_better=True),
}


def beta_of(name: str) -> float | None:
    """Return the beta of `f<beta>`, or `None` for other names."""
    match = _F_BETA.fullmatch(name)
    return float(match[1]) if match and float(match[1]) > 0.0 else None


def find(name: str) -> Score | None:
    """Return the score of that name, `f1` and `f<beta>` included, or `None`."""
    beta = beta_of(name)
    if beta is None:
        return SCORES.get(name)
    return Score(functools.partial(ratios.f_beta, beta=beta), linear.f_beta_ratio(beta))
