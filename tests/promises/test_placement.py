"""On a GPU, no step copies its data to the host, according to the kernel registry."""

import pytest
import tensorflow as tf
from helpers import mirrored
from metric_cases import EIGHT_SCORES
from placement import assert_on_gpu, has_gpu_kernels, spec
from tiers import slow_except
from tracing import graph_function

import dist_f1

pytestmark = pytest.mark.skipif(
    not has_gpu_kernels(), reason="this TensorFlow was built without kernels for GPUs"
)

C = 4
IDS, ROWS = spec(tf.int64, None), spec(tf.float32, None, C)
INDICATORS = spec(tf.float32, None, C)

# Metric class, its options, y_true, y_pred, and further arguments of update_state.
CASES = {
    "ids int64": (dist_f1.F1Score, {}, IDS, ROWS, {}),
    "ids int32": (dist_f1.F1Score, {}, spec(tf.int32, None), ROWS, {}),
    "ids float32": (dist_f1.F1Score, {}, spec(tf.float32, None), ROWS, {}),
    "ids of rank 2": (dist_f1.F1Score, {}, spec(tf.int64, None, 1), ROWS, {}),
    "sequences": (
        dist_f1.F1Score,
        {},
        spec(tf.int64, None, None),
        spec(tf.float32, None, None, C),
        {},
    ),
    "one-hot float32": (dist_f1.F1Score, {}, INDICATORS, ROWS, {}),
    "one-hot int32": (dist_f1.F1Score, {}, spec(tf.int32, None, C), ROWS, {}),
    "one-hot int64": (dist_f1.F1Score, {}, spec(tf.int64, None, C), ROWS, {}),
    "one-hot bool": (dist_f1.F1Score, {}, spec(tf.bool, None, C), ROWS, {}),
    "scores bfloat16": (dist_f1.F1Score, {}, IDS, spec(tf.bfloat16, None, C), {}),
    "scores float16": (dist_f1.F1Score, {}, IDS, spec(tf.float16, None, C), {}),
    "scores float64": (dist_f1.F1Score, {}, IDS, spec(tf.float64, None, C), {}),
    "1,000 classes": (dist_f1.F1Score, {}, IDS, spec(tf.float32, None, 1000), {}),
    "precision": (dist_f1.Precision, {"average": "macro"}, IDS, ROWS, {}),
    "eight scores": (dist_f1.Scores, {"scores": EIGHT_SCORES}, IDS, ROWS, {}),
    "confusion": (dist_f1.ConfusionMatrix, {}, IDS, ROWS, {}),
    "binary": (
        dist_f1.F1Score,
        {"threshold": 0.5},
        spec(tf.int64, None),
        spec(tf.float32, None, 1),
        {},
    ),
    "multilabel": (dist_f1.F1Score, {"threshold": 0.5}, INDICATORS, ROWS, {}),
    "multilabel int32": (dist_f1.F1Score, {"threshold": 0.5}, spec(tf.int32, None, C), ROWS, {}),
    "threshold, ids": (dist_f1.F1Score, {"threshold": 0.5}, IDS, ROWS, {}),
    "top_k": (dist_f1.F1Score, {"top_k": 2}, IDS, ROWS, {}),
    "sweep, ids": (dist_f1.ThresholdSweep, {}, IDS, ROWS, {}),
    "sweep, indicators": (dist_f1.ThresholdSweep, {}, INDICATORS, ROWS, {}),
    "weighted": (
        dist_f1.F1Score,
        {"weighted": True},
        IDS,
        ROWS,
        {"sample_weight": spec(tf.float32, None)},
    ),
    "masked": (dist_f1.F1Score, {}, IDS, ROWS, {"mask": spec(tf.bool, None)}),
    "ignored": (dist_f1.F1Score, {"ignore_class": 255}, IDS, ROWS, {}),
    "groups": (dist_f1.F1Score, {"num_groups": 3}, IDS, ROWS, {"by": IDS}),
    "groups int32": (dist_f1.F1Score, {"num_groups": 3}, IDS, ROWS, {"by": spec(tf.int32, None)}),
}


FAST = (
    "ids int64",
    "one-hot float32",
    "1,000 classes",
    "confusion",
    "binary",
    "multilabel",
    "top_k",
    "sweep, ids",
    "weighted",
    "masked",
    "ignored",
    "groups",
)


class Case:
    """A metric and the specs that it is traced for."""

    def __init__(self, name, **options):
        make, own, y_true, y_pred, self.named = CASES[name]
        self.metric = make(**own, **options, num_classes=y_pred.shape[-1])
        self.specs = y_true, y_pred, *self.named.values()

    def update(self, y_true, y_pred, *others):
        self.metric.update_state(y_true, y_pred, **dict(zip(self.named, others, strict=True)))

    def update_and_read(self, *batch):
        self.update(*batch)
        return self.metric.result()


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_an_update_keeps_its_data_on_the_gpu(name):
    case = Case(name)
    report = assert_on_gpu(graph_function(case.update), *case.specs)
    # The examination has reached the end of the update.
    assert report.examined["AssignAddVariableOp"] == 1


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_a_read_keeps_its_data_on_the_gpu(name):
    case = Case(name)
    # Creates the state.
    graph_function(case.update).get_concrete_function(*case.specs)
    assert_on_gpu(graph_function(lambda: case.metric.result()))
    assert_on_gpu(graph_function(lambda: tf.nest.flatten(case.metric.counts())))


@pytest.mark.parametrize("name", slow_except(CASES, *FAST))
def test_an_update_with_a_read_keeps_its_data_on_the_gpu(name):
    case = Case(name, sync="step")
    assert_on_gpu(graph_function(case.update_and_read), *case.specs)


STEPS = ["ids int64", "eight scores", "confusion", "multilabel", "weighted", "sweep, ids"]


@pytest.mark.parametrize("name", slow_except(STEPS, "ids int64"))
def test_a_step_of_two_replicas_keeps_its_data_on_the_gpus(name):
    strategy = mirrored(2)
    with strategy.scope():
        case, silent = Case(name, sync="step"), Case(name)
    update = graph_function(lambda *batch: strategy.run(silent.update, batch))
    step = graph_function(lambda *batch: strategy.run(case.update_and_read, batch))

    def read():
        with strategy.scope():
            return silent.metric.result()

    assert assert_on_gpu(update, *silent.specs).examined["AssignAddVariableOp"] == 2
    for call, specs in [(step, case.specs), (graph_function(read), ())]:
        assert_on_gpu(call, *specs)
        # The examination has seen the all-reduce.
        assert dist_f1.count_collectives(call, *specs) == 1


@pytest.mark.parametrize(
    "dtypes",
    [
        [tf.int64],
        [tf.int64, tf.int64],
        [tf.float32, tf.float32],
        [tf.float64, tf.float64],
        [tf.float32, tf.int64],
        [tf.int32],
        [tf.int32, tf.int32],
    ],
    ids=lambda dtypes: "+".join(dtype.name for dtype in dtypes),
)
def test_a_sum_of_several_tensors_keeps_them_on_the_gpus(dtypes):
    strategy = mirrored(2)

    def replica(values):
        # Arguments and results of int32 are always on the host.
        mine = [tf.cast(x, dtype) for x, dtype in zip(values, dtypes, strict=True)]
        return [tf.cast(x, tf.float32) for x in dist_f1.all_reduce_sum(mine)]

    values = [spec(tf.float32, 3) for _ in dtypes]
    report = assert_on_gpu(graph_function(lambda *xs: strategy.run(replica, (xs,))), *values)
    assert report.examined["CollectiveReduceV2"] == 2
