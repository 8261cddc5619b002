"""Models to track, what their trackers should write, and readers of what they wrote."""

import contextlib
import importlib
import json
import os
import struct

import numpy as np
import pytest
import tensorflow as tf
from helpers import strategy

import dist_f1

NAMES = ["cat", "dog", "fox & co"]
random = np.random.default_rng(2)
X = random.normal(size=(48, 4)).astype(np.float32)
Y = random.integers(0, 3, 48)
X_VAL = random.normal(size=(30, 4)).astype(np.float32)
Y_VAL = random.integers(0, 3, 30)


def import_tracker(name):
    """Import the package of a tracker, or skip the tests; `make test-trackers` skips none."""
    if os.environ.get("REQUIRE_TRACKERS"):
        return importlib.import_module(name)
    return pytest.importorskip(name)


@contextlib.contextmanager
def offline_wandb():
    """Keep Weights & Biases from its network, and from printing."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WANDB_MODE", "offline")
        patch.setenv("WANDB_SILENT", "true")
        yield


def network(name="none", metrics=None):
    """Return a compiled model under a strategy of `helpers`."""
    with strategy(name).scope():
        model = tf.keras.Sequential([tf.keras.layers.Dense(3, input_shape=(4,))])
        model.compile(
            tf.keras.optimizers.SGD(0.1),
            tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            metrics=default_metrics() if metrics is None else metrics,
            run_eagerly=name == "none",
        )
    return model


def default_metrics():
    return [
        dist_f1.Scores(["f1_macro"], confusion=True, class_names=NAMES),
        dist_f1.F1Score(None, class_names=NAMES),
        dist_f1.ThresholdSweep(10, from_logits=True, class_names=NAMES),
    ]


def fit(model, *callbacks, epochs=2, validated=True):
    """Train the model; return its history."""
    return model.fit(
        X,
        Y,
        batch_size=24,
        epochs=epochs,
        verbose=0,
        validation_data=(X_VAL, Y_VAL) if validated else None,
        callbacks=list(callbacks),
    ).history


def expected_numbers(history, epoch):
    """Return the numbers of an epoch by split and name."""
    numbers = {}
    for key, values in history.items():
        split = "validation" if key.startswith("val_") else "train"
        name, value = key.removeprefix("val_"), np.asarray(values[epoch])
        if value.ndim:
            assert name == "f1_score"
            pairs = zip(NAMES, value, strict=True)
            numbers |= {f"{split}/{name}/{of_class}": number for of_class, number in pairs}
        else:
            numbers[f"{split}/{name}"] = value
    assert len(numbers) == 2 * (1 + 1 + 3 + 3)
    return {name: float(number) for name, number in numbers.items()}


def predicted_labels(model):
    """Return the labels that the model predicts for the validation data."""
    return model.predict(X_VAL, len(X_VAL), verbose=0).argmax(-1)


def events(directory):
    """Return the values in the event files of a directory: (tag, step, plugin, value)."""
    found = []
    for path in sorted(directory.glob("events*")):
        for record in tf.data.TFRecordDataset(str(path)):
            event = tf.compat.v1.Event.FromString(record.numpy())
            found += [
                (value.tag, event.step, value.metadata.plugin_data.plugin_name, value)
                for value in event.summary.value
            ]
    return found


def wandb_records(path):
    """Return the records of the file of an offline run.

    The file is a log in LevelDB's format after a header of seven bytes: blocks of 32 KiB, with
    pieces of records (checksum, length, type).
    """
    from wandb.proto import wandb_internal_pb2

    data, records, record, at = path.read_bytes(), [], b"", 7
    assert data[:4] == b":W&B"
    while at + 7 <= len(data):
        left_in_block = 32768 - at % 32768
        if left_in_block < 7:
            at += left_in_block
            continue
        _, length, kind = struct.unpack("<IHB", data[at : at + 7])
        record += data[at + 7 : at + 7 + length]
        at += 7 + length
        # Full, or the last piece.
        if kind in (1, 4):
            records.append(wandb_internal_pb2.Record.FromString(record))
            record = b""
    return records


def wandb_rows(records):
    """Return the logged rows as dicts, with a dict for each file."""
    rows = []
    for record in records:
        if record.WhichOneof("record_type") == "history":
            row = {}
            for item in record.history.item:
                key, *part = item.nested_key or [item.key]
                value = json.loads(item.value_json)
                row = {**row, key: {**row.get(key, {}), part[0]: value} if part else value}
            rows.append(row)
    return rows
