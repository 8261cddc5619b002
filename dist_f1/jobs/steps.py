"""What every replica does with its rows, in training and in evaluation, as traced functions."""

from __future__ import annotations

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

    A step takes features, targets, a mask of the rows that count, and what this worker has to
    `tell` the others, int64. What comes back are sums over all replicas, from one collective: of
    `loss`, and of what each was told.
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
            # Thresholds are probabilities: sigmoids are left to it, a softmax is not.
            self.sweep = ThresholdSweep(
                num_classes=units,
                from_logits=data.task != "multiclass",
                class_names=data.class_names,
            )

    def metrics(self, phase: str) -> dict[str, CountsMetric]:
        """The metrics that count in a phase."""
        if phase == "train":
            return {"train_scores": self.scores["train"]}
        return {"validation_scores": self.scores["validation"], "sweep": self.sweep}

    def random_state(self) -> list[tf.Variable]:
        """Where the random numbers of Keras 3's layers are; other Kerases keep it to themselves."""
        return [
            variable.value
            for variable in self.model.variables
            if "seed_generator" in getattr(variable, "path", "")
        ]

    def synchronize(self) -> None:
        """Gives all replicas the mean of what each has averaged on its own, batch statistics say.

        An evaluation is then the same on each, and a checkpoint, which holds one value, is exact.
        What has been averaged with equal weights may be averaged over replicas at any time.
        """
        strategy = self._strategy
        # Those of Keras 3 are wrapped; a TensorFlow variable has a method of that name.
        variables = [
            v if callable(v.value) else v.value for v in self.model.non_trainable_variables
        ]
        variables = [variable for variable in variables if variable.dtype.is_floating]
        alone = strategy.num_replicas_in_sync == 1
        if not variables or alone or contexts.keeps_variables_centrally(strategy):
            return

        def average() -> list[tf.Tensor]:
            sums = all_reduce_sum([tf.convert_to_tensor(variable) for variable in variables])
            return [total / strategy.num_replicas_in_sync for total in sums]

        local = strategy.experimental_local_results
        for variable, mean in zip(variables, strategy.run(average), strict=True):
            for component, value in zip(local(variable), local(mean), strict=True):
                component.assign(value)

    @tf.function
    def train(self, x: Any, y: Any, mask: Any, tell: tf.Tensor) -> dict[str, Any]:
        """Learns from a batch."""

        def replica(x: tf.Tensor, y: tf.Tensor, mask: tf.Tensor) -> dict[str, tf.Tensor]:
            with tf.GradientTape() as tape:
                logits = self.model(x, training=True)
                loss = tf.reduce_sum(self._row_losses(y, logits, mask))
                # Summed over replicas: the mean over a full global batch.
                scaled = loss / self._batch_size
                if self.model.losses:
                    regularization = tf.cast(tf.add_n(self.model.losses), scaled.dtype)
                    scaled += tf.nn.scale_regularization_loss(regularization)
            variables = self.model.trainable_variables
            gradients = tape.gradient(scaled, variables)
            self.optimizer.apply_gradients(zip(gradients, variables, strict=True))
            self.scores["train"].update_state(y, logits, mask=mask)
            return _summed(loss, tell)

        return self._first(self._strategy.run(replica, (x, y, mask)))

    @tf.function
    def validation(self, x: Any, y: Any, mask: Any, tell: tf.Tensor) -> dict[str, Any]:
        """Scores a batch. `logits`, where asked for, are those of this worker's replicas."""

        def replica(x: tf.Tensor, y: tf.Tensor, mask: tf.Tensor) -> tuple[Any, tf.Tensor]:
            logits = self.model(x, training=False)
            self.scores["validation"].update_state(y, logits, mask=mask)
            multiclass = self._task == "multiclass"
            scores = tf.nn.softmax(logits) if multiclass else logits
            self.sweep.update_state(y, scores, mask=mask)
            loss = tf.reduce_sum(self._row_losses(y, logits, mask))
            return _summed(loss, tell), logits

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
            crossed = tf.nn.sigmoid_cross_entropy_with_logits(labels=y, logits=logits)
            losses = tf.reduce_sum(crossed, axis=-1)
        return tf.where(mask, losses, tf.zeros_like(losses))

    def _first(self, sums: dict[str, Any]) -> dict[str, Any]:
        """Sums are the same on each replica."""
        local = self._strategy.experimental_local_results
        return {name: local(value)[0] for name, value in sums.items()}


def _summed(loss: tf.Tensor, tell: tf.Tensor) -> dict[str, tf.Tensor]:
    return all_reduce_sum({"loss": tf.cast(loss, tf.float64), "told": tell})
