"""Counts on each replica, and their sum over all replicas: contexts, all-reduce, accumulator."""

from dist_f1.replicas import all_reduce as all_reduce
from dist_f1.replicas.all_reduce import all_reduce_sum as all_reduce_sum
