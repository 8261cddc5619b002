"""`Evaluation`: runs a model over a dataset under the model's strategy, and keeps only counts."""

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from dist_f1.callbacks import datasets
from dist_f1.callbacks.model_metrics import strategy_of
from dist_f1.callbacks.outputs import output_names, pick
from dist_f1.counts import Counts
from dist_f1.metrics import Scores


class Evaluation:
    """Count the predictions of a model. Steps send nothing; the end costs one collective.

    `make_metric` is called for each output, in the scope of the strategy. `by` returns the group
    ids of a batch. `outputs` are the names of outputs, or `None` for all.

    Raises:
        ValueError: The model has a parameter server strategy.
    """

    def __init__(
        self,
        model: tf.keras.Model,
        make_metric: Callable[[], Scores],
        dataset: datasets.Dataset,
        by: Callable[[Any, Any], tf.Tensor] | None = None,
        outputs: Sequence[str] | None = None,
    ) -> None:
        self.model = model
        self.strategy = strategy_of(model)
        if isinstance(
            self.strategy,
            tf.distribute.ParameterServerStrategy
            | tf.distribute.experimental.ParameterServerStrategy,
        ):
            raise ValueError(
                "The model has a ParameterServerStrategy, whose steps need a coordinator, and "
                "callbacks have none. Pass dist_f1.Scores to compile, and validation_data to fit."
            )
        with self.strategy.scope():
            targets = dataset.element_spec[1]
            self.metrics = {x: make_metric() for x in output_names(model, targets, outputs)}
            self._dataset = datasets.distribute(dataset, self.strategy)
        is_eager = bool(getattr(model, "run_eagerly", False))
        # Without the signature, a smaller last batch would be traced again.
        signature = [self._dataset.element_spec]
        self.step = self._run if is_eager else tf.function(self._run, input_signature=signature)
        self._by = by

    def count(self, steps: int | None) -> dict[str | None, Counts]:
        """Count all batches, or the first `steps`, over all replicas, for each output.

        Raises:
            ValueError: There is no batch.
        """
        for metric in self.metrics.values():
            metric.reset_state()
        batches = 0
        for batch in itertools.islice(self._dataset, steps):
            self.step(batch)
            batches += 1
        if not batches:
            raise ValueError(
                "The dataset has no batches. If it is made from a generator, the generator must "
                "restart for each iteration."
            )
        return {name: metric.accumulator.read() for name, metric in self.metrics.items()}

    def _run(self, batch: Any) -> None:
        self.strategy.run(self._count_batch, args=(batch,))

    def _count_batch(self, batch: Any) -> None:
        x, y, weight = datasets.unpack(batch)
        predicted = self.model.predict_step((x,))
        group_ids = None if self._by is None else self._by(x, y)
        for name, metric in self.metrics.items():
            target = pick(y, name, self.model, "target")
            output = pick(predicted, name, self.model, "prediction")
            own = None if weight is None else pick(weight, name, self.model, "weight")
            # AutoGraph would need seconds to convert the update, and would change nothing.
            update_state = tf.autograph.experimental.do_not_convert(metric.update_state)
            update_state(target, output, own, by=group_ids)
