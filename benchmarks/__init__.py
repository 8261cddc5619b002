"""Benchmarks of dist_f1: run `python -m benchmarks` in the root of a checkout."""
