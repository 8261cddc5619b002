import numpy as np
import pytest
import tensorflow as tf
from helpers import mirrored, per_replica

import dist_f1
from dist_f1.batch import inputs
from dist_f1.batch.decision_rule import DecisionRule

ARGMAX, HALF, TOP = DecisionRule(), DecisionRule(0.5), DecisionRule(top_k=5)


def spec(*shape, dtype=tf.float32):
    return tf.TensorSpec(shape, dtype)


@pytest.mark.parametrize(
    ("y_true", "y_pred", "rule", "num_classes", "message"),
    [
        (spec(4), spec(4), ARGMAX, None, "without a class axis.*threshold=0.5"),
        (spec(4), spec(), HALF, None, "without a class axis"),
        (spec(4, 1), spec(4, 1), ARGMAX, None, "argmax of one class.*threshold=0.5"),
        (spec(4, 3), spec(4, 5), ARGMAX, None, r"\(4, 3\).*ids \(4,\) or targets \(4, 5\)"),
        (spec(3), spec(4, 5), ARGMAX, None, "does not match y_pred"),
        (spec(4, 2, 5), spec(4, 5), ARGMAX, None, "does not match y_pred"),
        (spec(), spec(4, 5), ARGMAX, None, "does not match y_pred"),
        (spec(4, 2), spec(4, 1), HALF, None, "does not match y_pred"),
        (spec(4), spec(4, 5), ARGMAX, 6, "5 classes on its last axis.*num_classes is 6"),
        (spec(4), spec(4, None), ARGMAX, None, "unknown size. Pass num_classes="),
        (spec(4, None), spec(4, 5), ARGMAX, None, "may hold ids.*tf.ensure_shape"),
        (spec(4), spec(4, 3), TOP, None, "top_k=5 is more than the 3 classes"),
        (spec(4, 3), spec(4, 3), DecisionRule([0.5, 0.5]), None, "2 values for 3 classes"),
        (spec(4), spec(4, dtype=tf.int32), ARGMAX, None, "integer labels.*Pass num_classes="),
        (spec(4), spec(4, dtype=tf.int32), TOP, 9, "top_k= needs predictions"),
        (spec(4), spec(4, dtype=tf.string), ARGMAX, 3, "y_pred must be numeric.*string"),
        (spec(4, dtype=tf.string), spec(4, 3), ARGMAX, None, "numeric or boolean, got string"),
        (tf.TensorSpec(None), spec(4, 3), ARGMAX, None, "y_true has an unknown rank"),
        (spec(4), tf.TensorSpec(None), ARGMAX, None, "y_pred has an unknown rank"),
    ],
)  # fmt: skip
def test_shapes_that_do_not_fit_are_refused_with_the_remedy(
    y_true, y_pred, rule, num_classes, message
):
    @tf.function
    def update(y_true, y_pred):
        return inputs.flatten(y_true, y_pred, rule=rule, num_classes=num_classes).y_pred

    with pytest.raises(ValueError, match=message):
        update.get_concrete_function(y_true, y_pred)


@pytest.mark.parametrize("name", ["sample_weight", "mask"])
@pytest.mark.parametrize("shape", [(3,), (4, 3), (4, 2, 5)])
def test_weights_that_do_not_lead_the_rows_are_refused(name, shape):
    value = np.ones(shape, np.float32 if name == "sample_weight" else bool)
    with pytest.raises(ValueError, match=f"{name} has shape.*one {name} per row"):
        inputs.flatten(np.zeros((4, 2)), np.zeros((4, 2, 5)), rule=ARGMAX, **{name: value})


def test_a_value_per_replica_outside_of_a_replica_is_refused():
    y_pred = per_replica(mirrored(2), [np.zeros((2, 3), np.float32)] * 2)
    with pytest.raises(ValueError, match=r"one value per replica.*strategy.run"):
        inputs.flatten(np.zeros(2), y_pred, rule=ARGMAX)


def test_weights_per_replica_outside_of_a_replica_are_refused():
    weight = per_replica(mirrored(2), [np.ones(2, np.float32)] * 2)
    with pytest.raises(ValueError, match=r"sample_weight holds one value per replica"):
        inputs.flatten(np.zeros(2), np.zeros((2, 3)), weight, rule=ARGMAX)


def test_ragged_and_sparse_tensors_are_refused():
    with pytest.raises(ValueError, match=r"RaggedTensor.*to_tensor"):
        inputs.flatten(tf.ragged.constant([[1], [2, 3]]), np.zeros((2, 3)), rule=ARGMAX)


@pytest.mark.parametrize(("rows", "weights"), [(1, 3), (3, 1), (4, 3), (3, 4)])
@pytest.mark.parametrize("one_hot", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_rows_that_differ_in_number_only_when_run_are_refused(rows, weights, one_hot):
    """Sizes unknown while tracing must not broadcast: one label is not a label for all rows."""
    metric = dist_f1.F1Score("micro", num_classes=3, weighted=True)
    target = spec(None, 3) if one_hot else spec(None)

    @tf.function(input_signature=[target, spec(None, 3), spec(None)])
    def update(y_true, y_pred, weight):
        metric.update_state(y_true, y_pred, weight)

    scores, right = np.eye(3, dtype=np.float32), np.eye(3, dtype=np.float32)
    if not one_hot:
        right = right.argmax(-1).astype(np.float32)
    update(right, scores, np.ones(3, np.float32))
    wrong = np.resize(right, (rows, *right.shape[1:]))
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"have different numbers of rows"):
        update(wrong, scores, np.ones(weights, np.float32))
    assert metric.counts().total == 3


@pytest.mark.parametrize(
    ("y_true", "weight"), [((3, 2), (2, 3)), ((2, 3), (3, 2)), ((2, 3), (1,)), ((2, 3), (1, 3))]
)
def test_unknown_sizes_of_several_axes_must_agree_one_by_one(y_true, weight):
    metric = dist_f1.F1Score("micro", num_classes=4, weighted=True)
    weight_spec = spec(*[None] * len(weight))

    @tf.function(input_signature=[spec(None, None), spec(None, None, 4), weight_spec])
    def update(y_true, y_pred, weight):
        metric.update_state(y_true, y_pred, weight)

    scores = np.zeros([2, 3, 4], np.float32)
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"have different numbers of rows"):
        update(np.zeros(y_true, np.float32), scores, np.ones(weight, np.float32))
    update(np.zeros([2, 3], np.float32), scores, np.ones([2, 3][: len(weight)], np.float32))
    assert metric.counts().total == 6


def test_an_unknown_class_axis_is_given_by_num_classes():
    @tf.function(input_signature=[spec(None), spec(None, None)])
    def update(y_true, y_pred):
        return inputs.flatten(y_true, y_pred, rule=ARGMAX, num_classes=3).y_pred

    assert update(np.zeros(4, np.float32), np.zeros((4, 3), np.float32)).shape == (4, 3)
    with pytest.raises(tf.errors.InvalidArgumentError):
        update(np.zeros(3, np.float32), np.zeros((3, 5), np.float32))
