"""Counts of the collectives, bytes and operations of a traced step."""

from dist_f1.inspection.graphs import count_bytes, count_collectives
from dist_f1.inspection.operations import count_operations

__all__ = ["count_bytes", "count_collectives", "count_operations"]
