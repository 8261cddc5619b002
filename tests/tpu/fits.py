"""What `Model.fit` runs on the replicas: its own step, with many metrics at once."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import tensorflow as tf
from helpers import tpu

from tpu.cases import CASES, Case

ROWS, FEATURES = 6, 3


def cases(kind: str) -> dict[str, Case]:
    """The cases whose rows a model can be given all at once, by their targets."""
    usual = Case(CASES["F1Score"].metric, targets=kind)

    def rows_of(case: Case) -> tuple[Any, ...]:
        return case.classes, case.lead, case.scores, case.targets, case.ids

    def fits(case: Case) -> bool:
        return rows_of(case) == rows_of(usual) and set(case.given) <= {"sample_weight"}

    return {name: case for name, case in CASES.items() if fits(case)}


class Fit:
    """A model that is compiled with the metrics of many cases, each with both kinds of `sync`.

    Args:
        kind: the targets of the cases.
        replicas: of the strategy.
    """

    def __init__(self, kind: str, replicas: int) -> None:
        self.kind, self.cases, self.strategy = kind, cases(kind), tpu(replicas)
        with self.strategy.scope():
            self.model = tf.keras.Sequential(
                [tf.keras.Input([FEATURES]), tf.keras.layers.Dense(4, activation="softmax")]
            )
            self.model.compile(
                optimizer="sgd",
                loss="sparse_categorical_crossentropy" if kind == "ids" else "binary_crossentropy",
                metrics=self._metrics(weighted=False),
                weighted_metrics=self._metrics(weighted=True),
            )

    def traced(self) -> Any:
        """The concrete function of a training step."""
        rows = ROWS * self.strategy.num_replicas_in_sync
        rng = np.random.default_rng(0)
        shape = (rows, 4) if self.kind == "several" else (rows,)
        data = tf.data.Dataset.from_tensor_slices(
            (
                rng.random((rows, FEATURES), np.float32),
                rng.integers(0, 2, shape, np.int32),
                np.ones(rows, np.float32),
            )
        ).batch(rows, drop_remainder=True)
        batches = iter(self.strategy.experimental_distribute_dataset(data))
        return _step_of(self.model).get_concrete_function(batches)

    def _metrics(self, weighted: bool) -> list[Any]:
        mine = [case for case in self.cases.values() if case.weighted == weighted]
        return [
            case.make(sync=sync, **_naming(case, f"{sync}_{number}"))
            for number, case in enumerate(mine)
            for sync in ("step", "epoch")
        ]


def _naming(case: Case, name: str) -> dict[str, str]:
    """What tells the entries of two metrics apart."""
    has_entries = "prefix" in inspect.signature(case.metric).parameters
    return {"name": name, "prefix": name} if has_entries else {"name": name}


def _step_of(model: Any) -> Any:
    """The `tf.function` of a step; Keras 3 keeps it in what it makes of it."""
    made = model.make_train_function() or model.train_function
    if hasattr(made, "get_concrete_function"):
        return made
    held = inspect.getclosurevars(made).nonlocals.values()
    return next(x for x in held if hasattr(x, "get_concrete_function"))
