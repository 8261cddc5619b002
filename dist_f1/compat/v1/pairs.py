"""One score, or the counts, as a `(value, update_op)` pair."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence

import tensorflow as tf
from typing_extensions import Unpack

from dist_f1 import scores
from dist_f1.compat.v1.accumulator import accumulate, assert_valid
from dist_f1.compat.v1.arguments import Options, TensorLike, resolve_options
from dist_f1.compat.v1.scope import scope
from dist_f1.counts import Counts
from dist_f1.counts.limits import as_float
from dist_f1.counts.short_text import short_repr
from dist_f1.metrics.options import DEFAULTS, MetricOptions
from dist_f1.metrics.signatures import show_options
from dist_f1.scores.averaging import Average

Pair = tuple[tf.Tensor, "tf.Tensor | tf.Operation"]


@show_options(Options, DEFAULTS)
def f_beta(
    labels: TensorLike,
    predictions: TensorLike,
    num_classes: int | None = None,
    average: Average | None = "binary",
    weights: TensorLike | None = None,
    beta: float = 1.0,
    **options: Unpack[Options],
) -> Pair:
    """Make a pair of F-beta: `(1 + beta^2) tp / (beta^2 actual + predicted)`.

    Args:
        labels: Class ids `[...]` or `[..., 1]` of any numeric dtype, or 0/1 targets `[..., C]`.
        predictions: Logits or probabilities `[..., C]`, whose best class is predicted; with
            `threshold` also binary probabilities `[B]` or `[B, 1]`; booleans; or class ids `[...]`,
            which need `num_classes`.
        num_classes: C; by default the last axis of `predictions`.
        average: `"binary"` (the second of two classes), `"micro"`, `"macro"`, `"weighted"`,
            `"samples"`, or `None` for a score per class, `[C]`; see `dist_f1.scores`.
        weights: Numbers, one per row or per leading axes; counts are then float64. Rows of weight
            0 are left out. Boolean weights are a mask.
        beta: Weight of recall relative to precision.
        **options: See `dist_f1.compat.v1.arguments.Options`.

    Returns:
        `(value, update_op)`, see `dist_f1.compat.v1`.

    Raises:
        RuntimeError: No graph is being built for a session.
        ValueError: An argument is out of range, or inputs do not match.

    Example:
        >>> with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        ...     value, update = f_beta([0, 1, 1, 0], [0, 1, 0, 0], num_classes=2, beta=2.0)
        ...     session.run(tf.compat.v1.local_variables_initializer())
        ...     _ = session.run(update)
        ...     print(f"{session.run(value):.4f}")
        0.5556
    """
    return _pair(
        "f_beta", scores.f_beta, labels, predictions, num_classes, average, weights, options, beta
    )


@show_options(Options, DEFAULTS, like=f_beta)
def f1_score(
    labels: TensorLike,
    predictions: TensorLike,
    num_classes: int | None = None,
    average: Average | None = "binary",
    weights: TensorLike | None = None,
    beta: float = 1.0,
    **options: Unpack[Options],
) -> Pair:
    """Make a pair of F1: `2 tp / (actual + predicted)`, the harmonic mean of precision and recall.

    The function is `f_beta` with `beta=1`.

    Args:
        **options: See `f_beta` for all arguments.

    Example:
        >>> with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        ...     probabilities = tf.constant([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]])
        ...     value, update = f1_score([0, 1, 1], probabilities, average="macro")
        ...     session.run(tf.compat.v1.local_variables_initializer())
        ...     _ = session.run(update)
        ...     print(f"{session.run(value):.4f}")
        0.6667
    """
    return _pair(
        "f1_score", scores.f_beta, labels, predictions, num_classes, average, weights, options, beta
    )


@show_options(Options, DEFAULTS, like=f_beta)
def precision(
    labels: TensorLike,
    predictions: TensorLike,
    num_classes: int | None = None,
    average: Average | None = "binary",
    weights: TensorLike | None = None,
    **options: Unpack[Options],
) -> Pair:
    """Make a pair of precision: `tp / predicted`, the fraction of correct predictions of a class.

    Args:
        **options: See `f_beta` for all arguments.
    """
    return _pair(
        "precision", scores.precision, labels, predictions, num_classes, average, weights, options
    )


@show_options(Options, DEFAULTS, like=f_beta)
def recall(
    labels: TensorLike,
    predictions: TensorLike,
    num_classes: int | None = None,
    average: Average | None = "binary",
    weights: TensorLike | None = None,
    **options: Unpack[Options],
) -> Pair:
    """Make a pair of recall: `tp / actual`, the fraction of correctly predicted rows of a class.

    Args:
        **options: See `f_beta` for all arguments.
    """
    return _pair(
        "recall", scores.recall, labels, predictions, num_classes, average, weights, options
    )


@show_options(Options, DEFAULTS, like=f_beta)
def confusion_counts(
    labels: TensorLike,
    predictions: TensorLike,
    num_classes: int | None = None,
    weights: TensorLike | None = None,
    *,
    confusion: bool = False,
    betas: Sequence[float] = (),
    by: TensorLike | None = None,
    num_groups: int | None = None,
    **options: Unpack[Options],
) -> tuple[Counts, tf.Operation]:
    """Make a pair of `Counts`, from which scores, reports and figures are derived.

    Fetched in a session, or in the result of `Estimator.evaluate`, `value` is a `Counts` of NumPy
    arrays. Fetching it does not raise if rows could not be counted; `invalid` is their number.

    Args:
        confusion: Whether to count the `[C, C]` matrix too, if there are more than two classes.
        betas: Multilabel only: further betas than 1 for sample averages of F.
        by: Group id of each row, shaped like `weights`, from 0 to `num_groups - 1`.
        num_groups: Number of groups. All counts then have a leading axis of groups.
        **options: See `f_beta` for the other arguments.

    Returns:
        `(value, update_op)`. `update_op` is an operation without a value.

    Example:
        >>> with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        ...     value, update = confusion_counts([0, 1, 2, 2], [0, 2, 2, 1], num_classes=3)
        ...     session.run(tf.compat.v1.local_variables_initializer())
        ...     session.run(update)
        ...     session.run(value).true_positive.tolist()
        [1, 0, 1]
    """
    with scope("confusion_counts", [labels, predictions, weights], options):
        metric: MetricOptions = {"num_groups": num_groups}
        resolved = resolve_options(predictions, num_classes, None, metric, **options)
        accumulator = accumulate(
            labels,
            predictions,
            weights,
            resolved,
            check=resolved.check_average,
            confusion=confusion,
            betas=tuple(betas),
            by=by,
        )
        return accumulator.value(lambda counts: counts), accumulator.operation()


def _pair(
    function: str,
    score: Callable[..., tf.Tensor],
    labels: TensorLike,
    predictions: TensorLike,
    num_classes: int | None,
    average: Average | None,
    weights: TensorLike | None,
    options: Options,
    beta: float | None = None,
) -> Pair:
    betas: tuple[float, ...] | None = () if average == "samples" else None
    if beta is not None:
        value = as_float(beta)
        if not value >= 0.0:
            raise ValueError(f"beta must be a number of at least 0, got {short_repr(beta)}.")
        score = functools.partial(score, beta=value)
        # Per-class counts do not determine a sample average: F is summed row by row.
        if average == "samples" and math.isfinite(value * value):
            betas = (value,)
    with scope(function, [labels, predictions, weights], options):
        resolved = resolve_options(predictions, num_classes, average, **options)
        accumulator = accumulate(
            labels, predictions, weights, resolved, check=resolved.check_average, betas=betas
        )

        def derive(counts: Counts) -> tf.Tensor:
            return resolved.cast(score(assert_valid(counts), **resolved.averaging()))

        return accumulator.value(derive), accumulator.update(derive)
