"""A case for every public metric and every kind of input, with random rows."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

import dist_f1

SCORES = ("f1_macro", "f1_per_class", "cohen_kappa_linear", "matthews_corrcoef", "accuracy")
# Powers of two, which every dtype represents exactly.
THRESHOLDS = (0.125, 0.25, 0.5, 0.75)


@dataclasses.dataclass(frozen=True)
class Case:
    """A metric and the rows of one replica.

    Args:
        metric: Metric class.
        options: Constructor arguments, without the number of classes.
        classes: Number of classes C.
        lead: Leading shape of a replica's batch.
        targets: `"ids"`, `"one-hot"` or `"multilabel"`.
        ids: Dtype of the targets.
        predictions: Dtype of the predictions; an integer dtype stands for predicted labels.
        inputs: Optional arguments of `update_state`.
    """

    metric: type
    options: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    classes: int = 4
    lead: tuple[int, ...] = (6,)
    targets: str = "ids"
    ids: str = "int32"
    predictions: str = "float32"
    inputs: tuple[str, ...] = ()

    @property
    def is_weighted(self) -> bool:
        """Whether the metric sums sample weights."""
        return "sample_weight" in self.inputs

    def make(self, **options: Any) -> Any:
        """Create the metric."""
        weighted = {"weighted": True} if self.is_weighted else {}
        return self.metric(**self.options, **weighted, num_classes=self.classes, **options)

    def columns(self, replicas: int, seed: int = 0) -> dict[str, np.ndarray]:
        """Draw the arguments of `update_state`, with the replicas as first axis.

        If rows can be masked or ignored, those of the last replica all are.
        """
        rng = np.random.default_rng(seed)
        shape = (replicas, *self.lead)
        columns = {"y_true": self._targets(rng, shape), "y_pred": self._predictions(rng, shape)}
        if "mask" in self.inputs:
            columns["mask"] = rng.random(shape) < 0.7
            columns["mask"][-1] = False
        if "sample_weight" in self.inputs:
            columns["sample_weight"] = rng.random(shape, np.float32)
            columns["sample_weight"][-1] = 0.0
        if "by" in self.inputs:
            columns["by"] = rng.integers(0, self.options["num_groups"], shape, np.int32)
        return columns

    def _targets(self, rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        if self.targets == "multilabel":
            return (rng.random((*shape, self.classes)) < 0.4).astype(self.ids)
        ids = rng.integers(0, max(self.classes, 2), shape)
        if self.targets == "one-hot":
            return np.eye(self.classes)[ids].astype(self.ids)
        if "ignore_class" in self.options:
            ids[rng.random(shape) < 0.2] = self.options["ignore_class"]
            ids[-1] = self.options["ignore_class"]
        return ids.astype(self.ids)

    def _predictions(self, rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        if self.predictions.startswith("int"):
            return rng.integers(0, self.classes, shape).astype(self.predictions)
        if self.options.get("from_logits"):
            predictions = rng.normal(size=(*shape, self.classes))
        else:
            predictions = rng.random((*shape, self.classes))
        return predictions.astype(tf.as_dtype(self.predictions).as_numpy_dtype)


_MACRO = {"average": "macro"}
_THRESHOLD = {**_MACRO, "threshold": 0.5}
_IGNORE = {"ignore_class": 255}
_SWEEP = {"thresholds": THRESHOLDS}
_SAMPLES = {"average": "samples", "beta": 2.0, "threshold": 0.5}

# The kind of input does not depend on the metric, so each kind occurs with one metric.
CASES = {
    "F1Score": Case(dist_f1.F1Score, _MACRO),
    "FBetaScore, int64 ids": Case(dist_f1.FBetaScore, {**_MACRO, "beta": 2.0}, ids="int64"),
    "Precision, float32 ids": Case(dist_f1.Precision, _MACRO, ids="float32"),
    "Recall, one-hot": Case(dist_f1.Recall, _MACRO, targets="one-hot", ids="float32"),
    "Specificity, predicted labels": Case(dist_f1.Specificity, _MACRO, predictions="int32"),
    "JaccardIndex, segmentation": Case(
        dist_f1.JaccardIndex, {**_MACRO, **_IGNORE}, classes=19, lead=(2, 8, 8)
    ),
    "Accuracy, bfloat16": Case(dist_f1.Accuracy, predictions="bfloat16"),
    "BalancedAccuracy, ignored class": Case(dist_f1.BalancedAccuracy, _IGNORE),
    "MatthewsCorrCoef, 1,000 classes": Case(dist_f1.MatthewsCorrCoef, classes=1000, lead=(128,)),
    "CohenKappa, quadratic": Case(dist_f1.CohenKappa, {"weights": "quadratic"}),
    "HammingLoss, multilabel": Case(dist_f1.HammingLoss, {"threshold": 0.5}, targets="multilabel"),
    "ConfusionMatrix": Case(dist_f1.ConfusionMatrix),
    "ConfusionMatrix, weighted": Case(dist_f1.ConfusionMatrix, inputs=("sample_weight",)),
    "Scores": Case(dist_f1.Scores, {"scores": SCORES}),
    "ThresholdSweep": Case(dist_f1.ThresholdSweep, _SWEEP),
    "ThresholdSweep, multilabel": Case(dist_f1.ThresholdSweep, _SWEEP, targets="multilabel"),
    "ThresholdSweep, 200 thresholds": Case(dist_f1.ThresholdSweep),
    "samples average": Case(dist_f1.FBetaScore, _SAMPLES, targets="multilabel"),
    "binary": Case(dist_f1.F1Score, {"threshold": 0.5}, classes=1),
    "threshold, ids": Case(dist_f1.F1Score, _THRESHOLD),
    "logits": Case(dist_f1.F1Score, {**_THRESHOLD, "from_logits": True}, targets="multilabel"),
    "top 2": Case(dist_f1.F1Score, {**_MACRO, "top_k": 2}),
    "masked": Case(dist_f1.F1Score, _MACRO, inputs=("mask",)),
    "weighted": Case(dist_f1.F1Score, _MACRO, inputs=("sample_weight",)),
    "weighted and masked": Case(dist_f1.F1Score, _MACRO, inputs=("sample_weight", "mask")),
    "groups": Case(dist_f1.F1Score, {**_MACRO, "num_groups": 3}, inputs=("by",)),
}
