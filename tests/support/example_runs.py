"""Run directories with plausible results of any number of classes, written without training."""

import json

import numpy as np

from dist_f1 import Counts, Sweep
from dist_f1.jobs.predictions import probabilities

HOSTILE = "</script><b>&amp;'\"--text"


def names_of(classes, hostile=False):
    """Return names of classes; with `hostile`, the first ones would break a careless page."""
    names = [f"class {k:03d}" for k in range(classes)]
    return [HOSTILE, "<img src=x onerror=alert(1)>", *names[2:]] if hostile else names


def logits_of(classes, rows, seed=0):
    """Return targets `[N]` and logits `[N, C]`; classes of a block of five are confused."""
    random = np.random.default_rng(seed)
    y_true = random.integers(0, classes, rows)
    logits = random.normal(size=(rows, classes)).astype(np.float32)
    block = random.permutation(classes) // 5
    logits[block[y_true][:, np.newaxis] == block] += np.float32(2.0)
    # The first classes are harder.
    margin = 1.5 + np.sqrt(np.log(classes)) + 2.0 * y_true / classes
    logits[np.arange(rows), y_true] += margin + random.normal(size=rows)
    return y_true, logits


def write_run(path, classes=10, rows=None, epochs=5, hostile=False, seed=0, learning_rate=0.01):
    """Write the files of a finished multiclass run, but no pages and no pictures."""
    path.mkdir(parents=True, exist_ok=True)
    rows = rows or max(600, 10 * classes)
    y_true, logits = logits_of(classes, rows, seed)
    y_pred = logits.argmax(-1)
    softmax = np.exp(logits - logits.max(-1, keepdims=True))
    softmax /= softmax.sum(-1, keepdims=True)
    Counts.from_labels(y_true, y_pred, classes, confusion=True).save(path / "counts.npz")
    Sweep.from_scores(y_true, softmax).save(path / "sweep.npz")
    np.savez(
        path / "predictions.npz",
        y_true=y_true,
        y_pred=y_pred,
        probability=probabilities(logits, y_pred, "multiclass"),
    )
    config = {
        "average": "macro",
        "class_names": names_of(classes, hostile),
        "dataset": "example",
        "epochs": epochs,
        "learning_rate": learning_rate,
        "task": "multiclass",
        "replicas": 4,
        "devices": ["GPU:0", "GPU:1", "GPU:2", "GPU:3"],
        "strategy_class": "MirroredStrategy",
        "started": "2026-01-31 12:00:00 UTC",
        "versions": {"dist_f1": "0.1.0", "TensorFlow": "2.21.0", "Keras": "3.15.1"},
        "token": 1,
    }
    (path / "config.json").write_text(json.dumps(config))
    f1 = {"value": 0.81, "low": 0.78, "high": 0.84}
    (path / "scores.json").write_text(json.dumps({"scores": {"f1_macro": f1}}))
    records = [
        {
            "epoch": epoch,
            "split": split,
            "loss": 2.5 * np.exp(-30 * learning_rate * epoch) + gap,
            "f1_macro": 0.85 - gap - 0.6 * np.exp(-50 * learning_rate * epoch),
        }
        for epoch in range(1, epochs + 1)
        for split, gap in (("train", 0.1), ("validation", 0.2))
    ]
    lines = [json.dumps(record) + "\n" for record in records]
    (path / "metrics.jsonl").write_text("".join(lines))
    return path
