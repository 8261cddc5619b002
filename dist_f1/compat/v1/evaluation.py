"""All entries of `eval_metric_ops` from one accumulator."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from typing_extensions import Unpack

from dist_f1.compat.v1.accumulator import accumulate, assert_valid
from dist_f1.compat.v1.arguments import Options, TensorLike, resolve_options
from dist_f1.compat.v1.pairs import f_beta
from dist_f1.compat.v1.scope import scope
from dist_f1.counts import Counts
from dist_f1.metrics.options import DEFAULTS, MetricOptions
from dist_f1.metrics.signatures import show_options
from dist_f1.scores import score_sets


@show_options(Options, DEFAULTS, like=f_beta)
def eval_metric_ops(
    labels: TensorLike,
    predictions: TensorLike,
    num_classes: int | None = None,
    scores: Sequence[str] = score_sets.DEFAULT,
    weights: TensorLike | None = None,
    *,
    prefix: str = "",
    counts: bool = False,
    confusion: bool = False,
    class_names: Sequence[str] | None = None,
    by: TensorLike | None = None,
    num_groups: int | None = None,
    **options: Unpack[Options],
) -> dict[str, tuple[Any, Any]]:
    """Make pairs of many scores, with one decision, one local variable and one all-reduce.

    Args:
        scores: Names of scores, as in `dist_f1.Scores`: e.g. `f1_macro`, `accuracy`,
            `f2_weighted`, `f1_per_class` (an entry for each class), `f1_macro_by_group`; see
            `dist_f1.scores.score_names`.
        prefix: Prefix of all entry names.
        counts: Whether to add an entry `counts` with the `Counts`. Reports, figures and intervals
            can then be made from the result of `Estimator.evaluate`.
        confusion: Whether to keep the `[C, C]` matrix in `counts` if no score needs it.
        class_names: C names for the entries of `_per_class`.
        by: Group id of each row, shaped like `weights`, for `_by_group` and `_gap`.
        num_groups: Number of groups.
        **options: See `f_beta` for the other arguments.

    Returns:
        A dict from names to `(value, update_op)`. All entries share one update. An `Estimator`
        runs them together; in your own session, run one of them, or all in one `session.run`.

    Raises:
        RuntimeError: No graph is being built for a session.
        ValueError: An unknown score, or a score that such decisions do not have.

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
        metric: MetricOptions = {"class_names": class_names, "num_groups": num_groups}
        resolved = resolve_options(predictions, num_classes, None, metric, **options)
        score_set = score_sets.ScoreSet(
            score_sets.parse(scores),
            resolved.rule.top_k,
            resolved.metric["zero_division"],
            resolved.metric["labels"],
            resolved.metric["class_names"],
            num_groups,
            prefix,
        )
        score_set.check_options()
        accumulator = accumulate(
            labels,
            predictions,
            weights,
            resolved,
            check=score_set.check_classes,
            confusion=confusion or score_set.needs_confusion,
            # A report from the counts has a sample average.
            betas=() if counts and score_set.betas is None else score_set.betas,
            by=by,
        )

        def derive(counts: Counts) -> dict[str, Any]:
            return score_set.evaluate(assert_valid(counts), resolved.cast)

        values, updates = accumulator.value(derive), accumulator.update(derive)
        if not isinstance(updates, dict):
            updates = dict.fromkeys(values, updates)
        ops = {name: (values[name], updates[name]) for name in values}
        if counts:
            ops[f"{prefix}counts"] = (accumulator.value(lambda c: c), accumulator.operation())
        return ops
