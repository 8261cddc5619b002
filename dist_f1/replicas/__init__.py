"""Counts on each replica, and their sum over all replicas: contexts, all-reduce, accumulator."""
