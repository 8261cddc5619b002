"""Training with evaluations, exporters, early stopping and canned estimators."""

import pathlib

import estimators
import numpy as np
import pytest
import tensorflow as tf
from sklearn import metrics as sk

from dist_f1.compat import v1

pytestmark = [estimators.needs_estimator, pytest.mark.slow]
SCORES = ("f1_macro", "f1_weighted", "accuracy")
BEST, EVERY, LAST = 30, 10, 50


def metrics(labels, scores, _):
    return v1.eval_metric_ops(labels, scores, scores=SCORES, dtype=tf.float64)


class Job:
    """Train with correct labels for 30 steps and wrong ones afterwards, so that step 30 is best."""

    def __init__(self, model_dir, strategy):
        x, y = estimators.load("digits")
        self.x, self.y = x, y
        # Each replica takes its own batch in every step.
        rows = BEST * estimators.BATCH * (2 if strategy.startswith("mirrored") else 1)
        take = np.arange(2 * rows) % len(x)
        wrong = np.where(np.arange(2 * rows) < rows, y[take], (y[take] + 1) % 10)
        config = estimators.run_config(model_dir, strategy, save_checkpoints_steps=EVERY)
        self.estimator = tf.estimator.Estimator(estimators.linear(metrics, 10), config=config)
        self.train = estimators.batches(x[take], wrong, epochs=None)
        self.evaluate = estimators.evaluation(x, y)

    def run(self, exporters=(), hooks=()):
        tf.estimator.train_and_evaluate(
            self.estimator,
            tf.estimator.TrainSpec(self.train, max_steps=LAST, hooks=list(hooks)),
            tf.estimator.EvalSpec(
                self.evaluate, steps=None, exporters=list(exporters), throttle_secs=0
            ),
        )
        return self

    def evaluations(self):
        """Return the result of each evaluation, by step."""
        from tensorflow_estimator.python.estimator import early_stopping

        results = early_stopping.read_eval_metrics(self.estimator.eval_dir())
        return {step: result for step, result in results.items() if "f1_macro" in result}

    def predicted(self, step):
        checkpoint = f"{self.estimator.model_dir}/model.ckpt-{step}"
        rows = self.estimator.predict(estimators.batches(self.x), checkpoint_path=checkpoint)
        return np.array([row["ids"] for row in rows])


def receiver():
    x = tf.compat.v1.placeholder(tf.float32, [None, 64])
    return tf.estimator.export.ServingInputReceiver({"x": x}, {"x": x})


def labelled_receiver():
    features = {"x": tf.compat.v1.placeholder(tf.float32, [None, 64])}
    labels = tf.compat.v1.placeholder(tf.int64, [None], name="labels")
    return tf.estimator.experimental.build_raw_supervised_input_receiver_fn(features, labels)()


@pytest.fixture(scope="module", params=estimators.STRATEGIES)
def job(request, tmp_path_factory):
    exporters = [
        tf.estimator.BestExporter(
            "best", receiver, compare_fn=v1.compare_by("f1_macro"), exports_to_keep=1
        ),
        tf.estimator.FinalExporter("final", receiver),
    ]
    return Job(tmp_path_factory.mktemp("job"), request.param).run(exporters)


def test_each_evaluation_equals_scikit_learn_at_its_checkpoint(job):
    evaluations = job.evaluations()
    assert list(evaluations) == list(range(EVERY, LAST + 1, EVERY))
    for step, result in evaluations.items():
        ids = job.predicted(step)
        # The event files hold float32.
        for average in ("macro", "weighted"):
            expected = sk.f1_score(job.y, ids, average=average)
            assert result[f"f1_{average}"] == pytest.approx(expected, abs=1e-6)
        assert result["accuracy"] == pytest.approx(sk.accuracy_score(job.y, ids), abs=1e-6)


def test_the_best_exporter_keeps_the_model_with_the_best_score(job):
    evaluations = job.evaluations()
    assert max(evaluations, key=lambda step: evaluations[step]["f1_macro"]) == BEST
    kept = {
        name: sk.f1_score(job.y, _served(job, name), average="macro") for name in ("best", "final")
    }
    assert kept["best"] == pytest.approx(evaluations[BEST]["f1_macro"], abs=1e-6)
    assert kept["final"] == pytest.approx(evaluations[LAST]["f1_macro"], abs=1e-6)
    assert kept["best"] > kept["final"]


def _served(job, exporter):
    (path,) = pathlib.Path(job.estimator.model_dir, "export", exporter).iterdir()
    served = tf.saved_model.load(str(path)).signatures["serving_default"]
    return served(tf.constant(job.x))["ids"].numpy()


def test_training_stops_when_the_score_does_not_increase(tmp_path):
    job = Job(tmp_path, "none")
    hook = tf.estimator.experimental.stop_if_no_increase_hook(
        job.estimator,
        "f1_macro",
        max_steps_without_increase=EVERY,
        run_every_secs=None,
        run_every_steps=1,
    )
    steps = job.run(hooks=[hook]).evaluations()
    assert BEST < max(steps) < LAST


def test_an_exported_evaluation_graph_counts(job, tmp_path):
    path = job.estimator.experimental_export_all_saved_models(
        str(tmp_path), {tf.estimator.ModeKeys.EVAL: labelled_receiver}
    )
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        loaded = tf.compat.v1.saved_model.load(session, ["eval"], path.decode())
        (signature,) = loaded.signature_def.values()
        session.run(tf.compat.v1.local_variables_initializer())
        for rows in np.array_split(np.arange(len(job.x)), 3):
            inputs = {"x": job.x[rows], "label": job.y[rows]}
            feed = {signature.inputs[name].name: value for name, value in inputs.items()}
            session.run(signature.outputs["metrics/f1_macro/update_op"].name, feed)
        value = session.run(signature.outputs["metrics/f1_macro/value"].name)
    expected = sk.f1_score(job.y, job.predicted(LAST), average="macro")
    assert value == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("strategy", estimators.STRATEGIES)
@pytest.mark.parametrize("data", ["breast_cancer", "digits"])
def test_add_metrics_adds_scores_to_canned_estimators(data, strategy, tmp_path):
    x, y = estimators.load(data)
    classes = int(y.max()) + 1
    canned = tf.estimator.DNNClassifier(
        [8],
        [tf.feature_column.numeric_column("x", [x.shape[1]])],
        n_classes=classes,
        optimizer=lambda: tf.keras.optimizers.legacy.Adam(0.05),
        config=estimators.run_config(tmp_path, strategy),
    )

    def more(labels, predictions):
        average = "binary" if classes == 2 else "weighted"
        ids, scores = predictions["class_ids"], predictions["probabilities"]
        ops = {
            "f1_of_ids": v1.f1_score(labels, ids, classes, average, dtype=tf.float64),
            "f1_of_scores": v1.f1_score(labels, scores, average=average, dtype=tf.float64),
        }
        if classes == 2:
            logistic = predictions["logistic"]
            ops["f1_at_0.9"] = v1.f1_score(labels, logistic, threshold=0.9, dtype=tf.float64)
        return ops

    estimator = tf.estimator.add_metrics(canned, more)
    features = {"x": x}
    estimator.train(estimators.batches(features, y, epochs=None), steps=20)
    results = estimator.evaluate(estimators.evaluation(features, y))
    ids = estimators.predicted(estimator, features, "class_ids")[:, 0]
    expected = sk.f1_score(y, ids, average="binary" if classes == 2 else "weighted")
    assert 0.4 < expected < 1.0
    assert results["f1_of_ids"] == pytest.approx(expected, abs=1e-12)
    assert results["f1_of_scores"] == pytest.approx(expected, abs=1e-12)
    if classes == 2:
        sure = estimators.predicted(estimator, features, "logistic")[:, 0] > np.float32(0.9)
        assert results["f1_at_0.9"] == pytest.approx(sk.f1_score(y, sure), abs=1e-12)
        assert (sure != ids).any()
