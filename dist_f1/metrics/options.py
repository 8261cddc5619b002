"""The keyword arguments that every metric takes, stated and checked once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, TypedDict, get_args

from dist_f1.batch.decisions import DecisionRule
from dist_f1.batch.groups import check_num_groups
from dist_f1.counts.arrays import is_integer
from dist_f1.reports import check_names
from dist_f1.scores.averaging import check_averaging, check_samples

Sync = Literal["step", "epoch"]


class MetricOptions(TypedDict, total=False):
    """Keywords of every metric. Beside them each takes `threshold`, `name` and `dtype`.

    num_classes: C, by default the last axis of the first `y_pred`. Integer predictions need it.
        1 means one binary score per row.
    top_k: the k best classes are predicted; excludes `threshold`.
    ignore_class: rows with this label are left out.
    labels: the classes that enter the averages and the report, by default all. All are counted.
    from_logits: scores are logits; `threshold` still speaks of probabilities.
    zero_division: the score where it is 0 / 0: 0, 1 or NaN.
    weighted: whether counts are float64 sums of weights. `None`: the first update decides, by
        whether it comes with `sample_weight`, also for the time after `reset_state`.
    class_names: C names for the report; two (no, yes) for a binary score.
    num_groups: G, if each row belongs to one of G groups that are to be compared; `update_state`
        then takes its group id as `by=`, and `result_by_group()` and `gap()` are there.
    sync: `"step"`: `result()` inside a training step is exact over all replicas, for one
        collective. `"epoch"`: nothing is sent inside a step and `result()` there is this
        replica's own value. Outside of `strategy.run` every result is exact over all replicas.
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
}


def complete(options: MetricOptions, average: Any, rule: DecisionRule) -> MetricOptions:
    """Fills in the defaults and checks what can be checked before any data.

    Raises:
        TypeError: a keyword that no metric takes.
        ValueError: a value that no metric takes, or two that exclude each other.
    """
    full: MetricOptions = {**DEFAULTS, **options}
    classes, ignored = full["num_classes"], full["ignore_class"]
    if classes is not None:
        if not is_integer(classes) or classes < 1:
            raise ValueError(f"num_classes must be a positive integer, got {classes!r}.")
        full["num_classes"] = classes = int(classes)
    if ignored is not None:
        if not is_integer(ignored):
            raise ValueError(f"ignore_class must be an integer, got {ignored!r}.")
        full["ignore_class"] = int(ignored)
    check_num_groups(full["num_groups"])
    if full["weighted"] not in (None, True, False):
        raise ValueError(f"weighted must be True, False or None, got {full['weighted']!r}.")
    if full["sync"] not in get_args(Sync):
        raise ValueError(f'sync must be "step" or "epoch", got {full["sync"]!r}.')

    full["labels"] = check_averaging(average, full["zero_division"], full["labels"], classes)
    full["zero_division"] = float(full["zero_division"])
    if average == "binary" and (rule.top_k is not None or (classes or 2) > 2):
        raise ValueError(
            'average="binary" is for two classes, or one with a threshold; choose another average.'
        )
    several = rule.top_k is not None or (rule.threshold is not None and classes != 1)
    check_samples(average, full["labels"], several)
    if classes is not None:
        rule.check_classes(classes)
    names = full["class_names"]
    if isinstance(names, str):
        raise ValueError(f"class_names must be a sequence of names, got {names!r}.")
    if names is not None:
        names = tuple(str(name) for name in names)
        full["class_names"] = names
        if classes is not None:
            check_names(names, max(classes, 2))
    return full


def rule_of(threshold: Any, options: MetricOptions) -> DecisionRule:
    """The decision that the arguments ask for; keywords that no metric takes are refused."""
    unknown = sorted(set(options) - set(DEFAULTS))
    if unknown:
        raise TypeError(f"Unknown argument {', '.join(unknown)}; known are {', '.join(DEFAULTS)}.")
    return DecisionRule(threshold, options.get("top_k"), bool(options.get("from_logits", False)))
