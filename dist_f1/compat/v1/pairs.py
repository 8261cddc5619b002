"""One score, or the counts, as a `(value, update_op)` pair."""

from __future__ import annotations

import functools
import math
import numbers
from collections.abc import Callable
from typing import Any

import tensorflow as tf
from typing_extensions import Unpack

from dist_f1 import scores
from dist_f1.compat.v1.arguments import Options, asked_for
from dist_f1.compat.v1.scope import scope
from dist_f1.compat.v1.stream import checked, count_stream
from dist_f1.counts import Counts
from dist_f1.metrics.options import MetricOptions
from dist_f1.scores.averaging import Average

Pair = tuple[Any, Any]


def f_beta(
    labels: Any,
    predictions: Any,
    num_classes: int | None = None,
    average: Average | None = "binary",
    weights: Any = None,
    beta: float = 1.0,
    **options: Unpack[Options],
) -> Pair:
    """F-beta: `(1 + beta^2) tp / (beta^2 actual + predicted)`.

    Args:
        labels: class ids `[...]` or `[..., 1]` of any numeric dtype, or 0/1 targets `[..., C]`.
        predictions: scores `[..., C]`, whose best class is predicted; with `threshold` also `[B]`
            or `[B, 1]`, binary; booleans; or class ids `[...]`, given `num_classes`.
        num_classes: C, by default the last axis of `predictions`. Class ids need it.
        average: `"binary"` (the second of two classes), `"micro"`, `"macro"`, `"weighted"`,
            `"samples"`, or `None`, a score per class, `[C]`; see `dist_f1.scores`.
        weights: numbers, one per row or per leading axes. Counts are then float64. Rows of weight
            0 leave no trace. Booleans are a mask.
        beta: recall weighs `beta` times precision.
        **options: see `dist_f1.compat.v1.arguments.Options`.

    Returns:
        `(value, update_op)`, see `dist_f1.compat.v1`.

    Raises:
        RuntimeError: no graph is being built for a session.
        ValueError: an argument out of its range, or inputs that do not fit each other.

    Example:
        >>> with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        ...     value, update = f_beta([0, 1, 1, 0], [0, 1, 0, 0], num_classes=2, beta=2.0)
        ...     session.run(tf.compat.v1.local_variables_initializer())
        ...     _ = session.run(update)
        ...     print(f"{session.run(value):.4f}")
        0.5556
    """
    given = (labels, predictions, weights)
    return _f_pair("f_beta", beta, given, (num_classes, average, options))


def f1_score(
    labels: Any,
    predictions: Any,
    num_classes: int | None = None,
    average: Average | None = "binary",
    weights: Any = None,
    beta: float = 1.0,
    **options: Unpack[Options],
) -> Pair:
    """F1: `2 tp / (actual + predicted)`, the harmonic mean of precision and recall.

    For the arguments and errors see `f_beta`, which it is with `beta=1`.

    Example:
        >>> with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        ...     probabilities = tf.constant([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]])
        ...     value, update = f1_score([0, 1, 1], probabilities, average="macro")
        ...     session.run(tf.compat.v1.local_variables_initializer())
        ...     _ = session.run(update)
        ...     print(f"{session.run(value):.4f}")
        0.6667
    """
    given = (labels, predictions, weights)
    return _f_pair("f1_score", beta, given, (num_classes, average, options))


def precision(
    labels: Any,
    predictions: Any,
    num_classes: int | None = None,
    average: Average | None = "binary",
    weights: Any = None,
    **options: Unpack[Options],
) -> Pair:
    """`tp / predicted`: how many of the rows predicted as a class are of it.

    For the arguments and errors see `f_beta`.
    """
    given = (labels, predictions, weights)
    return _pair("precision", scores.precision, given, (num_classes, average, options))


def recall(
    labels: Any,
    predictions: Any,
    num_classes: int | None = None,
    average: Average | None = "binary",
    weights: Any = None,
    **options: Unpack[Options],
) -> Pair:
    """`tp / actual`: how many of the rows of a class are predicted as it.

    For the arguments and errors see `f_beta`.
    """
    given = (labels, predictions, weights)
    return _pair("recall", scores.recall, given, (num_classes, average, options))


def confusion_counts(
    labels: Any,
    predictions: Any,
    num_classes: int | None = None,
    weights: Any = None,
    *,
    confusion: bool = False,
    betas: tuple[float, ...] = (),
    by: Any = None,
    num_groups: int | None = None,
    **options: Unpack[Options],
) -> tuple[Counts, tf.Operation]:
    """The `Counts` that scores, reports and pictures are derived from.

    Fetched in a session, or as an entry of the result of `Estimator.evaluate`, `value` is a
    `Counts` of NumPy arrays. Fetching it does not raise for rows that could not be counted; their
    number is `invalid`.

    Args:
        labels: see `f_beta`, also for the arguments that are not named here.
        predictions: likewise.
        num_classes: likewise.
        weights: likewise.
        confusion: also keep the `[C, C]` matrix, where there are more than two classes.
        betas: where rows may name several classes, the betas beyond 1 of F averaged over rows.
        by: a group id for each row, shaped like `weights`, from 0 to `num_groups - 1`.
        num_groups: how many groups there are; all counts then have a leading axis of groups.
        **options: likewise.

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
        more: MetricOptions = {"num_groups": num_groups}
        asked = asked_for(predictions, num_classes, more=more, **options)
        stream = count_stream(
            labels,
            predictions,
            weights,
            asked,
            check=asked.check_average,
            confusion=confusion,
            betas=tuple(betas),
            by=by,
        )
        return stream.value(lambda counts: counts), stream.operation()


def _f_pair(
    function: str,
    beta: Any,
    inputs: tuple[Any, Any, Any],
    chosen: tuple[int | None, Any, Options],
) -> Pair:
    number = isinstance(beta, numbers.Real) and not isinstance(beta, bool)
    if not number or not float(beta) >= 0.0:
        raise ValueError(f"beta must be a number, 0 or more, got {beta!r}.")
    beta = float(beta)
    _, average, _ = chosen
    # Over rows, F must be added up row by row: per-class counts do not tell it.
    by_row = average == "samples" and math.isfinite(beta * beta)
    score = functools.partial(scores.f_beta, beta=beta)
    return _pair(function, score, inputs, chosen, betas=(beta,) if by_row else ())


def _pair(
    function: str,
    score: Callable[..., Any],
    inputs: tuple[Any, Any, Any],
    chosen: tuple[int | None, Any, Options],
    betas: tuple[float, ...] = (),
) -> Pair:
    labels, predictions, weights = inputs
    num_classes, average, options = chosen
    with scope(function, list(inputs), options):
        asked = asked_for(predictions, num_classes, average, **options)
        stream = count_stream(
            labels, predictions, weights, asked, check=asked.check_average, betas=betas
        )

        def derive(counts: Counts) -> Any:
            return asked.cast(score(checked(counts), **asked.averaging()))

        return stream.value(derive), stream.update(derive)
