"""The training step of `Model.fit`, with many metrics at once."""

from __future__ import annotations

import dataclasses
import inspect
from typing import Any

import numpy as np
import tensorflow as tf
from helpers import tpu

from tpu.cases import CASES, Case

ROWS, FEATURES, CLASSES = 6, 3, 4


def cases(is_multilabel: bool) -> list[Case]:
    """Return a case of each metric, and a weighted one, with rows that a model can predict."""
    found: dict[tuple[type, bool], Case] = {}
    for case in CASES.values():
        has_targets = (case.targets == "multilabel") == is_multilabel and case.classes > 1
        if has_targets and set(case.inputs) <= {"sample_weight"}:
            found.setdefault((case.metric, case.is_weighted), case)
    rows = {"classes": CLASSES, "lead": (ROWS,), "ids": "int32", "predictions": "float32"}
    return [dataclasses.replace(case, **rows) for case in found.values()]


class Fit:
    """A compiled model with the metrics of `cases`, each with both kinds of `sync`.

    Args:
        is_multilabel: Whether the targets are multilabel.
        replicas: Number of replicas of the strategy.
    """

    def __init__(self, is_multilabel: bool, replicas: int) -> None:
        self.cases, self.strategy = cases(is_multilabel), tpu(replicas)
        self._is_multilabel = is_multilabel
        loss = "binary_crossentropy" if is_multilabel else "sparse_categorical_crossentropy"
        with self.strategy.scope():
            self.model = tf.keras.Sequential(
                [
                    tf.keras.Input([FEATURES]),
                    tf.keras.layers.Dense(CLASSES, activation="softmax"),
                ]
            )
            self.model.compile(
                optimizer="sgd",
                loss=loss,
                metrics=self._metrics(is_weighted=False),
                weighted_metrics=self._metrics(is_weighted=True),
            )

    def traced(self) -> Any:
        """Return the concrete function of a training step."""
        rows = ROWS * self.strategy.num_replicas_in_sync
        rng = np.random.default_rng(0)
        shape = (rows, CLASSES) if self._is_multilabel else (rows,)
        data = tf.data.Dataset.from_tensor_slices(
            (
                rng.random((rows, FEATURES), np.float32),
                rng.integers(0, 2, shape, np.int32),
                np.ones(rows, np.float32),
            )
        ).batch(rows, drop_remainder=True)
        batches = iter(self.strategy.experimental_distribute_dataset(data))
        return _train_function(self.model).get_concrete_function(batches)

    def _metrics(self, is_weighted: bool) -> list[Any]:
        cases = [case for case in self.cases if case.is_weighted == is_weighted]
        return [
            case.make(sync=sync, **_name_options(case, f"{sync}_{number}"))
            for number, case in enumerate(cases)
            for sync in ("step", "epoch")
        ]


def _name_options(case: Case, name: str) -> dict[str, str]:
    """Return constructor arguments that make the names of the log entries unique."""
    has_prefix = "prefix" in inspect.signature(case.metric).parameters
    return {"name": name, "prefix": name} if has_prefix else {"name": name}


def _train_function(model: Any) -> Any:
    """Return the `tf.function` of a training step, which Keras 3 wraps in a closure."""
    function = model.make_train_function() or model.train_function
    if hasattr(function, "get_concrete_function"):
        return function
    variables = inspect.getclosurevars(function).nonlocals.values()
    return next(x for x in variables if hasattr(x, "get_concrete_function"))
