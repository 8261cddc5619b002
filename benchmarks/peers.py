"""F1 of other libraries behind the interface of `Subject`, where they are installed."""

from __future__ import annotations

import dataclasses
import functools
import importlib
import importlib.util
import os
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from benchmarks.updates.batches import THRESHOLD
from benchmarks.updates.expected import MEAN_OF_ALL, Values
from benchmarks.updates.subjects import Subject, Tensors, update_of

PACKAGES = ("keras", "tf_keras", "torchmetrics", "torcheval")


class Unavailable(Exception):
    """Why a peer does not take part."""


# Builds a peer for a batch, within a limit in megabytes for what it needs beside the scores.
Offer = Callable[[Tensors, float], Subject]


def offers(tensors: Tensors) -> dict[str, Offer]:
    """The peers that have such an update, by name, installed or not."""
    by_module = {"keras F1Score": "keras", "tf-keras F1Score": "tf_keras"}
    found: dict[str, Offer] = {
        name: functools.partial(_keras, name, module) for name, module in by_module.items()
    }
    batch = tensors.batch
    if batch.task != "ids" and batch.weights is None:
        found["torchmetrics F1Score"] = _torchmetrics
    if batch.task == "argmax" and batch.weights is None:
        found["torcheval F1Score"] = _torcheval
    return found


def _keras(name: str, module: str, tensors: Tensors, limit_mb: float) -> Subject:
    """Given its 0/1 targets for free."""
    keras = _imported(module)
    batch = tensors.batch
    _check_size("its 0/1 targets", 4 * batch.rows * batch.classes, limit_mb)
    threshold = None if batch.task == "argmax" else THRESHOLD
    with tf.device(tensors.device):
        metric = keras.metrics.F1Score(average="macro", threshold=threshold)
        # It makes its variables in the first update, and not inside of a function.
        metric.update_state(tensors.one_hot[:1], tensors.rows_of_scores[:1])
    metric.reset_state()
    weights = None if tensors.weights is None else tf.reshape(tensors.weights, [-1])

    def answer() -> Values:
        hit = np.asarray(metric.true_positives)
        return {
            "true_positive": hit,
            "predicted": hit + np.asarray(metric.false_positives),
            "actual": hit + np.asarray(metric.false_negatives),
            MEAN_OF_ALL: np.asarray(metric.result()),
        }

    return dataclasses.replace(
        update_of(metric, (tensors.one_hot, tensors.rows_of_scores, weights)),
        name=name,
        answer=answer,
        state_bytes=lambda: sum(np.asarray(x).nbytes for x in metric.variables),
    )


def _torchmetrics(tensors: Tensors, limit_mb: float) -> Subject:
    classification = _imported("torchmetrics.classification")
    batch, given = tensors.batch, _in_torch(tensors)
    if batch.task == "indicators":
        metric = classification.MultilabelF1Score(
            num_labels=batch.classes, threshold=THRESHOLD, average="macro", validate_args=False
        )
    else:
        _check_size("its matrix of class by class", 8 * batch.classes**2, limit_mb)
        metric = classification.MulticlassF1Score(
            num_classes=batch.classes, average="macro", validate_args=False
        )
    metric = metric.to(given[0].device)

    def answer() -> Values:
        hit, extra, missed = map(_numpy, (metric.tp, metric.fp, metric.fn))
        return {
            "true_positive": hit,
            "predicted": hit + extra,
            "actual": hit + missed,
            "f1_macro": _numpy(metric.compute()),
        }

    states = ("tp", "fp", "tn", "fn")
    return _of_torch("torchmetrics F1Score", metric, given, answer, states)


def _torcheval(tensors: Tensors, limit_mb: float) -> Subject:
    del limit_mb
    metrics = _imported("torcheval.metrics")
    given = _in_torch(tensors)
    metric = metrics.MulticlassF1Score(
        num_classes=tensors.batch.classes, average="macro", device=given[0].device
    )

    def answer() -> Values:
        return {
            "true_positive": _numpy(metric.num_tp),
            "predicted": _numpy(metric.num_prediction),
            "actual": _numpy(metric.num_label),
            "f1_macro": _numpy(metric.compute()),
        }

    states = ("num_tp", "num_label", "num_prediction")
    return _of_torch("torcheval F1Score", metric, given, answer, states)


def _of_torch(
    name: str, metric: Any, given: tuple[Any, Any], answer: Callable[[], Values], states: Any
) -> Subject:
    torch = _imported("torch")
    on_gpu = given[0].is_cuda

    def update() -> None:
        metric.update(*given)
        if on_gpu:
            torch.cuda.synchronize()

    def state_bytes() -> int:
        return sum(getattr(metric, x).numel() * getattr(metric, x).element_size() for x in states)

    return Subject(name, update, metric.reset, answer, state_bytes)


def _in_torch(tensors: Tensors) -> tuple[Any, Any]:
    """Rows of scores and their targets, on the device that TensorFlow has."""
    torch = _imported("torch")
    device, batch = _torch_device(torch, tensors.device), tensors.batch
    torch.set_num_threads(cores())
    scores = torch.from_numpy(batch.scores.reshape(-1, batch.classes))
    scores = scores.to(device, getattr(torch, batch.dtype))
    targets = torch.from_numpy(batch.truth).to(device)
    return scores, targets.long()


def _numpy(tensor: Any) -> np.ndarray:
    # A copy: updates are made in place.
    return np.array(tensor.cpu())


def _torch_device(torch: Any, device: str) -> Any:
    spec = tf.DeviceSpec.from_string(device if device.startswith("/") else f"/{device}")
    if spec.device_type != "GPU":
        return torch.device("cpu")
    if not torch.cuda.is_available():
        raise Unavailable("this torch has no CUDA")
    return torch.device("cuda", spec.device_index or 0)


def cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _imported(module: str) -> Any:
    package = module.partition(".")[0]
    # OpenMP reads it once. Threads that spin while they wait would lose whole time slices to the
    # threads of TensorFlow, which take turns with them.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    if importlib.util.find_spec(package) is None:
        raise Unavailable(f"{package} is not installed")
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise Unavailable(f"{package} cannot be imported: {error}") from error


def _check_size(what: str, size: float, limit_mb: float) -> None:
    if size > 1e6 * limit_mb:
        raise Unavailable(f"{what} would take {size / 1e6:,.0f} MB, the limit is {limit_mb:,.0f}")
