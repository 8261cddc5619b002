"""`EvaluateScores`: scores of a data set after each epoch, in the logs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf
from typing_extensions import Unpack

from dist_f1.callbacks import datasets
from dist_f1.callbacks.evaluation import Evaluation
from dist_f1.counts import Counts
from dist_f1.counts.validity import raise_if_invalid
from dist_f1.metrics import Scores, directions
from dist_f1.metrics.legacy_keras import IS_LEGACY
from dist_f1.metrics.options import MetricOptions
from dist_f1.replicas import contexts
from dist_f1.scores import score_names
from dist_f1.scores.score_sets import DEFAULT


class EvaluateScores(tf.keras.callbacks.Callback):
    """Runs the model over a data set after each epoch and puts exact scores into the logs.

    The model needs no metric of this library. It runs under its own strategy, one compiled step
    a batch, as `model.predict` would run it; each replica counts its rows, nothing else is kept,
    and one collective at the end adds up. Callbacks further down the list, and the history, see
    the scores as `val_f1_macro`; a value of that name which is in the logs already is replaced.

    `EarlyStopping`, `ModelCheckpoint` and `ReduceLROnPlateau` that watch one of the scores are
    told whether more of it is better, if their `mode` is "auto". They belong after this callback.

    Args:
        dataset: a `tf.data.Dataset` of batches `(x, y)` or `(x, y, sample_weight)`, which is
            split over the replicas; a `tf.distribute.DistributedDataset` of the model's strategy;
            or a tuple of arrays `(x, y)` or `(x, y, sample_weight)`.
        scores: names, see `dist_f1.scores.score_names`.
        prefix: of the names in the logs.
        threshold: `None` (argmax), or each class on its own; see `DecisionRule`.
        every: evaluate after each `every`-th epoch.
        steps: batches in an evaluation; `None` for all.
        batch_size: rows in a batch over all replicas, for arrays; 32 by default.
        by: `(x, y) -> group ids` of a batch, with `num_groups`.
        verbose: 1 prints a line with the scores after each evaluation.
        confusion: keep the `[C, C]` matrix, for `counts()`.
        **options: see `dist_f1.metrics.MetricOptions`.

    Raises:
        ValueError: data of another kind, an unknown score, or an argument out of its range.

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
        dataset: Any,
        scores: Sequence[str] = DEFAULT,
        *,
        prefix: str = "val_",
        threshold: Any = None,
        every: int = 1,
        steps: int | None = None,
        batch_size: int | None = None,
        by: Callable[[Any, Any], Any] | None = None,
        verbose: int = 0,
        confusion: bool = False,
        **options: Unpack[MetricOptions],
    ) -> None:
        super().__init__()
        if every < 1:
            raise ValueError(f"every must be a positive integer, got {every!r}.")
        if (by is None) != (options.get("num_groups") is None):
            raise ValueError("by and num_groups belong together; pass both or none.")
        chosen: MetricOptions = {**options, "sync": "epoch"}

        def make_metric() -> Scores:
            return Scores(scores, threshold, confusion=confusion, **chosen)

        make_metric()
        self._make_metric = make_metric
        self._named = [score_names.parse(score) for score in scores]
        self._data = datasets.checked(dataset, batch_size, steps)
        self._by = by
        self._steps = steps
        self._evaluation: Evaluation | None = None
        self._counts: Counts | None = None
        self.prefix = prefix
        self.every = every
        self.verbose = verbose
        # The last epoch of this `fit` after which there was an evaluation.
        self.epoch: int | None = None

    def evaluate(self, model: Any) -> dict[str, float]:
        """The scores of the data set, without the prefix.

        Args:
            model: a Keras model of one output, compiled or not.

        Raises:
            ValueError: rows could not be counted (`counts()` tells the rest), inputs do not fit
                the scores, the model has several outputs, or there was no batch.
        """
        if self._evaluation is None or self._evaluation.model is not model:
            self._evaluation = Evaluation(model, self._make_metric, self._data, self._by)
        self._counts = self._evaluation.count(self._steps)
        raise_if_invalid(self.counts())
        values = self.metric._value(self._counts)
        return {name: float(value) for name, value in values.items()}

    @property
    def metric(self) -> Scores:
        """The metric that has counted.

        Raises:
            ValueError: there was no evaluation yet.
        """
        if self._evaluation is None:
            raise _not_evaluated()
        return self._evaluation.metric

    def counts(self) -> Counts:
        """The counts of the last evaluation, over all replicas and groups; nothing is sent.

        Raises:
            ValueError: there was no evaluation yet.
        """
        counts = self._kept()
        return counts if len(counts.total.shape) == 0 else counts.overall()

    def counts_by_group(self) -> Counts:
        """Likewise, of each group, in a leading axis."""
        counts = self._kept()
        if len(counts.total.shape) == 0:
            raise ValueError("There are no groups; pass num_groups= and by=.")
        return counts

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Tells the other callbacks which direction is the better one."""
        self.epoch = None
        directions.point(directions.running(), self._direction_of)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Evaluates, if it is time, and adds the scores to `logs`."""
        logs = {} if logs is None else logs
        due = (epoch + 1) % self.every == 0
        self._check_others(logs, due)
        if not due:
            return
        scores = {f"{self.prefix}{k}": v for k, v in self.evaluate(self.model).items()}
        self.epoch = epoch
        logs.update(scores)
        if self.verbose and contexts.is_chief(self.metric.accumulator.strategy):
            shown = " - ".join(f"{name}: {value:.4f}" for name, value in scores.items())
            print(f"\nEpoch {epoch + 1}: {shown}")

    def _check_others(self, logs: dict[str, Any], due: bool) -> None:
        """Raises `ValueError` where another callback would silently do without the scores."""
        others = directions.running()
        before = others[: others.index(self)] if self in others else []
        for callback in directions.watching(others):
            name = callback.monitor
            if name in logs or self._direction_of(name) is None:
                continue
            kind = type(callback).__name__
            if callback in before:
                raise ValueError(
                    f"{kind} watches {name}, but comes before EvaluateScores, which puts it into "
                    "the logs. Put EvaluateScores first in the list of callbacks."
                )
            # Keras 3 saves whenever it does not find what it watches, also over the best.
            if not due and not IS_LEGACY and getattr(callback, "save_best_only", False):
                raise ValueError(
                    f"{kind} is to keep the best {name}, but after epochs without an evaluation "
                    "it would save whatever there is. Pass every=1 to EvaluateScores."
                )

    def _direction_of(self, name: str) -> directions.Direction | None:
        if not name.startswith(self.prefix):
            return None
        return directions.of_scores(self._named, name.removeprefix(self.prefix))

    def _kept(self) -> Counts:
        if self._counts is None:
            raise _not_evaluated()
        return self._counts


def _not_evaluated() -> ValueError:
    return ValueError(
        "EvaluateScores has not evaluated anything yet. Pass it to fit, or call evaluate(model)."
    )
