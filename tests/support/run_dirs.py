"""Comparison of run directories."""

import json

import numpy as np


def differences(reference, run_dir):
    """Return what differs between two run directories, except times."""
    problems = []
    for name in ("counts.npz", "predictions.npz"):
        with np.load(reference / name) as expected, np.load(run_dir / name) as found:
            if sorted(expected) != sorted(found):
                problems.append(f"{name} has {sorted(found)}")
            problems += [
                f"{name}: {field}"
                for field in expected
                if field not in found or not np.array_equal(expected[field], found[field])
            ]
    for name in ("report.txt", "report.json", "scores.json"):
        if (reference / name).read_text() != (run_dir / name).read_text():
            problems.append(name)
    rows = []
    for path in (reference, run_dir):
        lines = (path / "metrics.jsonl").read_text().splitlines()
        rows.append([{**json.loads(line), "seconds": 0} for line in lines])
    if rows[0] != rows[1]:
        problems.append("metrics.jsonl")
    return problems
