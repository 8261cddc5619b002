"""`EvaluateScores`: scores of a dataset after each epoch, in the logs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf
from typing_extensions import Unpack

from dist_f1.callbacks import datasets
from dist_f1.callbacks.evaluation import Evaluation
from dist_f1.counts import Counts
from dist_f1.metrics import Scores, call_stack, directions
from dist_f1.metrics.legacy_keras import IS_LEGACY
from dist_f1.metrics.options import MetricOptions
from dist_f1.replicas import contexts
from dist_f1.scores import score_names
from dist_f1.scores.score_sets import DEFAULT


class EvaluateScores(tf.keras.callbacks.Callback):
    """Run the model over a dataset after each epoch, and add exact scores to the logs.

    The model needs no metric of this library. It runs under its own strategy with one compiled step
    per batch, as in `model.predict`. Each replica counts its rows, predictions are not stored, and
    one collective at the end sums the counts. Later callbacks and the history see the scores, e.g.
    as `val_f1_macro`; an existing value of that name is replaced.

    If `EarlyStopping`, `ModelCheckpoint` or `ReduceLROnPlateau` monitors one of the scores with
    `mode="auto"`, its mode is set to that of the score. Put them after this callback.

    Args:
        dataset: `tf.data.Dataset` of batches `(x, y)` or `(x, y, sample_weight)`, which is
            distributed over the replicas; a `tf.distribute.DistributedDataset` of the model's
            strategy; or a tuple of arrays `(x, y)` or `(x, y, sample_weight)`.
        scores: Names of scores, see `dist_f1.scores.score_names`.
        prefix: Prefix of the names in the logs.
        threshold: `None` (argmax), or a threshold that decides each class separately; see
            `DecisionRule`.
        every: Number of epochs from one evaluation to the next.
        steps: Number of batches in an evaluation; `None` for all.
        batch_size: Rows in a global batch, for arrays; 32 by default.
        by: Function from `(x, y)` of a batch to its group ids; needs `num_groups`.
        verbose: 1 to print the scores after each evaluation, otherwise 0.
        confusion: Whether to keep the `[C, C]` matrix, for `counts()`.
        **options: See `dist_f1.metrics.MetricOptions`.

    Raises:
        ValueError: Data of another type, an unknown score, or an argument out of range.

    Example:
        >>> import numpy as np
        >>> x, y = np.eye(3, dtype=np.float32), np.array([0, 1, 1])
        >>> model = tf.keras.Sequential([tf.keras.layers.Activation("linear")])
        >>> evaluation = EvaluateScores((x, y), ["accuracy"])
        >>> {name: round(value, 2) for name, value in evaluation.evaluate(model).items()}
        {'accuracy': 0.67}
    """

    def __init__(
        self,
        dataset: datasets.Dataset | tuple[Any, ...],
        scores: Sequence[str] = DEFAULT,
        *,
        prefix: str = "val_",
        threshold: float | Sequence[float] | None = None,
        every: int = 1,
        steps: int | None = None,
        batch_size: int | None = None,
        by: Callable[[Any, Any], tf.Tensor] | None = None,
        verbose: int = 0,
        confusion: bool = False,
        **options: Unpack[MetricOptions],
    ) -> None:
        super().__init__()
        if every < 1:
            raise ValueError(f"every must be a positive integer, got {every!r}.")
        if (by is None) != (options.get("num_groups") is None):
            raise ValueError("by and num_groups need each other; pass both or neither.")
        metric_options: MetricOptions = {**options, "sync": "epoch"}

        def make_metric() -> Scores:
            return Scores(scores, threshold, confusion=confusion, **metric_options)

        # Fail now, not after the first epoch.
        make_metric()
        self._make_metric = make_metric
        self._named = [score_names.parse(score) for score in scores]
        self._dataset = datasets.to_dataset(dataset, batch_size, steps)
        self._by = by
        self._steps = steps
        self._evaluation: Evaluation | None = None
        self._counts: Counts | None = None
        self.prefix = prefix
        self.every = every
        self.verbose = verbose
        # The last evaluated epoch of this `fit`.
        self.epoch: int | None = None

    def evaluate(self, model: tf.keras.Model) -> dict[str, float]:
        """Evaluate a model, and return the scores without the prefix.

        Args:
            model: Keras model with one output, compiled or not.

        Raises:
            ValueError: Rows could not be counted (`counts()` has the other rows), inputs do not
                match the scores, the model has several outputs, or there is no batch.
        """
        if self._evaluation is None or self._evaluation.model is not model:
            self._evaluation = Evaluation(model, self._make_metric, self._dataset, self._by)
        self._counts = self._evaluation.count(self._steps)
        values = self.metric.value_of(self._counts)
        return {name: float(value) for name, value in values.items()}

    @property
    def metric(self) -> Scores:
        """The metric of the last evaluation.

        Raises:
            ValueError: There is no evaluation yet.
        """
        if self._evaluation is None:
            raise _not_evaluated()
        return self._evaluation.metric

    def counts(self) -> Counts:
        """Return the counts of the last evaluation over all replicas and groups; nothing is sent.

        Raises:
            ValueError: There is no evaluation yet.
        """
        counts = self._last_counts()
        return counts if len(counts.total.shape) == 0 else counts.overall()

    def counts_by_group(self) -> Counts:
        """Return the counts of the last evaluation with a leading axis of groups.

        Raises:
            ValueError: There are no groups, or no evaluation yet.
        """
        counts = self._last_counts()
        if len(counts.total.shape) == 0:
            raise ValueError("There are no groups. Pass num_groups= and by=.")
        return counts

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Set the mode of callbacks that monitor one of the scores."""
        self.epoch = None
        directions.set_modes(call_stack.active_callbacks(), self._direction_of)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Evaluate every `every` epochs, and add the scores to `logs`."""
        logs = {} if logs is None else logs
        is_due = (epoch + 1) % self.every == 0
        self._check_other_callbacks(logs, is_due)
        if not is_due:
            return
        scores = {f"{self.prefix}{k}": v for k, v in self.evaluate(self.model).items()}
        self.epoch = epoch
        logs.update(scores)
        if self.verbose and contexts.is_chief(self.metric.accumulator.strategy):
            shown = " - ".join(f"{name}: {value:.4f}" for name, value in scores.items())
            print(f"\nEpoch {epoch + 1}: {shown}")

    def _check_other_callbacks(self, logs: dict[str, Any], is_due: bool) -> None:
        """Raise `ValueError` if another callback would silently ignore the scores."""
        callbacks = call_stack.active_callbacks()
        before = callbacks[: callbacks.index(self)] if self in callbacks else []
        for callback in directions.monitoring(callbacks):
            name = callback.monitor
            if name in logs or self._direction_of(name) is None:
                continue
            kind = type(callback).__name__
            if callback in before:
                raise ValueError(
                    f"{kind} monitors {name}, but comes before EvaluateScores, which adds it to "
                    "the logs. Put EvaluateScores first in the list of callbacks."
                )
            # Keras 3 saves whenever the monitored value is missing, and replaces the best model.
            if not is_due and not IS_LEGACY and getattr(callback, "save_best_only", False):
                raise ValueError(
                    f"{kind} should keep only the best {name}, but after an epoch without an "
                    "evaluation it would save any model. Pass every=1 to EvaluateScores."
                )

    def _direction_of(self, name: str) -> directions.Direction | None:
        if not name.startswith(self.prefix):
            return None
        return directions.of_scores(self._named, name.removeprefix(self.prefix))

    def _last_counts(self) -> Counts:
        if self._counts is None:
            raise _not_evaluated()
        return self._counts


def _not_evaluated() -> ValueError:
    return ValueError(
        "EvaluateScores has not evaluated a model yet. Pass it to fit, or call evaluate(model)."
    )
