"""Every public metric and every kind of input, and the rows that are counted."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

import dist_f1

SCORES = ("f1_macro", "f1_per_class", "cohen_kappa_linear", "matthews_corrcoef", "accuracy")
# Powers of two, which all dtypes can compare exactly.
THRESHOLDS = (0.125, 0.25, 0.5, 0.75)


@dataclasses.dataclass(frozen=True)
class Case:
    """A metric, and what the rows of one replica are like.

    Args:
        metric: its class.
        options: what it is made with, beside the number of classes.
        classes: C.
        lead: the leading shape of what a replica is given.
        targets: `"ids"`, `"one-hot"` or `"several"` classes of a row.
        ids: the dtype of the targets.
        scores: the dtype of the scores; an integer stands for labels that are decided.
        given: further arguments of `update_state`.
    """

    metric: type
    options: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    classes: int = 4
    lead: tuple[int, ...] = (6,)
    targets: str = "ids"
    ids: str = "int32"
    scores: str = "float32"
    given: tuple[str, ...] = ()

    @property
    def weighted(self) -> bool:
        """Whether what is counted are weights."""
        return "sample_weight" in self.given

    def make(self, **options: Any) -> Any:
        """The metric."""
        kind = {"weighted": True} if self.weighted else {}
        return self.metric(**self.options, **kind, num_classes=self.classes, **options)

    def columns(self, replicas: int, seed: int = 0) -> dict[str, np.ndarray]:
        """The arguments of `update_state` on all replicas, which are their first axis.

        Of rows that may be left out, the last replica has no others.
        """
        rng = np.random.default_rng(seed)
        shape = (replicas, *self.lead)
        columns = {"y_true": self._targets(rng, shape), "y_pred": self._scores(rng, shape)}
        if "mask" in self.given:
            columns["mask"] = rng.random(shape) < 0.7
            columns["mask"][-1] = False
        if "sample_weight" in self.given:
            columns["sample_weight"] = rng.random(shape, np.float32)
            columns["sample_weight"][-1] = 0.0
        if "by" in self.given:
            columns["by"] = rng.integers(0, self.options["num_groups"], shape, np.int32)
        return columns

    def _targets(self, rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        if self.targets == "several":
            return (rng.random((*shape, self.classes)) < 0.4).astype(self.ids)
        ids = rng.integers(0, max(self.classes, 2), shape)
        if self.targets == "one-hot":
            return np.eye(self.classes)[ids].astype(self.ids)
        if "ignore_class" in self.options:
            ids[rng.random(shape) < 0.2] = self.options["ignore_class"]
            ids[-1] = self.options["ignore_class"]
        return ids.astype(self.ids)

    def _scores(self, rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        if self.scores.startswith("int"):
            return rng.integers(0, self.classes, shape).astype(self.scores)
        if self.options.get("from_logits"):
            scores = rng.normal(size=(*shape, self.classes))
        else:
            scores = rng.random((*shape, self.classes))
        return scores.astype(tf.as_dtype(self.scores).as_numpy_dtype)


_MACRO = {"average": "macro"}
_EACH = {"average": "macro", "threshold": 0.5}
_SWEEP = {"thresholds": THRESHOLDS}

CASES = {
    "F1Score": Case(dist_f1.F1Score, _MACRO),
    "FBetaScore": Case(dist_f1.FBetaScore, {**_MACRO, "beta": 2.0}),
    "Precision": Case(dist_f1.Precision, _MACRO),
    "Recall": Case(dist_f1.Recall, _MACRO),
    "Specificity": Case(dist_f1.Specificity, _MACRO),
    "JaccardIndex": Case(dist_f1.JaccardIndex, _MACRO),
    "Accuracy": Case(dist_f1.Accuracy),
    "BalancedAccuracy": Case(dist_f1.BalancedAccuracy),
    "MatthewsCorrCoef": Case(dist_f1.MatthewsCorrCoef),
    "CohenKappa, quadratic": Case(dist_f1.CohenKappa, {"weights": "quadratic"}),
    "HammingLoss, multilabel": Case(dist_f1.HammingLoss, {"threshold": 0.5}, targets="several"),
    "ConfusionMatrix": Case(dist_f1.ConfusionMatrix),
    "ConfusionMatrix, weighted": Case(dist_f1.ConfusionMatrix, given=("sample_weight",)),
    "Scores": Case(dist_f1.Scores, {"scores": SCORES}),
    "ThresholdSweep": Case(dist_f1.ThresholdSweep, _SWEEP),
    "ThresholdSweep, multilabel": Case(dist_f1.ThresholdSweep, _SWEEP, targets="several"),
    "ThresholdSweep, 200 thresholds": Case(dist_f1.ThresholdSweep),
    "ids int64": Case(dist_f1.F1Score, _MACRO, ids="int64"),
    "ids float32": Case(dist_f1.F1Score, _MACRO, ids="float32"),
    "one-hot": Case(dist_f1.F1Score, _MACRO, targets="one-hot", ids="float32"),
    "decided labels": Case(dist_f1.F1Score, _MACRO, scores="int32"),
    "multilabel": Case(dist_f1.F1Score, _EACH, targets="several"),
    "samples average": Case(
        dist_f1.FBetaScore, {"average": "samples", "beta": 2.0, "threshold": 0.5}, targets="several"
    ),
    "binary": Case(dist_f1.F1Score, {"threshold": 0.5}, classes=1),
    "threshold, ids": Case(dist_f1.F1Score, _EACH),
    "logits": Case(dist_f1.F1Score, {**_EACH, "from_logits": True}, targets="several"),
    "top 2": Case(dist_f1.F1Score, {**_MACRO, "top_k": 2}),
    "masked": Case(dist_f1.F1Score, _MACRO, given=("mask",)),
    "weighted": Case(dist_f1.F1Score, _MACRO, given=("sample_weight",)),
    "weighted and masked": Case(dist_f1.F1Score, _MACRO, given=("sample_weight", "mask")),
    "ignored class": Case(dist_f1.F1Score, {**_MACRO, "ignore_class": 255}),
    "groups": Case(dist_f1.F1Score, {**_MACRO, "num_groups": 3}, given=("by",)),
    "bfloat16": Case(dist_f1.F1Score, _MACRO, scores="bfloat16"),
    "segmentation": Case(
        dist_f1.JaccardIndex, {**_MACRO, "ignore_class": 255}, classes=19, lead=(2, 8, 8)
    ),
    "1,000 classes": Case(dist_f1.F1Score, _MACRO, classes=1000, lead=(128,)),
}
