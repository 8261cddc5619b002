"""The keyword arguments that every metric takes, stated and checked once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, TypedDict, get_args

from dist_f1 import scores
from dist_f1.decisions import DecisionRule, is_integer

Sync = Literal["step", "epoch"]


class MetricOptions(TypedDict, total=False):
    """Keywords of every metric. Beside them each takes `threshold`, `name` and `dtype`.

    num_classes: C, by default the last axis of the first `y_pred`. Integer predictions need it.
        1 means one binary score per row.
    top_k: the k best classes are predicted; excludes `threshold`.
    ignore_class: rows with this label are left out.
    labels: the classes that enter the averages, by default all. All are counted.
    from_logits: scores are logits; `threshold` still speaks of probabilities.
    zero_division: the score where it is 0 / 0: 0, 1 or NaN.
    weighted: whether counts are float64 sums of weights. `None`: the first update decides, by
        whether it comes with `sample_weight`.
    class_names: C names for the report.
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
    "sync": "step",
}


def complete(options: MetricOptions, average: str | None, threshold: Any) -> MetricOptions:
    """Fills in the defaults and checks what can be checked before any data.

    Raises:
        TypeError: a keyword that no metric takes.
        ValueError: a value that no metric takes, or two that exclude each other.
    """
    unknown = sorted(set(options) - set(DEFAULTS))
    if unknown:
        raise TypeError(f"Unknown argument {', '.join(unknown)}; known are {', '.join(DEFAULTS)}.")
    full: MetricOptions = {**DEFAULTS, **options}
    classes = full["num_classes"]
    if classes is not None and not (is_integer(classes) and classes >= 1):
        raise ValueError(f"num_classes must be a positive integer, got {classes!r}.")
    if full["sync"] not in get_args(Sync):
        raise ValueError(f'sync must be "step" or "epoch", got {full["sync"]!r}.')
    if full["labels"] is not None:
        full["labels"] = tuple(int(label) for label in full["labels"])
    if full["class_names"] is not None:
        full["class_names"] = tuple(full["class_names"])
    DecisionRule(threshold, full["top_k"], bool(full["from_logits"]))
    scores.check_averaging(average, full["zero_division"], full["labels"], classes)
    names = full["class_names"]
    if names is not None and classes is not None and len(names) != max(classes, 2):
        raise ValueError(
            f"class_names has {len(names)} names for {max(classes, 2)} classes; pass one per class."
        )
    return full
