"""`Counts`, the value that every score is derived from: its layout, its arithmetic, its files."""

from dist_f1.counts.value import Counts as Counts
