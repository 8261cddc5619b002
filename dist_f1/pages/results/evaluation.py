"""`Evaluation`: everything that a page shows of one evaluation."""

from __future__ import annotations

import datetime
import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from dist_f1 import scores
from dist_f1.counts import Counts
from dist_f1.counts.visible_text import visible_name
from dist_f1.intervals import Interval, confidence_interval
from dist_f1.pages.sections import FigureOrPath
from dist_f1.reports import check_names
from dist_f1.scores import score_names
from dist_f1.sweeps import Sweep

LEVEL = 0.95
# The interval of an average of more classes takes too long for a page.
_MAX_RESAMPLED_CLASSES = 100

ScoreRow = dict[str, "float | None"]


class Mistake(NamedTuple):
    """A row that was predicted wrongly, with the probability of its prediction."""

    row: int
    true: str
    predicted: str
    probability: float


class Evaluation(NamedTuple):
    """The results of one evaluation; all but the counts may be absent.

    Fields:
        title: Name of the evaluation.
        counts: NumPy counts of C classes.
        class_names: C names, two for a binary task; `None` for ids.
        sweep: Counts at each threshold.
        scores: `value`, `low` and `high` of each score, by its name.
        history: Records of epochs: `epoch`, `split`, `loss` and scores by name.
        settings: Settings of the run.
        versions: Versions of libraries, and where the run was computed.
        mistakes: The most confident mistakes.
        date: Date of the evaluation.
        average: How F1 is averaged.
        pictures: Figures or their paths, for Markdown pages: `confusion_matrix`, `f1_per_class`,
            `precision_recall`.
    """

    title: str
    counts: Counts
    class_names: Sequence[str] | None = None
    sweep: Sweep | None = None
    scores: Mapping[str, ScoreRow] = {}
    history: Sequence[Mapping[str, object]] = ()
    settings: Mapping[str, object] = {}
    versions: Mapping[str, object] = {}
    mistakes: Sequence[Mistake] = ()
    date: str = ""
    average: str = "macro"
    pictures: Mapping[str, FigureOrPath] = {}

    @property
    def counted(self) -> Counts:
        """Counts of at least two classes, without the number of rows that were not counted."""
        counts = self.counts.to_two_class()
        return counts._replace(invalid=0 * counts.invalid, invalid_by_cause=())

    @property
    def names(self) -> list[str]:
        """Names of the classes of `counted`, escaped; raises `ValueError` for another number."""
        classes = self.counted.num_classes
        if self.class_names is None:
            return [str(label) for label in range(classes)]
        check_names(self.class_names, classes)
        return [" ".join(visible_name(name).split()) for name in self.class_names]

    @property
    def swept_names(self) -> list[str]:
        """Names of the classes of the sweep: for a binary task, the positive class."""
        is_binary = self.sweep is not None and self.sweep.num_classes == 1
        return self.names[1:] if is_binary else self.names

    @property
    def is_binary(self) -> bool:
        """Whether the counts are those of one class."""
        return self.counts.num_classes == 1

    @property
    def f1_name(self) -> str:
        """Name of the F1 in the verdict, e.g. `"f1_macro"`."""
        if self.is_binary:
            return "f1_binary"
        # Only counts with sums over rows have a sample average.
        is_computable = self.average != "samples" or bool(self.counts.samples)
        return f"f1_{self.average}" if is_computable else "f1_macro"

    @property
    def f1_label(self) -> str:
        """Words for the F1 in the verdict, e.g. `"Macro F1"`."""
        if self.is_binary:
            return f"F1 of {self.names[1]}"
        return "F1" if self.average == "binary" else f"{self.average.capitalize()} F1"

    @property
    def unit(self) -> str:
        """The unit of the counts: `"rows"` or `"weight"`."""
        return "weight" if self.counts.is_weighted else "rows"

    def f1(self) -> ScoreRow:
        """Return value and bounds of the F1 in the verdict; bounds that are unknown are `None`."""
        if self.f1_name in self.scores:
            return self.scores[self.f1_name]
        counts = self.counts._replace(invalid=0 * self.counts.invalid)
        return score_row(counts, self.f1_name, counts.num_classes <= _MAX_RESAMPLED_CLASSES)

    def f1_per_class(self) -> np.ndarray:
        """Return F1 `[C]`; NaN for a class that neither occurs nor is predicted."""
        return np.asarray(scores.f1(self.counted, zero_division=math.nan))


def score_row(counts: Counts, name: str, has_interval: bool = True) -> ScoreRow:
    """Return `value`, `low` and `high` of a score by name; bounds that are unknown are `None`."""
    value = float(score_names.parse(name)(counts))
    interval = interval_of(counts, name) if has_interval else None
    low, high = (None, None) if interval is None else map(float, interval)
    return {"value": value, "low": low, "high": high}


def interval_of(counts: Counts, name: str) -> Interval | None:
    """Return the 95% interval of a score by name, or `None` if the counts determine none."""
    try:
        return confidence_interval(counts, name, LEVEL)
    except ValueError:
        # Counts do not determine the variance, e.g. of sample averages.
        return None


def format_count(value: float | np.ndarray) -> str:
    """Format a count with separators of thousands, or a weight with four digits."""
    number = float(value)
    return f"{int(number):,}" if number.is_integer() else f"{number:,.4g}"


def format_score(value: float | None) -> str:
    """Return `"0.8123"` with four digits, or an empty string for an unknown value."""
    return "" if value is None or not math.isfinite(value) else f"{value:.4f}"


def format_date(moment: datetime.datetime) -> str:
    """Return date and time in the zone of this computer."""
    return moment.astimezone().strftime("%Y-%m-%d %H:%M %Z").strip()


def format_interval(row: ScoreRow) -> str:
    """Return `"0.79 to 0.86"` with three digits, or an empty string."""
    low, high = row.get("low"), row.get("high")
    if low is None or high is None or math.isnan(low) or math.isnan(high):
        return ""
    return f"{low:.3f} to {high:.3f}"
