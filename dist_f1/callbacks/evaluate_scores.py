"""`EvaluateScores`: scores of a dataset after each epoch, in the logs."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf
from typing_extensions import Unpack

from dist_f1.callbacks import csv_columns, datasets
from dist_f1.callbacks.evaluation import Evaluation
from dist_f1.callbacks.outputs import output_names
from dist_f1.counts import Counts
from dist_f1.counts.limits import check_positive
from dist_f1.metrics import Scores, call_stack, directions
from dist_f1.metrics.argument_hints import check_known
from dist_f1.metrics.legacy_keras import IS_LEGACY
from dist_f1.metrics.options import DEFAULTS, MetricOptions
from dist_f1.metrics.signatures import keywords_of, show_options
from dist_f1.replicas import contexts
from dist_f1.scores import score_names
from dist_f1.scores.score_sets import DEFAULT


@show_options(MetricOptions, DEFAULTS, without=["sync"])
class EvaluateScores(tf.keras.callbacks.Callback):
    """Run the model over a dataset after each epoch, and add exact scores to the logs.

    The model needs no metric of this library. It runs under its own strategy with one compiled step
    per batch, as in `model.predict`. Each replica counts its rows, predictions are not stored, and
    one collective at the end sums the counts. Later callbacks and the history see the scores, e.g.
    as `val_f1_macro`; an existing value of that name is replaced.

    If `EarlyStopping`, `ModelCheckpoint` or `ReduceLROnPlateau` monitors one of the scores with
    `mode="auto"`, its mode is set to that of the score. Put such callbacks after this one.

    A copy (`copy.deepcopy`) has the same arguments and dataset, and evaluates by itself.

    Args:
        dataset: `tf.data.Dataset` of batches `(x, y)` or `(x, y, sample_weight)`, which is
            distributed over the replicas; a `tf.distribute.DistributedDataset` of the model's
            strategy; or a tuple of arrays `(x, y)` or `(x, y, sample_weight)`.
        scores: Names of scores, see `dist_f1.scores.score_names`.
        prefix: Prefix of the names in the logs.
        threshold: Threshold of the decisions; see `dist_f1.F1Score`.
        every: Number of epochs from one evaluation to the next.
        steps: Number of batches in an evaluation; `None` for all.
        batch_size: Rows in a global batch, for arrays; 32 by default.
        outputs: Name or names of the outputs to score, if the model has several; by default all
            that have targets. Scores are then logged with the name of the output, e.g. as
            `val_a_f1_macro`. Targets are a dict, or a tuple in the order of the outputs.
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
        outputs: str | Sequence[str] | None = None,
        by: Callable[[Any, Any], tf.Tensor] | None = None,
        verbose: int = 0,
        confusion: bool = False,
        **options: Unpack[MetricOptions],
    ) -> None:
        super().__init__()
        supported = keywords_of(type(self), MetricOptions, ["sync"])
        check_known(options, DEFAULTS, supported)
        check_positive("every", every)
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
        self._outputs = [outputs] if isinstance(outputs, str) else outputs
        self._steps = steps
        self._evaluation: Evaluation | None = None
        self._counts: dict[str | None, Counts] = {}
        self.prefix = prefix
        self.class_names = options.get("class_names")
        self.every = every
        self.verbose = verbose
        # The last evaluated epoch of this `fit`.
        self.epoch: int | None = None

    def evaluate(self, model: tf.keras.Model) -> dict[str, float]:
        """Evaluate a model, and return the scores without the prefix.

        Args:
            model: Keras model, compiled or not.

        Raises:
            ValueError: Rows could not be counted (`counts()` has the other rows), inputs do not
                match the scores, it is unknown which target belongs to which output, or there is
                no batch.
        """
        if self._evaluation is None or self._evaluation.model is not model:
            self._evaluation = Evaluation(
                model, self._make_metric, self._dataset, self._by, self._outputs
            )
        self._counts = self._evaluation.count(self._steps)
        scores: dict[str, float] = {}
        for output, metric in self._evaluation.metrics.items():
            prefix = "" if output is None else f"{output}_"
            values = metric.value_of(self._counts[output])
            scores |= {f"{prefix}{name}": float(value) for name, value in values.items()}
        return scores

    @property
    def metric(self) -> Scores:
        """The metric of the last evaluation; of the first output if there are several.

        Raises:
            ValueError: There is no evaluation yet.
        """
        if self._evaluation is None:
            raise _not_evaluated()
        return next(iter(self._evaluation.metrics.values()))

    def counts(self, output: str | None = None) -> Counts:
        """Return the counts of the last evaluation over all replicas and groups; nothing is sent.

        Args:
            output: Name of the output, if several are scored.

        Raises:
            ValueError: There is no evaluation yet, or no such output.
        """
        counts = self._last_counts(output)
        return counts if len(counts.total.shape) == 0 else counts.overall()

    def counts_by_group(self, output: str | None = None) -> Counts:
        """Return the counts of the last evaluation with a leading axis of groups; see `counts`.

        Raises:
            ValueError: There are no groups, no evaluation yet, or no such output.
        """
        counts = self._last_counts(output)
        if len(counts.total.shape) == 0:
            raise ValueError("There are no groups. Pass num_groups= and by=.")
        return counts

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Set the mode of callbacks that monitor one of the scores."""
        self.epoch = None
        callbacks = call_stack.active_callbacks()
        directions.set_modes(callbacks, self._direction_of)
        csv_columns.warn_of_order(self._split(callbacks)[0])

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Evaluate every `every` epochs, and add the scores to `logs`."""
        logs = {} if logs is None else logs
        is_due = (epoch + 1) % self.every == 0
        self._check_other_callbacks(logs, is_due)
        after = self._split(call_stack.active_callbacks())[1]
        if not is_due:
            csv_columns.add_columns(after, logs, self._entries)
            return
        scores = {f"{self.prefix}{k}": v for k, v in self.evaluate(self.model).items()}
        csv_columns.add_columns(after, logs, lambda: scores)
        self.epoch = epoch
        logs.update(scores)
        if self.verbose and contexts.is_chief(self.metric.accumulator.strategy):
            shown = " - ".join(f"{name}: {value:.4f}" for name, value in scores.items())
            print(f"\nEpoch {epoch + 1}: {shown}")

    def _check_other_callbacks(self, logs: dict[str, Any], is_due: bool) -> None:
        """Raise `ValueError` if another callback would silently ignore the scores."""
        callbacks = call_stack.active_callbacks()
        before, _ = self._split(callbacks)
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

    def _split(self, callbacks: Sequence[Any]) -> tuple[Sequence[Any], Sequence[Any]]:
        """Return the callbacks before this one, and those after it."""
        if self not in callbacks:
            return [], []
        index = callbacks.index(self)
        return callbacks[:index], callbacks[index + 1 :]

    def _entries(self) -> list[str]:
        """Return the names of the scores in the logs, before an evaluation."""
        metric = self._make_metric()
        entries = metric.log_entries()
        if metric.num_classes is None and any(score.is_per_class for score in self._named):
            raise ValueError(
                "CSVLogger takes its columns from the first epoch, which has no scores, and the "
                "number of scores per class is unknown. Pass num_classes= or every=1 to "
                "EvaluateScores."
            )
        targets = self._dataset.element_spec[1]
        outputs = output_names(self.model, targets, self._outputs)
        prefixes = [self.prefix if x is None else f"{self.prefix}{x}_" for x in outputs]
        return [f"{prefix}{entry}" for prefix in prefixes for entry in entries]

    def _direction_of(self, name: str) -> directions.Direction | None:
        if not name.startswith(self.prefix):
            return None
        entry = name.removeprefix(self.prefix)
        targets = self._dataset.element_spec[1]
        for output in output_names(self.model, targets, self._outputs):
            if output is not None and entry.startswith(f"{output}_"):
                return directions.of_scores(self._named, entry.removeprefix(f"{output}_"))
        return directions.of_scores(self._named, entry)

    def _last_counts(self, output: str | None) -> Counts:
        if not self._counts:
            raise _not_evaluated()
        if output is None and len(self._counts) == 1:
            return next(iter(self._counts.values()))
        if output not in self._counts:
            raise ValueError(
                f"There are no counts of the output {output!r}. Pass output= with one of "
                f"{', '.join(map(repr, self._counts))}."
            )
        return self._counts[output]

    def __deepcopy__(self, memo: Any = None) -> EvaluateScores:
        """Copy the arguments; the copy has evaluated nothing."""
        other = copy.copy(self)
        other._evaluation, other._counts, other.epoch = None, {}, None
        other.set_model(None)
        return other


def _not_evaluated() -> ValueError:
    return ValueError(
        "EvaluateScores has not evaluated a model yet. Pass it to fit, or call evaluate(model)."
    )
