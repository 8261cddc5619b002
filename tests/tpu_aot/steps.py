"""Whole steps of one replica of a `TPUStrategy`: an update and a read of all counts."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import ml_collections
import tensorflow as tf
from tracing import on_each_replica

import dist_f1
from dist_f1.testing import replica_program, tpu_strategy
from tpu_aot.programs import Program
from tpu_aot.rows import Expected
from tpu_aot.topologies import REPLICAS

_SCORES = (
    "f1_macro",
    "f1_micro",
    "f1_weighted",
    "f1_per_class",
    "precision_macro",
    "recall_macro",
    "accuracy",
    "matthews_corrcoef",
)
# Number of rows of the largest shard, for batches of unknown size.
_PADDED = 1024
_INTEGERS = Expected(("all-reduce u32",), requested=1)
_FLOATS = Expected(("all-reduce f32",), requested=1)
# The compiler cannot sum float64 over replicas; it gathers both halves and adds them up.
_WIDE_FLOATS = Expected(("all-gather f32", "all-gather f32"), requested=1)


def programs() -> list[Program]:
    """Return steps of metrics, and sums of other tensors."""
    return [
        *(
            _step(f"F1Score macro, {rows}x{classes}", dist_f1.F1Score, ["macro"], rows, classes)
            for rows, classes in ((1024, 10), (1024, 1000), (128, 50000), (1024, 50000))
        ),
        _step("Scores of 8", dist_f1.Scores, [list(_SCORES)], 1024, 100),
        _image("ConfusionMatrix, segmentation", 2, 128, 128, 19),
        _step("ConfusionMatrix, 1024x1000", dist_f1.ConfusionMatrix, [], 1024, 1000),
        _step("F1Score weighted, 1024x10", dist_f1.F1Score, ["macro"], 1024, 10, weight=True),
        _step("F1Score weighted, 1024x1000", dist_f1.F1Score, ["macro"], 1024, 1000, weight=True),
        _step("F1Score multilabel", dist_f1.F1Score, ["samples", 0.5], 1024, 20, multilabel=True),
        _step("F1Score binary", dist_f1.F1Score, ["binary", 0.5], 1024, 1),
        _step("F1Score top 5", dist_f1.F1Score, ["macro"], 1024, 1000, top_k=5),
        _step("F1Score masked", dist_f1.F1Score, ["macro"], 1024, 10, mask=True),
        _step("F1Score of bfloat16", dist_f1.F1Score, ["macro"], 1024, 10, dtype=tf.bfloat16),
        _step("F1Score of groups", dist_f1.F1Score, ["macro"], 1024, 10, num_groups=3),
        _step("CohenKappa quadratic", dist_f1.CohenKappa, ["quadratic"], 1024, 10),
        _step("ThresholdSweep", dist_f1.ThresholdSweep, [], 1024, 10),
        *(_unknown_rows(f"{name}, unknown rows", *rest) for name, *rest in _UNKNOWN_ROWS),
        _step("F1Score sync=epoch", dist_f1.F1Score, ["macro"], 1024, 10, sync="epoch"),
        _job_program("train", _TRAINING),
        _job_program("validation", _WIDE_FLOATS),
        _sum("int64", _INTEGERS),
        _sum("int64, float32", _FLOATS),
        _sum("float64", _WIDE_FLOATS),
        _sum("int64, float64", _WIDE_FLOATS),
    ]


# The loss in float64, the gradients of six variables at once, and the optimizer's step count.
_TRAINING = Expected(
    (*["all-gather f32"] * 2, f"all-reduce {','.join(['f32'] * 6)}", *["all-to-all u32"] * 2)
)
_JOB = {
    "batch_size": 256,
    "save_predictions": False,
    "seed": 0,
    "model": "cnn",
    "dtype": "float32",
    "learning_rate": 0.01,
    "threshold": 0.0,
}
# These cases do not flatten several axes, which the importer from HLO to StableHLO cannot read.
_UNKNOWN_ROWS = (
    ("F1Score macro, 100 classes", dist_f1.F1Score, ["macro"], 100, {}),
    ("F1Score macro, 50000 classes", dist_f1.F1Score, ["macro"], 50000, {}),
    ("F1Score multilabel", dist_f1.F1Score, ["macro", 0.5], 100, {"multilabel": True}),
    ("F1Score weighted", dist_f1.F1Score, ["macro"], 100, {"weight": True}),
)


@functools.cache
def _strategy() -> tf.distribute.TPUStrategy:
    return tpu_strategy(REPLICAS)


def _unknown_rows(
    name: str,
    metric: Callable[..., Any],
    arguments: Sequence[Any],
    classes: int,
    options: dict[str, Any],
) -> Program:
    """Return a step whose batches TensorFlow pads, with the real number of rows as an input."""
    return _step(name, metric, arguments, None, classes, **options)


def _step(
    name: str,
    metric: Callable[..., Any],
    arguments: Sequence[Any],
    rows: int | None,
    classes: int,
    *,
    weight: bool = False,
    mask: bool = False,
    multilabel: bool = False,
    dtype: tf.DType = tf.float32,
    **options: Any,
) -> Program:
    y_true = tf.TensorSpec([rows, classes] if multilabel else [rows], tf.int32)
    specs = {"y_true": y_true, "y_pred": tf.TensorSpec([rows, classes], dtype)}
    if weight:
        specs["sample_weight"] = tf.TensorSpec([rows])
    if mask:
        specs["mask"] = tf.TensorSpec([rows], tf.bool)
    if "num_groups" in options:
        specs["by"] = tf.TensorSpec([rows], tf.int32)
    options["num_classes"] = classes
    expected = _WIDE_FLOATS if weight else _INTEGERS
    if options.get("sync") == "epoch":
        expected = Expected(requested=0)
    return _metric_program(name, functools.partial(metric, *arguments, **options), specs, expected)


def _image(name: str, *shape: int) -> Program:
    specs = {"y_true": tf.TensorSpec(shape[:-1], tf.int32), "y_pred": tf.TensorSpec(shape)}
    make = functools.partial(dist_f1.ConfusionMatrix, num_classes=shape[-1])
    return _metric_program(name, make, specs, _INTEGERS)


def _metric_program(
    name: str, metric: Callable[[], Any], specs: dict[str, tf.TensorSpec], expected: Expected
) -> Program:
    def lower() -> bytes:
        with _strategy().scope():
            created = metric()

        def replica(*columns: tf.Tensor) -> Any:
            created.update_state(**dict(zip(specs, columns, strict=True)))
            return created.result()

        return _lower_replica(replica, list(specs.values()))

    return Program(name, "step", lower, expected)


def _job_program(phase: str, expected: Expected) -> Program:
    """Return a step of `dist-f1 train` with 32 images of 8 x 8 on each replica, in float32."""
    config = ml_collections.ConfigDict(_JOB)
    rows, images = 32, (8, 8, 1)
    specs = [
        tf.TensorSpec([rows, *images]),
        tf.TensorSpec([rows], tf.int64),
        tf.TensorSpec([rows], tf.bool),
        tf.TensorSpec([3], tf.int64),
    ]

    def lower() -> bytes:
        from dist_f1.jobs.data.source import Data
        from dist_f1.jobs.steps import Steps

        data = Data(None, None, "multiclass", images, tuple("0123456789"))
        steps = Steps(config, data, _strategy())
        return replica_program(getattr(steps, phase), *specs).lower("hlo_serialized", "TPU")

    return Program(f"dist-f1 train, {phase}", "step", lower, expected)


def _sum(dtypes: str, expected: Expected) -> Program:
    specs = [tf.TensorSpec([1000], dtype) for dtype in dtypes.split(", ")]

    def replica(*columns: tf.Tensor) -> Any:
        return dist_f1.all_reduce_sum(list(columns))

    return Program(
        f"all_reduce_sum of {dtypes}", "step", lambda: _lower_replica(replica, specs), expected
    )


def _lower_replica(replica: Callable[..., Any], specs: Sequence[tf.TensorSpec]) -> bytes:
    @tf.function(autograph=False)
    def step(*columns: tf.Tensor) -> Any:
        return _strategy().run(replica, columns)

    per_replica = [
        x if x.shape.is_fully_defined() else on_each_replica(_strategy(), x) for x in specs
    ]
    program = replica_program(step, *per_replica)
    program.specs = [
        tf.TensorSpec([_PADDED if size is None else size for size in x.shape.as_list()], x.dtype)
        for x in program.specs
    ]
    return program.lower("hlo_serialized", "TPU")
