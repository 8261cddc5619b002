"""What dist_f1 costs, measured: `python -m benchmarks` from the root of a checkout."""
