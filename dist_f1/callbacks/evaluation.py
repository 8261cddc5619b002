"""A model run over data under its own strategy, of which nothing is kept but counts."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import tensorflow as tf

from dist_f1.callbacks import datasets
from dist_f1.counts import Counts
from dist_f1.metrics import Scores


class Evaluation:
    """Counts what a model predicts; the step sends nothing, and the end is one collective.

    Args:
        model: a Keras model of one output.
        make_metric: makes the metric, in the scope of the model's strategy.
        data: as `datasets.checked` returns it.
        by: gives the group ids of a batch from its inputs and targets, or `None`.

    Raises:
        ValueError: the model belongs to a parameter server strategy.
    """

    def __init__(
        self,
        model: Any,
        make_metric: Callable[[], Scores],
        data: Any,
        by: Callable[[Any, Any], Any] | None = None,
    ) -> None:
        self.model = model
        self.strategy = getattr(model, "distribute_strategy", None) or tf.distribute.get_strategy()
        if isinstance(
            self.strategy,
            tf.distribute.ParameterServerStrategy
            | tf.distribute.experimental.ParameterServerStrategy,
        ):
            raise ValueError(
                "Under a ParameterServerStrategy, steps are scheduled by a coordinator, which a "
                "callback does not have. Put dist_f1.Scores into compile, and pass validation_data."
            )
        with self.strategy.scope():
            self.metric = make_metric()
            self._data = datasets.spread(data, self.strategy)
        eager = bool(getattr(model, "run_eagerly", False))
        # With its signature given, a last batch of fewer rows is not traced anew.
        signature = [self._data.element_spec]
        self.step = self._run if eager else tf.function(self._run, input_signature=signature)
        self._by = by

    def count(self, steps: int | None) -> Counts:
        """The counts of all batches, or of the first `steps`, over all replicas.

        Raises:
            ValueError: there was no batch.
        """
        self.metric.reset_state()
        number = 0
        for batch in itertools.islice(self._data, steps):
            self.step(batch)
            number += 1
        if not number:
            raise ValueError(
                "The data to evaluate gave no batch. A data set that is made from a generator must "
                "start anew whenever it is iterated over."
            )
        return self.metric.accumulator.read()

    def _run(self, batch: Any) -> None:
        self.strategy.run(self._count_batch, args=(batch,))

    def _count_batch(self, batch: Any) -> None:
        x, y, weight = datasets.unpack(batch)
        outputs = self.model.predict_step((x,))
        if len(tf.nest.flatten(outputs)) != 1 or len(tf.nest.flatten(y)) != 1:
            raise ValueError(
                "The model has several outputs, or the data several targets, and it is not known "
                "which of them to score. Pass data of one, and evaluate a model of one output, "
                "tf.keras.Model(model.inputs, model.outputs[0]), with evaluate(model)."
            )
        (outputs,), (y,) = tf.nest.flatten(outputs), tf.nest.flatten(y)
        groups = None if self._by is None else self._by(x, y)
        self.metric.update_state(y, outputs, weight, by=groups)
