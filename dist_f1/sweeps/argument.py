"""A clear error if a function of a `Sweep` gets something else, as scores or a metric."""

from typing import Any

from dist_f1.counts import Counts
from dist_f1.counts.argument import F, takes
from dist_f1.sweeps.sweep import Sweep

_FROM_SCORES = "pass dist_f1.Sweep.from_scores(y_true, y_score)."


def takes_sweep(function: F) -> F:
    """Decorate a function that has an argument `sweep`."""
    return takes(Sweep, "sweep", _remedy)(function)


def _remedy(value: Any) -> str:
    if callable(getattr(value, "sweep", None)):
        return "For a ThresholdSweep, pass metric.sweep()."
    if isinstance(value, Counts) or callable(getattr(value, "counts", None)):
        return f"It has counted at one threshold. Count with ThresholdSweep, or {_FROM_SCORES}"
    return f"For targets and scores, {_FROM_SCORES}"
