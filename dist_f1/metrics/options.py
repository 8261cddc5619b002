"""The keyword arguments that all metrics share, with their defaults and checks."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Literal, TypedDict, get_args

from dist_f1.batch.decision_rule import DecisionRule
from dist_f1.batch.groups import check_num_groups
from dist_f1.counts.arrays import is_integer
from dist_f1.counts.limits import check_positive
from dist_f1.counts.short_text import short_repr
from dist_f1.metrics.argument_hints import check_known
from dist_f1.metrics.invalid_rows import OnInvalid
from dist_f1.metrics.signatures import keywords_of
from dist_f1.reports import check_names
from dist_f1.scores.averaging import check_averaging, check_samples

Sync = Literal["step", "epoch"]


class MetricOptions(TypedDict, total=False):
    """Keywords of all metrics, in addition to `threshold`, `name` and `dtype`.

    num_classes: C, by default the last axis of the first `y_pred`. Required for integer
        predictions. 1 means one binary prediction per row.
    top_k: Number of best classes to predict; with `threshold`, only those above the threshold.
    ignore_class: Label of the rows to leave out. Where each class is decided separately, a value
        in 0/1 targets that is no class, e.g. -1, leaves out that entry alone.
    labels: The classes that enter the averages and the report, by default all. All rows count.
    from_logits: Whether predictions are logits; `threshold` remains a probability.
    zero_division: Value of a score that is 0 / 0: 0, 1 or NaN.
    weighted: Whether counts are float64 sums of weights. `None`: the first update decides, by
        whether it has `sample_weight`; `reset_state` does not change the decision.
    class_names: C names for the report; two for a binary task, the negative class first.
    num_groups: Number of groups of rows to compare. `update_state` then takes the group id of each
        row as `by=`, and `result_by_group()` and `gap()` are available.
    sync: `"step"`: `result()` inside a training step is exact over all replicas, for one
        collective. `"epoch"`: nothing is sent inside a step, and `result()` there is the score of
        this replica. Outside of `strategy.run` every result is exact over all replicas.
    on_invalid: Reaction to rows that could not be counted, e.g. for a NaN prediction. `"raise"`: an
        error. `"nan"`: every score is NaN, with a warning. `"warn"`: the score of the other rows,
        with a warning. `None`: `"nan"` in `fit` and `evaluate`, with one warning an epoch, and
        `"raise"` elsewhere. A step in a graph cannot raise or warn: there, `"raise"` makes scores
        NaN, and `None` gives the score of the other rows.
    """

    num_classes: int | None
    top_k: int | None
    ignore_class: int | None
    labels: Sequence[int] | None
    from_logits: bool
    zero_division: float
    weighted: bool | None
    class_names: Sequence[str] | None
    num_groups: int | None
    sync: Sync
    on_invalid: OnInvalid | None


DEFAULTS: MetricOptions = {
    "num_classes": None,
    "top_k": None,
    "ignore_class": None,
    "labels": None,
    "from_logits": False,
    "zero_division": 0.0,
    "weighted": None,
    "class_names": None,
    "num_groups": None,
    "sync": "step",
    "on_invalid": None,
}


def resolve(
    options: Mapping[str, Any],
    average: Any,
    threshold: Any,
    supported: Collection[str] = DEFAULTS,
) -> MetricOptions:
    """Add the defaults, and check everything that can be checked before any data.

    Args:
        options: Keywords of a metric.
        average: How classes are averaged.
        threshold: Threshold of the decision.
        supported: Names of all arguments of the metric, for the error on an unknown one.

    Raises:
        TypeError: A keyword that no metric has.
        ValueError: A value that no metric accepts, or two that exclude each other.
    """
    check_known(options, DEFAULTS, supported)
    full: MetricOptions = {**DEFAULTS, **options}  # type: ignore[typeddict-item]
    if is_integer(average):
        check_averaging(average, 0.0, None)
    rule = rule_of(threshold, full)
    classes = full["num_classes"]
    full["num_classes"] = None if classes is None else check_positive("num_classes", classes)
    full["ignore_class"] = _check_ignore_class(full["ignore_class"])
    check_num_groups(full["num_groups"])
    if full["weighted"] not in (None, True, False):
        raise ValueError(f"weighted must be True, False or None, got {full['weighted']!r}.")
    if full["sync"] not in get_args(Sync):
        raise ValueError(f'sync must be "step" or "epoch", got {full["sync"]!r}.')

    if full["on_invalid"] not in (None, *get_args(OnInvalid)):
        raise ValueError(
            f'on_invalid must be "raise", "nan", "warn" or None, got {full["on_invalid"]!r}.'
        )

    full["labels"] = check_averaging(average, full["zero_division"], full["labels"], classes)
    full["zero_division"] = float(full["zero_division"])
    if average == "binary" and (rule.top_k is not None or (classes or 2) > 2):
        raise ValueError(
            'average="binary" needs two classes, or one with a threshold. Choose another average.'
        )
    check_samples(average, full["labels"], rule.is_multilabel(classes))
    if classes is not None:
        rule.check_classes(classes)
    names = full["class_names"]
    if isinstance(names, str):
        raise ValueError(f"class_names must be a sequence of names, got {names!r}.")
    if names is not None:
        full["class_names"] = names = tuple(str(name) for name in names)
        if classes is not None:
            check_names(names, max(classes, 2))
    return full


def resolve_for(
    owner: type[Any],
    unsupported: Mapping[str, str],
    options: Mapping[str, Any],
    average: Any,
    threshold: Any,
) -> MetricOptions:
    """Resolve the options of a class that does not have all of them.

    Args:
        owner: The class.
        unsupported: Options that the class does not have, with the remedy. `average` may be one.
        options: Options as passed.
        average: How classes are averaged.
        threshold: Threshold of the decision.

    Raises:
        TypeError: A keyword that the class does not have.
        ValueError: A value that is not accepted, or two that exclude each other.
    """
    given = {"average": average, **options}
    for name, remedy in unsupported.items():
        if given.get(name) not in (None, DEFAULTS.get(name)):
            raise ValueError(f"{owner.__name__} has no {name}=. {remedy}".rstrip())
    options = {name: value for name, value in options.items() if name not in unsupported}
    return resolve(options, average, threshold, keywords_of(owner, MetricOptions, unsupported))


def rule_of(threshold: Any, options: MetricOptions) -> DecisionRule:
    """Return the decision rule of these arguments."""
    return DecisionRule(threshold, options["top_k"], bool(options["from_logits"]))


def _check_ignore_class(value: Any) -> int | None:
    if value is None:
        return None
    if not is_integer(value):
        raise ValueError(f"ignore_class must be an integer, got {short_repr(value)}.")
    if not -(2**63) <= value < 2**63:
        raise ValueError(f"ignore_class must be an integer of 64 bits, got {short_repr(value)}.")
    return int(value)
