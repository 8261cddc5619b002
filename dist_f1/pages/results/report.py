"""The sections of a report, in their order. A new kind of section is one more entry here."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from dist_f1.pages.results.class_scores import class_scores
from dist_f1.pages.results.confusion_chart import confusion_chart
from dist_f1.pages.results.confusions import confusions_table
from dist_f1.pages.results.error_bars import error_bars
from dist_f1.pages.results.evaluation import Evaluation
from dist_f1.pages.results.learning_curves import learning_curves
from dist_f1.pages.results.mistakes import mistakes_table
from dist_f1.pages.results.precision_recall import precision_recall
from dist_f1.pages.results.run_settings import run_settings
from dist_f1.pages.results.score_table import score_table
from dist_f1.pages.results.threshold_choice import threshold_choice
from dist_f1.pages.results.verdict import verdict
from dist_f1.pages.sections import Picture, Section

_PARTS: tuple[Callable[[Evaluation], Sequence[Section]], ...] = (
    verdict,
    learning_curves,
    class_scores,
    confusion_chart,
    confusions_table,
    error_bars,
    precision_recall,
    threshold_choice,
    mistakes_table,
    score_table,
    run_settings,
)


def report_sections(evaluation: Evaluation) -> list[Section]:
    """Return the sections of an HTML page; results that the evaluation lacks have none.

    Example:
        >>> from dist_f1.counts import Counts
        >>> counts = Counts.from_labels([0, 1, 1], [0, 1, 0], num_classes=2).numpy()
        >>> [section.heading for section in report_sections(Evaluation("Validation", counts))]
        ['Verdict', 'Classes', 'Confusion matrix']
    """
    return [section for part in _PARTS for section in part(evaluation)]


def markdown_sections(evaluation: Evaluation) -> list[Section]:
    """Return the sections of a Markdown page: those of `report_sections`, and F1 by class."""
    sections = report_sections(evaluation)
    picture = evaluation.pictures.get("f1_per_class")
    if picture is not None:
        index = [section.heading for section in sections].index("Classes") + 1
        alt = "F1 of each class with its interval"
        sections.insert(index, Picture("F1 by class", picture, alt))
    return sections
