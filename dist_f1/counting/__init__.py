"""One batch to counts: rows are decided, matched with their targets, and added up."""

from dist_f1.counting.batch_counts import (
    count,
    count_vector,
    has_confusion,
    is_multilabel,
    layout_for,
)
from dist_f1.counting.labels import from_labels

__all__ = [
    "count",
    "count_vector",
    "from_labels",
    "has_confusion",
    "is_multilabel",
    "layout_for",
]
