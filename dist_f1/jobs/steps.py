"""The traced training and evaluation steps of a replica."""

from typing import Any

import ml_collections
import tensorflow as tf

from dist_f1.jobs import models, summary
from dist_f1.jobs.data import Data
from dist_f1.metrics import Scores, ThresholdSweep
from dist_f1.metrics.base import CountsMetric
from dist_f1.replicas import contexts
from dist_f1.replicas.all_reduce import all_reduce_sum


class Steps:
    """A model, its optimizer and its metrics under a strategy.

    A step takes features `[R, ...]`, targets `[R]` or `[R, C]`, a mask `[R]` and the `status` of
    this worker, int64 (see `coordination`). It returns sums over all replicas, from one
    collective: `loss` and `status`.
    """

    def __init__(
        self, config: ml_collections.ConfigDict, data: Data, strategy: tf.distribute.Strategy
    ) -> None:
        self._strategy, self._task = strategy, data.task
        self._batch_size, self._returns_logits = config.batch_size, config.save_predictions
        units = 1 if data.task == "binary" else len(data.class_names)
        tf.keras.utils.set_random_seed(config.seed)
        with strategy.scope():
            self.model = models.build(config.model, data.input_shape, units, config.dtype)
            self.optimizer = tf.keras.optimizers.Adam(config.learning_rate)
            self.optimizer.build(self.model.trainable_variables)
            self.scores = {
                phase: Scores(
                    summary.SCORES[data.task],
                    config.threshold or None,
                    name=f"{phase}_scores",
                    confusion=True,
                    num_classes=units,
                    from_logits=True,
                    class_names=data.class_names,
                )
                for phase in ("train", "validation")
            }
            # The sweep needs probabilities. It applies a sigmoid, but no softmax.
            self.sweep = ThresholdSweep(
                num_classes=units,
                from_logits=data.task != "multiclass",
                class_names=data.class_names,
            )
            for metric in (*self.scores.values(), self.sweep):
                # TensorFlow traces a function that creates variables twice.
                if metric.accumulator.layout is not None:
                    metric.accumulator.build(metric.accumulator.layout, weighted=False)

    def metrics(self, phase: str) -> dict[str, CountsMetric]:
        """Return the metrics that are updated in a phase."""
        if phase == "train":
            return {"train_scores": self.scores["train"]}
        return {"validation_scores": self.scores["validation"], "sweep": self.sweep}

    def random_state(self) -> list[tf.Variable]:
        """Return the random state of Keras 3 layers; Keras 2 does not expose it."""
        return [
            variable.value
            for variable in self.model.variables
            if "seed_generator" in getattr(variable, "path", "")
        ]

    def average_moving_stats(self) -> None:
        """Average moving statistics over replicas, e.g. those of batch normalization.

        All replicas then evaluate the same model, and a checkpoint, which stores one value for each
        variable, is exact. The mean over replicas commutes with the moving average.
        """
        strategy = self._strategy
        # Keras 3 wraps variables; `value` of a TensorFlow variable is a method.
        variables = [
            v if callable(v.value) else v.value for v in self.model.non_trainable_variables
        ]
        variables = [variable for variable in variables if variable.dtype.is_floating]
        is_single = strategy.num_replicas_in_sync == 1
        if not variables or is_single or contexts.keeps_variables_centrally(strategy):
            return

        def average() -> list[tf.Tensor]:
            sums = all_reduce_sum([tf.convert_to_tensor(variable) for variable in variables])
            return [total / strategy.num_replicas_in_sync for total in sums]

        local = strategy.experimental_local_results
        for variable, mean in zip(variables, strategy.run(average), strict=True):
            for component, value in zip(local(variable), local(mean), strict=True):
                component.assign(value)

    @tf.function
    def train(self, x: Any, y: Any, mask: Any, status: tf.Tensor) -> dict[str, tf.Tensor]:
        """Train on a batch."""

        def replica(x: tf.Tensor, y: tf.Tensor, mask: tf.Tensor) -> dict[str, tf.Tensor]:
            with tf.GradientTape() as tape:
                logits = self.model(x, training=True)
                loss = tf.reduce_sum(self._row_losses(y, logits, mask))
                # The sum over replicas is the mean over a full global batch.
                scaled = loss / self._batch_size
                if self.model.losses:
                    regularization = tf.cast(tf.add_n(self.model.losses), scaled.dtype)
                    scaled += tf.nn.scale_regularization_loss(regularization)
            variables = self.model.trainable_variables
            gradients = tape.gradient(scaled, variables)
            self.optimizer.apply_gradients(zip(gradients, variables, strict=True))
            self.scores["train"].update_state(y, logits, mask=mask)
            return _all_reduce(loss, status)

        return self._first(self._strategy.run(replica, (x, y, mask)))

    @tf.function
    def validation(self, x: Any, y: Any, mask: Any, status: tf.Tensor) -> dict[str, Any]:
        """Evaluate a batch.

        With `config.save_predictions` the result also has `logits`, a tuple with a tensor `[R, C]`
        for each replica of this worker.
        """

        def replica(
            x: tf.Tensor, y: tf.Tensor, mask: tf.Tensor
        ) -> tuple[dict[str, tf.Tensor], tf.Tensor]:
            logits = self.model(x, training=False)
            self.scores["validation"].update_state(y, logits, mask=mask)
            multiclass = self._task == "multiclass"
            y_score = tf.nn.softmax(logits) if multiclass else logits
            self.sweep.update_state(y, y_score, mask=mask)
            loss = tf.reduce_sum(self._row_losses(y, logits, mask))
            return _all_reduce(loss, status), logits

        sums, logits = self._strategy.run(replica, (x, y, mask))
        result = self._first(sums)
        if self._returns_logits:
            result["logits"] = self._strategy.experimental_local_results(logits)
        return result

    def _row_losses(self, y: tf.Tensor, logits: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
        if self._task == "multiclass":
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=logits)
        else:
            y = tf.cast(tf.reshape(y, tf.shape(logits)), logits.dtype)
            entropies = tf.nn.sigmoid_cross_entropy_with_logits(labels=y, logits=logits)
            losses = tf.reduce_sum(entropies, axis=-1)
        return tf.where(mask, losses, tf.zeros_like(losses))

    def _first(self, sums: dict[str, Any]) -> dict[str, Any]:
        """Return the values of one replica; all replicas have the same sums."""
        local = self._strategy.experimental_local_results
        return {name: local(value)[0] for name, value in sums.items()}


def _all_reduce(loss: tf.Tensor, status: tf.Tensor) -> dict[str, tf.Tensor]:
    return all_reduce_sum({"loss": tf.cast(loss, tf.float64), "status": status})
