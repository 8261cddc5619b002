"""Pictures of counts and of sweeps. matplotlib is imported only when one is drawn.

    plots.confusion_matrix(counts, class_names, "matrix.png")
    figure = plots.f1_bars(counts)

Each returns the matplotlib `Figure` and, given a `path`, writes it there in the format that the
suffix names (`.png`, `.svg`). Nothing global is touched: no pyplot, no backend, no settings.

Names are ids unless `class_names` gives them, and are cut off after 32 characters. Binary counts of
one class are labelled with the second of two names, that of the positive class.
"""

from dist_f1.plots.bars import f1_bars
from dist_f1.plots.curves import precision_recall
from dist_f1.plots.matrices import confusion_matrix

__all__ = ["confusion_matrix", "f1_bars", "precision_recall"]
