"""Training jobs that a test disturbs: their settings, and checks of their run directories."""

import json

import numpy as np

# Evaluate half of the rows, in small batches with many checkpoints, so that a fault meets a job in
# any state.
SETTINGS = (
    "--config=configs/digits.py",
    "--config.validation_fraction=0.5",
    "--config.batch_size=16",
    "--config.model=mlp",
    "--config.checkpoint_every=7",
    "--config.save_predictions=true",
)
ROWS = {"train": 898, "validation": 899}
CLASSES = 10


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


def check_rows(run_dir, epochs):
    """Check that each pass has counted each row once, and that each row has one prediction."""
    found = [json.loads(line) for line in (run_dir / "metrics.jsonl").read_text().splitlines()]
    expected = [(epoch, split) for epoch in range(1, epochs + 1) for split in ROWS]
    assert [(row["epoch"], row["split"]) for row in found] == expected
    assert all(row["rows"] == ROWS[row["split"]] for row in found)
    with np.load(run_dir / "counts.npz") as counts, np.load(run_dir / "predictions.npz") as labels:
        y_true, y_pred = labels["y_true"], labels["y_pred"]
        assert counts["total"] == len(y_true) == ROWS["validation"]
        for name, values in {
            "actual": y_true,
            "predicted": y_pred,
            "true_positive": y_true[y_true == y_pred],
        }.items():
            assert counts[name].tolist() == np.bincount(values, minlength=CLASSES).tolist(), name
