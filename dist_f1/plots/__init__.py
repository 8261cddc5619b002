"""Figures of counts and sweeps. matplotlib is imported when the first figure is drawn.

    plots.confusion_matrix(counts, class_names, "matrix.png")
    figure = plots.f1_bars(counts)

Each function returns a matplotlib `Figure`. Given a `path`, it also writes the figure; the suffix
selects the format (`.png`, `.svg`). Global state of matplotlib (pyplot, backend, settings) is not
used.

Classes are labelled with `class_names`, by default with their ids. Names are cut after 32
characters. For binary counts of one class, the second of two names is that of the positive class.
"""

from dist_f1.plots.bars import f1_bars
from dist_f1.plots.curves import precision_recall
from dist_f1.plots.matrices import confusion_matrix

__all__ = ["confusion_matrix", "f1_bars", "precision_recall"]
