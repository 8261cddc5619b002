"""The training loop: a custom `tf.function` step under any strategy, and the exact F1 as it runs.

loop = Loop(config, data, strategy)
for epoch in range(1, config.epochs + 1):
    train = loop.train_epoch(epoch)
    validation = loop.evaluate(epoch)
"""

from __future__ import annotations

import dataclasses
import time
from typing import Any

import ml_collections
import numpy as np
import tensorflow as tf

from dist_f1 import score_names
from dist_f1.counts import Counts
from dist_f1.jobs import models, summary
from dist_f1.jobs.data import Data
from dist_f1.jobs.settings import task_of
from dist_f1.metrics import Scores, ThresholdSweep
from dist_f1.sweeps import Sweep


@dataclasses.dataclass(frozen=True)
class Epoch:
    """One pass over one split."""

    epoch: int
    split: str
    loss: float
    scores: dict[str, float]
    counts: Counts
    seconds: float


class Diverged(ArithmeticError):
    """The model's scores are no numbers any more."""


class Loop:
    """A model, its optimizer and its metrics under a strategy."""

    def __init__(
        self, config: ml_collections.ConfigDict, data: Data, strategy: tf.distribute.Strategy
    ) -> None:
        self._config, self._strategy, self._task = config, strategy, task_of(config)
        units = 1 if self._task == "binary" else len(data.class_names)
        tf.keras.utils.set_random_seed(config.seed)
        with strategy.scope():
            self.model = models.build(config.model, data.x_train.shape[1:], units, config.dtype)
            self.optimizer = tf.keras.optimizers.Adam(config.learning_rate)
            self.optimizer.build(self.model.trainable_variables)
            self._scores = {
                split: Scores(
                    summary.SCORES[self._task],
                    config.threshold or None,
                    name=f"{split}_scores",
                    confusion=True,
                    num_classes=units,
                    from_logits=True,
                    class_names=data.class_names,
                )
                for split in ("train", "validation")
            }
            # Thresholds are probabilities: sigmoids are left to it, a softmax is not.
            self._sweep = ThresholdSweep(
                num_classes=units,
                from_logits=self._task != "multiclass",
                class_names=data.class_names,
            )
        self._shown = score_names.parse(self.f1_name)
        self._train_data = self._distribute(data.x_train, data.y_train, shuffle=True)
        self._validation_data = self._distribute(data.x_validation, data.y_validation)
        self._steps = {
            "train": -(-len(data.x_train) // config.batch_size),
            "validation": -(-len(data.x_validation) // config.batch_size),
        }

    def train_epoch(self, epoch: int) -> Epoch:
        """Trains on every row once; the progress bar shows the loss and the F1 so far."""
        from tqdm import tqdm

        started, loss, metric = time.monotonic(), 0.0, self._scores["train"]
        metric.reset_state()
        title = f"epoch {epoch}/{self._config.epochs}"
        with tqdm(self._train_data, title, self._steps["train"], unit="step") as bar:
            for batch in bar:
                loss += float(self._train_step(batch))
                counts = self._finite(metric.counts().numpy(), epoch)
                f1 = float(self._shown(counts))
                shown = {"loss": loss / int(counts.total), self.f1_name: f1}
                bar.set_postfix({name: f"{value:.4f}" for name, value in shown.items()})
        return self._summary(epoch, "train", loss, started)

    def evaluate(self, epoch: int) -> tuple[Epoch, dict[str, np.ndarray]]:
        """Scores every validation row once.

        Returns the labels and decisions as well, if they are to be saved.
        """
        started, loss = time.monotonic(), 0.0
        self._scores["validation"].reset_state()
        self._sweep.reset_state()
        labels: list[tf.Tensor] = []
        logits: list[tf.Tensor] = []
        for batch in self._validation_data:
            step_loss, *outputs = self._evaluation_step(batch)
            loss += float(step_loss)
            if self._config.save_predictions:
                for kept, output in zip((labels, logits), outputs, strict=True):
                    kept.extend(self._strategy.experimental_local_results(output))
        summary = self._summary(epoch, "validation", loss, started)
        if not self._config.save_predictions:
            return summary, {}
        decided = self._decide(np.concatenate(logits))
        return summary, {"y_true": np.concatenate(labels), "y_pred": decided}

    @property
    def f1_name(self) -> str:
        """The F1 that is shown, `f1_macro` say."""
        return f"f1_{self._config.average}"

    def report(self, output_dict: bool = False) -> Any:
        """The per-class report of the last evaluation."""
        return self._scores["validation"].report(digits=4, output_dict=output_dict)

    def sweep(self) -> Sweep:
        """The counts of the last evaluation at every threshold."""
        return self._sweep.sweep()

    def _distribute(self, x: np.ndarray, y: np.ndarray, shuffle: bool = False) -> Any:
        data = tf.data.Dataset.from_tensor_slices((x.astype(self._config.dtype), y))
        if shuffle:
            data = data.shuffle(len(x), seed=self._config.seed)
        return self._strategy.experimental_distribute_dataset(data.batch(self._config.batch_size))

    @tf.function
    def _train_step(self, batch: Any) -> tf.Tensor:
        def replica(x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
            with tf.GradientTape() as tape:
                logits = self.model(x, training=True)
                loss = tf.reduce_sum(self._row_losses(y, logits))
                # Summed over replicas: the mean over a full global batch.
                scaled = loss / self._config.batch_size
            variables = self.model.trainable_variables
            gradients = tape.gradient(scaled, variables)
            self.optimizer.apply_gradients(zip(gradients, variables, strict=True))
            self._scores["train"].update_state(y, logits)
            return loss

        return self._sum(self._strategy.run(replica, batch))

    @tf.function
    def _evaluation_step(self, batch: Any) -> tuple[Any, Any, Any]:
        def replica(x: tf.Tensor, y: tf.Tensor) -> tuple[tf.Tensor, ...]:
            logits = self.model(x, training=False)
            self._scores["validation"].update_state(y, logits)
            multiclass = self._task == "multiclass"
            self._sweep.update_state(y, tf.nn.softmax(logits) if multiclass else logits)
            return tf.reduce_sum(self._row_losses(y, logits)), y, logits

        loss, y, logits = self._strategy.run(replica, batch)
        return self._sum(loss), y, logits

    def _row_losses(self, y: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
        if self._task == "multiclass":
            return tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=logits)
        y = tf.cast(tf.reshape(y, tf.shape(logits)), logits.dtype)
        crossed = tf.nn.sigmoid_cross_entropy_with_logits(labels=y, logits=logits)
        return tf.reduce_sum(crossed, axis=-1)

    def _sum(self, value: Any) -> tf.Tensor:
        return self._strategy.reduce(tf.distribute.ReduceOp.SUM, value, axis=None)

    def _summary(self, epoch: int, split: str, loss: float, started: float) -> Epoch:
        counts = self._finite(self._scores[split].counts().numpy(), epoch)
        return Epoch(
            epoch,
            split,
            loss / int(counts.total),
            {self.f1_name: float(self._shown(counts)), **summary.values(self._task, counts)},
            counts,
            time.monotonic() - started,
        )

    def _finite(self, counts: Counts, epoch: int) -> Counts:
        if counts.invalid:
            raise Diverged(
                f"in epoch {epoch} the model gave {int(counts.invalid)} rows scores that are no "
                "numbers, so training has diverged. Lower config.learning_rate, which is "
                f"{self._config.learning_rate}."
            )
        return counts

    def _decide(self, logits: np.ndarray) -> np.ndarray:
        """The decisions as NumPy makes them, beside and independent of those of the metric."""
        if self._task == "multiclass":
            return np.argmax(logits, axis=-1)
        probabilities = 1.0 / (1.0 + np.exp(-logits.astype(np.float64)))
        chosen = (probabilities > self._config.threshold).astype(np.int64)
        return chosen[:, 0] if self._task == "binary" else chosen
