"""Metrics of every class, each with rows and its value by scikit-learn."""

import dataclasses
import functools
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import sklearn.metrics as reference

import dist_f1

EIGHT_SCORES = (
    "f1_macro",
    "f1_micro",
    "f1_weighted",
    "precision_macro",
    "recall_macro",
    "accuracy",
    "balanced_accuracy",
    "matthews_corrcoef",
)

CLASSES = 3
_RANDOM = np.random.default_rng(0)
_IDS = _RANDOM.integers(0, CLASSES, 60)
_SCORES = _RANDOM.random((60, CLASSES)).astype(np.float32)
_BEST = _SCORES.argmax(-1)
_INDICATORS = _RANDOM.integers(0, 2, (60, CLASSES))
_WEIGHT = _RANDOM.choice([0.25, 1.0, 3.0], 60)
_THRESHOLDS = (0.25, 0.5, 0.75)
_TWO_BEST = np.argsort(np.argsort(_SCORES)) > 0
_BINARY = {"y_true": _IDS == 0, "y_pred": _SCORES[:, :1]}
_MULTILABEL = {"y_true": _INDICATORS, "y_pred": _SCORES}


@dataclasses.dataclass(frozen=True)
class MetricCase:
    """A metric, the arguments of `update_state`, and its value.

    Fields:
        make: Makes the metric. It takes further keywords.
        expected: Value of the metric by scikit-learn, or some entries of a dict.
        rows: Arguments of `update_state`, each `[N, ...]`.
    """

    make: Callable[..., Any]
    expected: Any
    rows: Mapping[str, np.ndarray] = dataclasses.field(
        default_factory=lambda: {"y_true": _IDS, "y_pred": _SCORES}
    )

    @property
    def num_classes(self) -> int:
        """Number of classes."""
        return self.rows["y_pred"].shape[-1]

    def update(self, metric: Any, rows: slice = slice(None)) -> Any:
        """Update a metric with some of the rows; return the metric."""
        metric.update_state(**{name: values[rows] for name, values in self.rows.items()})
        return metric


def _case(kind: str, expected: Any, *args: Any, rows: Any = None, **options: Any) -> MetricCase:
    make = functools.partial(getattr(dist_f1, kind), *args, **options)
    return MetricCase(make, expected) if rows is None else MetricCase(make, expected, rows)


def _averaged(score: Callable[..., Any], average: str | None, **options: Any) -> Any:
    return score(_IDS, _BEST, average=average, **options)


CASES = {
    "f1_per_class": _case("F1Score", _averaged(reference.f1_score, None)),
    "f1_macro": _case("F1Score", _averaged(reference.f1_score, "macro"), "macro"),
    "f1_binary": _case(
        "F1Score", reference.f1_score(_IDS == 0, _SCORES[:, 0] > 0.5), "binary", 0.5, rows=_BINARY
    ),
    "f1_samples": _case(
        "F1Score",
        reference.f1_score(_INDICATORS, _SCORES > 0.5, average="samples", zero_division=0),
        "samples",
        0.5,
        rows=_MULTILABEL,
    ),
    "f1_groups": _case(
        "F1Score",
        _averaged(reference.f1_score, "macro"),
        "macro",
        num_groups=2,
        rows={"y_true": _IDS, "y_pred": _SCORES, "by": np.arange(60) % 2},
    ),
    "f2_weighted": _case(
        "FBetaScore", _averaged(reference.fbeta_score, "weighted", beta=2.0), "weighted", 2.0
    ),
    "f0.5_samples": _case(
        "FBetaScore",
        reference.fbeta_score(
            _INDICATORS, _SCORES > 0.5, beta=0.5, average="samples", zero_division=0
        ),
        "samples",
        0.5,
        0.5,
        rows=_MULTILABEL,
    ),
    "precision_of_two_best": _case(
        "Precision",
        reference.precision_score(np.eye(CLASSES)[_IDS], _TWO_BEST, average="micro"),
        "micro",
        top_k=2,
    ),
    "recall_weighted_rows": _case(
        "Recall",
        _averaged(reference.recall_score, "macro", sample_weight=_WEIGHT),
        "macro",
        rows={"y_true": _IDS, "y_pred": _SCORES, "sample_weight": _WEIGHT},
    ),
    "specificity_macro": _case(
        "Specificity",
        np.mean([reference.recall_score(c != _IDS, c != _BEST) for c in range(CLASSES)]),
        "macro",
    ),
    "jaccard_micro": _case("JaccardIndex", _averaged(reference.jaccard_score, "micro"), "micro"),
    "accuracy": _case("Accuracy", reference.accuracy_score(_IDS, _BEST)),
    "accuracy_top_k": _case(
        "Accuracy", reference.top_k_accuracy_score(_IDS, _SCORES, k=2, labels=range(3)), top_k=2
    ),
    "balanced_accuracy": _case("BalancedAccuracy", reference.balanced_accuracy_score(_IDS, _BEST)),
    "matthews_corrcoef": _case("MatthewsCorrCoef", reference.matthews_corrcoef(_IDS, _BEST)),
    "cohen_kappa": _case("CohenKappa", reference.cohen_kappa_score(_IDS, _BEST)),
    "cohen_kappa_quadratic": _case(
        "CohenKappa", reference.cohen_kappa_score(_IDS, _BEST, weights="quadratic"), "quadratic"
    ),
    "hamming_loss": _case("HammingLoss", reference.hamming_loss(_IDS, _BEST)),
    "confusion": _case("ConfusionMatrix", reference.confusion_matrix(_IDS, _BEST)),
    "confusion_normalized": _case(
        "ConfusionMatrix", reference.confusion_matrix(_IDS, _BEST, normalize="true"), "true"
    ),
    "scores": _case(
        "Scores",
        {
            "f1_macro": _averaged(reference.f1_score, "macro"),
            "cohen_kappa_linear": reference.cohen_kappa_score(_IDS, _BEST, weights="linear"),
            **{f"recall_{c}": v for c, v in enumerate(_averaged(reference.recall_score, None))},
        },
        ["f1_macro", "cohen_kappa_linear", "recall_per_class"],
    ),
    "sweep": _case(
        "ThresholdSweep",
        {
            "best_f1": max(
                reference.f1_score(_INDICATORS, np.float32(t) < _SCORES, average="macro")
                for t in _THRESHOLDS
            )
        },
        _THRESHOLDS,
        rows=_MULTILABEL,
    ),
}
