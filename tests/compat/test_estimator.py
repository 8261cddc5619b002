"""Pairs under the real tf.estimator equal scikit-learn on its predictions."""

import estimators
import numpy as np
import pytest
import tensorflow as tf
from sklearn import metrics as sk

import dist_f1
from dist_f1.compat import v1

pytestmark = [estimators.needs_estimator, pytest.mark.slow]
CLASSES = {"breast_cancer": 2, "digits": 10}
EXACT = {"dtype": tf.float64}


def every_average(labels, scores, features):
    averages = ["macro", "micro", "weighted", None]
    if scores.shape[-1] == 2:
        averages.append("binary")
    ops = {}
    for average in averages:
        for name in ("f1_score", "precision", "recall"):
            pair = getattr(v1, name)(labels, scores, average=average, **EXACT)
            ops[f"{name}_{average}"] = pair
        ops[f"f_beta_{average}"] = v1.f_beta(labels, scores, average=average, beta=2.0, **EXACT)
    weights = {"weights": features["weight"], "average": "macro", **EXACT}
    ids = tf.argmax(scores, axis=-1)
    return {
        **ops,
        "in_float32": v1.f1_score(labels, ids, scores.shape[-1], "macro"),
        "weighted_rows": v1.f1_score(labels, scores, **weights),
        "counts": v1.confusion_counts(labels, scores, confusion=True),
        **v1.eval_metric_ops(
            labels, ids, scores.shape[-1], ["f1_per_class", "accuracy"], prefix="all_", **EXACT
        ),
    }


@pytest.fixture(scope="module", params=estimators.STRATEGIES)
def strategy(request):
    return request.param


@pytest.fixture(scope="module", params=sorted(CLASSES))
def evaluated(request, strategy, tmp_path_factory):
    """Return true and predicted ids, weights, and the result of `evaluate`."""
    x, y = estimators.load(request.param)
    weight = np.random.default_rng(0).uniform(0.0, 2.0, len(y)).astype(np.float32)
    features = {"x": x, "weight": weight}
    config = estimators.run_config(tmp_path_factory.mktemp(request.param), strategy)
    model_fn = estimators.linear(every_average, CLASSES[request.param])
    estimator = tf.estimator.Estimator(model_fn, config=config)
    estimator.train(estimators.batches(features, y, epochs=None), steps=30)
    results = estimator.evaluate(estimators.evaluation(features, y))
    return y, estimators.predicted(estimator, features), weight, results


def test_all_rows_are_evaluated_with_a_smaller_last_batch(evaluated):
    y, ids, _, results = evaluated
    full_batches, rest = divmod(len(y), estimators.BATCH)
    assert rest
    assert full_batches % 2 == 0
    counts = results["counts"]
    assert counts.total == len(y)
    np.testing.assert_array_equal(counts.confusion, sk.confusion_matrix(y, ids))


def test_scores_equal_scikit_learn_on_the_predictions_of_the_estimator(evaluated):
    y, ids, weight, results = evaluated
    oracles = {
        "f1_score": sk.f1_score,
        "precision": sk.precision_score,
        "recall": sk.recall_score,
        "f_beta": lambda *args, **kw: sk.fbeta_score(*args, beta=2.0, **kw),
    }
    averages = ["macro", "micro", "weighted", None] + ["binary"] * (y.max() == 1)
    assert 0.5 < sk.f1_score(y, ids, average="macro") < 0.999
    for name, oracle in oracles.items():
        for average in averages:
            expected = oracle(y, ids, average=average)
            np.testing.assert_allclose(results[f"{name}_{average}"], expected, rtol=0, atol=1e-12)
    macro = sk.f1_score(y, ids, average="macro")
    assert results["in_float32"].dtype == np.float32
    np.testing.assert_allclose(results["in_float32"], macro, rtol=0, atol=1e-6)
    weighted = sk.f1_score(y, ids, average="macro", sample_weight=weight)
    np.testing.assert_allclose(results["weighted_rows"], weighted, rtol=0, atol=1e-12)
    assert abs(weighted - macro) > 1e-6


def test_entries_of_eval_metric_ops_equal_scikit_learn(evaluated):
    y, ids, _, results = evaluated
    per_class = [results[f"all_f1_{c}"] for c in range(y.max() + 1)]
    np.testing.assert_allclose(per_class, sk.f1_score(y, ids, average=None), rtol=0, atol=1e-12)
    np.testing.assert_allclose(
        results["all_accuracy"], sk.accuracy_score(y, ids), rtol=0, atol=1e-12
    )


def test_a_report_is_made_from_the_counts_of_an_evaluation(evaluated):
    y, ids, _, results = evaluated
    ours = dist_f1.report(results["counts"], output_dict=True)
    theirs = sk.classification_report(y, ids, output_dict=True)
    assert ours["weighted avg"] == pytest.approx(theirs["weighted avg"], abs=1e-12)


def counting_estimator(model_dir, strategy):
    def metrics(labels, scores, _):
        return {"counts": v1.confusion_counts(labels, scores)}

    config = estimators.run_config(model_dir, strategy)
    return tf.estimator.Estimator(estimators.linear(metrics, 10), config=config)


def test_every_strategy_counts_the_same_for_the_same_weights(tmp_path):
    x, y = estimators.load("digits")
    counting_estimator(tmp_path, "none").train(estimators.batches(x, y, epochs=None), steps=20)
    # There are 36 plain batches, a multiple of two replicas.
    plain, even = estimators.batches(x, y, batch=50), estimators.evaluation(x, y)
    seen = [
        counting_estimator(tmp_path, name).evaluate(input_fn)["counts"]
        for name in estimators.STRATEGIES
        for input_fn in (plain, even)
    ]
    for counts in seen:
        assert counts.total == len(y)
        for ours, first in zip(counts[:5], seen[0][:5], strict=True):
            np.testing.assert_array_equal(ours, first)


def test_an_evaluation_with_an_odd_number_of_batches_counts_every_row(tmp_path):
    x, y = estimators.load("digits")
    estimator = counting_estimator(tmp_path, "mirrored_2")
    estimator.train(estimators.batches(x, y), steps=1)
    # With plain batches, most of these runs would lose rows.
    totals = [estimator.evaluate(estimators.evaluation(x, y))["counts"].total for _ in range(6)]
    assert totals == [len(y)] * 6


def test_an_evaluation_with_invalid_labels_raises_with_their_number(tmp_path, strategy):
    x, y = estimators.load("digits")

    def metrics(labels, scores, _):
        seven = tf.where(tf.equal(labels, 7), tf.constant(12, tf.int64), labels)
        return {"f1": v1.f1_score(seven, scores, average="macro")}

    def model_fn(features, labels, mode):
        return estimators.linear(metrics, 10)(features, labels, mode)

    config = estimators.run_config(tmp_path, strategy)
    estimator = tf.estimator.Estimator(model_fn, config=config)
    estimator.train(estimators.batches(x, y), steps=1)
    with pytest.raises(tf.errors.InvalidArgumentError, match="rows were not counted: their label"):
        estimator.evaluate(estimators.evaluation(x, y))
