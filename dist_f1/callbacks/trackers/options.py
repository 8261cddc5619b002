"""The keyword arguments that all trackers share, with their defaults."""

from collections.abc import Mapping, Sequence
from typing import TypeAlias, TypedDict

from dist_f1.callbacks.evaluate_scores import EvaluateScores
from dist_f1.metrics.base import CountsMetric

Hparams: TypeAlias = Mapping[str, bool | int | float | str]


class TrackerOptions(TypedDict, total=False):
    """Keywords of all trackers.

    metric: Metric of the model, or an `EvaluateScores` that comes before this callback. `None`: the
        most detailed metric of the model, i.e. one with a confusion matrix, then one with class
        names, then the first.
    every: Number of epochs from one report to the next. Numbers are written every epoch.
    hparams: Hyperparameters by name, written before the first epoch.
    figures: Whether to draw figures, which needs matplotlib.
    class_names: C names; by default those of the metric.
    split: `"train"` or `"validation"`, to report only these rows. With an `EvaluateScores`, the
        name of its data. `None`: validation data if there are any.
    """

    metric: CountsMetric | EvaluateScores | None
    every: int
    hparams: Hparams | None
    figures: bool
    class_names: Sequence[str] | None
    split: str | None


DEFAULTS: TrackerOptions = {
    "metric": None,
    "every": 1,
    "hparams": None,
    "figures": True,
    "class_names": None,
    "split": None,
}
