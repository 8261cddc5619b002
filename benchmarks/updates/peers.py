"""F1 of other libraries as a `Subject`, if they are installed."""

from __future__ import annotations

import dataclasses
import functools
import importlib
import importlib.util
import os
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from benchmarks.environment import cores
from benchmarks.expected_values import MEAN_OF_ALL, Values
from benchmarks.updates.batches import THRESHOLD, Batch
from benchmarks.updates.subjects import Subject, metric_update


class PeerUnavailableError(Exception):
    """A peer cannot be measured. The message is the reason."""


# Creates a peer for a batch. The number limits the megabytes that it needs besides the scores.
Offer = Callable[[Batch, float], Subject]


def offers(batch: Batch) -> dict[str, Offer]:
    """Return the peers that have such an update, by name, whether they are installed or not."""
    offers: dict[str, Offer] = {
        name: functools.partial(_keras, name, module)
        for name, module in [("keras F1Score", "keras"), ("tf-keras F1Score", "tf_keras")]
    }
    if batch.task in ("argmax", "indicators") and batch.weights is None:
        offers["torchmetrics F1Score"] = _torchmetrics
    if batch.task == "argmax" and batch.weights is None:
        offers["torcheval F1Score"] = _torcheval
    return offers


def _keras(name: str, module: str, batch: Batch, limit_mb: float) -> Subject:
    """Create Keras's metric. The time to create its one-hot targets is not measured."""
    keras = _import(module)
    _check_size("its 0/1 targets", 4 * batch.samples * batch.classes, limit_mb)
    threshold = None if batch.is_argmax else THRESHOLD
    with tf.device(batch.device):
        metric = keras.metrics.F1Score(average="macro", threshold=threshold)
        # The first update creates variables, which a function must not do.
        metric.update_state(*(x[:1] for x in batch.flat_arguments[:2]))
    metric.reset_state()

    def values() -> Values:
        hit = np.asarray(metric.true_positives)
        return {
            "true_positive": hit,
            "predicted": hit + np.asarray(metric.false_positives),
            "actual": hit + np.asarray(metric.false_negatives),
            MEAN_OF_ALL: np.asarray(metric.result()),
        }

    subject = metric_update(name, metric, batch.flat_arguments, batch.open_size)
    return dataclasses.replace(subject, values=values)


def _torchmetrics(batch: Batch, limit_mb: float) -> Subject:
    classification = _import("torchmetrics.classification")
    options = {"average": "macro", "validate_args": False}
    if batch.task == "indicators":
        metric = classification.MultilabelF1Score(
            num_labels=batch.classes, threshold=THRESHOLD, **options
        )
    else:
        _check_size("its confusion matrix", 8 * batch.classes**2, limit_mb)
        metric = classification.MulticlassF1Score(num_classes=batch.classes, **options)

    def counts() -> tuple[Any, Any, Any]:
        return metric.tp, metric.tp + metric.fp, metric.tp + metric.fn

    return _torch("torchmetrics F1Score", metric, batch, counts, ("tp", "fp", "tn", "fn"))


def _torcheval(batch: Batch, limit_mb: float) -> Subject:
    del limit_mb
    metric = _import("torcheval.metrics").MulticlassF1Score(
        num_classes=batch.classes, average="macro"
    )

    def counts() -> tuple[Any, Any, Any]:
        return metric.num_tp, metric.num_prediction, metric.num_label

    states = ("num_tp", "num_label", "num_prediction")
    return _torch("torcheval F1Score", metric, batch, counts, states)


def _torch(
    name: str,
    metric: Any,
    batch: Batch,
    counts: Callable[[], tuple[Any, Any, Any]],
    states: Sequence[str],
) -> Subject:
    """Create a subject of a PyTorch metric, on the device that TensorFlow uses.

    `counts` returns true positives, predicted and actual samples of each class; `states` are the
    attributes of the metric that are its state.
    """
    torch = _import("torch")
    device = _torch_device(torch, batch.device)
    torch.set_num_threads(cores())
    scores = torch.from_numpy(batch.scores.reshape(-1, batch.classes))
    scores = scores.to(device, getattr(torch, batch.dtype))
    targets = torch.from_numpy(batch.y_true).to(device).long()
    metric = metric.to(device)

    def update() -> None:
        metric.update(scores, targets)
        if scores.is_cuda:
            torch.cuda.synchronize()

    def values() -> Values:
        # Copies, because updates change the counts in place.
        names = "true_positive", "predicted", "actual", "f1_macro"
        tensors = *counts(), metric.compute()
        return {name: np.array(x.cpu()) for name, x in zip(names, tensors, strict=True)}

    def state_bytes() -> int:
        return sum(getattr(metric, x).numel() * getattr(metric, x).element_size() for x in states)

    return Subject(name, update, metric.reset, values, state_bytes)


def _torch_device(torch: Any, device: str) -> Any:
    spec = tf.DeviceSpec.from_string(device if device.startswith("/") else f"/{device}")
    if spec.device_type != "GPU":
        return torch.device("cpu")
    if not torch.cuda.is_available():
        raise PeerUnavailableError("this torch has no CUDA")
    return torch.device("cuda", spec.device_index or 0)


def _import(module: str) -> Any:
    package = module.partition(".")[0]
    # OpenMP reads this once. Idle threads that spin would take whole time slices from the threads
    # of TensorFlow.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    if importlib.util.find_spec(package) is None:
        raise PeerUnavailableError(f"{package} is not installed")
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise PeerUnavailableError(f"{package} cannot be imported: {error}") from error


def _check_size(what: str, size: float, limit_mb: float) -> None:
    if size > 1e6 * limit_mb:
        raise PeerUnavailableError(
            f"{what} would take {size / 1e6:,.0f} MB, the limit is {limit_mb:,.0f}"
        )
