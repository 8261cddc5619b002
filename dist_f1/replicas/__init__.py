"""Counts on each replica, and their sum over all replicas: contexts, all-reduce, accumulator."""

from dist_f1.replicas import all_reduce
from dist_f1.replicas.all_reduce import all_reduce_sum

__all__ = ["all_reduce", "all_reduce_sum"]
