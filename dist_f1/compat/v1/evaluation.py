"""All of `eval_metric_ops` from one accumulator."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from typing_extensions import Unpack

from dist_f1.compat.v1.arguments import Options, asked_for
from dist_f1.compat.v1.scope import scope
from dist_f1.compat.v1.stream import checked, count_stream
from dist_f1.counts import Counts
from dist_f1.metrics.options import MetricOptions
from dist_f1.scores import score_sets


def eval_metric_ops(
    labels: Any,
    predictions: Any,
    num_classes: int | None = None,
    scores: Sequence[str] = score_sets.DEFAULT,
    weights: Any = None,
    *,
    prefix: str = "",
    counts: bool = False,
    confusion: bool = False,
    class_names: Sequence[str] | None = None,
    by: Any = None,
    num_groups: int | None = None,
    **options: Unpack[Options],
) -> dict[str, tuple[Any, Any]]:
    """Many scores for an `EstimatorSpec`: one decision, one local variable, one sum over replicas.

    Args:
        labels: see `f_beta`, also for the arguments that are not named here.
        predictions: likewise.
        num_classes: likewise.
        scores: names, as of `dist_f1.Scores`: `f1_macro`, `accuracy`, `f2_weighted`,
            `f1_per_class` (an entry for each class), `f1_macro_by_group`; see
            `dist_f1.scores.score_names`.
        weights: likewise.
        prefix: of the names of all entries.
        counts: also an entry `counts`, the `Counts` that all of it is derived from: a report, a
            picture or an interval can then be made of what `Estimator.evaluate` returns.
        confusion: keep the `[C, C]` matrix in `counts`, also where no score needs it.
        class_names: in the entries of `_per_class`.
        by: a group id for each row, shaped like `weights`, for `_by_group` and `_gap`.
        num_groups: how many groups there are.
        **options: likewise.

    Returns:
        A dict from names to `(value, update_op)`. All entries share one update: an `Estimator`
        runs all of them at once, and by hand any one is to be run, or all in one `session.run`.

    Raises:
        RuntimeError: no graph is being built for a session.
        ValueError: a name that is no score, or a score that these decisions do not have.

    Example:
        >>> import tensorflow as tf
        >>> with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        ...     ops = eval_metric_ops([0, 1, 1], [0, 1, 0], 2, scores=["f1_binary", "accuracy"])
        ...     session.run(tf.compat.v1.local_variables_initializer())
        ...     _ = session.run([update for _, update in ops.values()])
        ...     values = session.run({name: value for name, (value, _) in ops.items()})
        ...     print({name: round(float(value), 3) for name, value in values.items()})
        {'f1_binary': 0.667, 'accuracy': 0.667}
    """
    with scope("eval_metric_ops", [labels, predictions, weights], options):
        more: MetricOptions = {"class_names": class_names, "num_groups": num_groups}
        asked = asked_for(predictions, num_classes, more=more, **options)
        full = asked.full
        wanted = score_sets.ScoreSet(
            score_sets.parse(scores),
            asked.rule.top_k,
            full["zero_division"],
            full["labels"],
            full["class_names"],
            num_groups,
            prefix,
        )
        wanted.check_options()
        stream = count_stream(
            labels,
            predictions,
            weights,
            asked,
            check=wanted.check_classes,
            confusion=confusion or wanted.needs_confusion,
            betas=wanted.betas,
            by=by,
        )

        def derive(kept: Counts) -> dict[str, Any]:
            return wanted.entries(checked(kept), asked.cast)

        values = stream.value(derive)
        updates = stream.update(derive)
        if not isinstance(updates, dict):
            updates = dict.fromkeys(values, updates)
        ops = {entry: (values[entry], updates[entry]) for entry in values}
        if counts:
            ops[f"{prefix}counts"] = (stream.value(lambda kept: kept), stream.operation())
        return ops
