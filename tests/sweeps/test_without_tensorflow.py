"""Sweeps of counts and confidence intervals take NumPy only."""

import subprocess
import sys

CODE = """
import sys

import numpy as np
from dist_f1.counts import Counts
from dist_f1.intervals import confidence_interval
from dist_f1.sweeps import Grid, Sweep

grid = Grid.from_spec(2)
buckets = np.array([[1], [2], [3]])
counts = Counts(buckets, buckets + 1, np.array([6]), np.int64(20), np.int64(0))
sweep = Sweep.from_buckets(grid, counts)
print(sweep.best("macro").threshold, sweep.at(0.5).true_positive)
print(confidence_interval(sweep.at(0.5), "precision"), confidence_interval(sweep.at(1.0), "f2"))
assert "tensorflow" not in sys.modules
"""


def test_sweeps_and_intervals_import_and_work_without_tensorflow():
    ended = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.startswith("0.5 [5]\n")
    assert ended.stdout.count("Interval(") == 2
