"""One batch to counts: rows are decided, matched with their targets, and summed."""

from dist_f1.counting.batch_counts import count_rows as count_rows
from dist_f1.counting.labels import from_labels as from_labels
from dist_f1.counting.spec import CountSpec as CountSpec
