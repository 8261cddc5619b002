"""A run in a local store of MLflow has the scores, figures, counts and params."""

import pathlib

import numpy as np
import pytest
import trackers

import dist_f1
from dist_f1.callbacks import MLflowScores
from dist_f1.replicas import contexts

mlflow = trackers.import_tracker("mlflow")


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """Use a database of this module; return its client."""
    directory = tmp_path_factory.mktemp("mlflow")
    before = mlflow.get_tracking_uri()
    with pytest.MonkeyPatch.context() as patch:
        # MLflow stores the address in the environment too.
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{directory}/mlflow.db")
        mlflow.set_tracking_uri(f"sqlite:///{directory}/mlflow.db")
        client = mlflow.MlflowClient()
        experiment = client.create_experiment("test", f"file://{directory}/artifacts")
        patch.setenv("MLFLOW_EXPERIMENT_ID", experiment)
        yield client
        mlflow.set_tracking_uri(before)


@pytest.fixture(scope="module")
def tracked(store):
    """Train on two replicas; return the run, the history and the model."""
    model = trackers.network("mirrored_2")
    callback = MLflowScores(every=2, hparams={"rate": 0.1, "kind": "linear"})
    history = trackers.fit(model, callback)
    run = mlflow.active_run()
    mlflow.end_run()
    return store.get_run(run.info.run_id), history, model


def test_every_number_of_every_epoch_is_a_metric(store, tracked):
    run, history, _ = tracked
    assert run.info.status == "FINISHED"
    found = {}
    for name in run.data.metrics:
        for metric in store.get_metric_history(run.info.run_id, name):
            found[metric.step, name] = metric.value
    for epoch in (0, 1):
        for name, number in trackers.expected_numbers(history, epoch).items():
            assert found.pop((epoch + 1, name.replace("&", "_"))) == pytest.approx(number)
    assert not found


def test_hyperparameters_are_params(tracked):
    assert tracked[0].data.params == {"rate": "0.1", "kind": "linear"}


def test_the_report_the_counts_and_the_figures_are_artifacts(store, tracked, tmp_path):
    run, _, model = tracked
    run_id = run.info.run_id
    assert [x.path for x in store.list_artifacts(run_id)] == ["validation"]
    assert [x.path for x in store.list_artifacts(run_id, "validation")] == ["validation/epoch_0002"]
    path = mlflow.artifacts.download_artifacts(
        run_id=run_id, artifact_path="validation/epoch_0002", dst_path=str(tmp_path)
    )
    files = {x.name: x for x in pathlib.Path(path).iterdir()}
    assert sorted(files) == [
        "confusion_matrix.png",
        "counts.npz",
        "report.md",
        "threshold_sweep.png",
    ]
    labels = trackers.predicted_labels(model)
    expected = dist_f1.Counts.from_labels(trackers.Y_VAL, labels, 3, confusion=True).numpy()
    counts = dist_f1.Counts.load(files["counts.npz"])
    np.testing.assert_array_equal(counts.confusion, expected.confusion)
    text = dist_f1.pages.markdown(expected, trackers.NAMES, 4)
    assert files["report.md"].read_text() == text + "\n"
    assert files["threshold_sweep.png"].read_bytes().startswith(b"\x89PNG")


def test_a_run_is_selected_by_its_id_or_is_the_active_one(store):
    model = trackers.network(metrics=[dist_f1.F1Score("macro")])
    chosen = store.create_run(mlflow.get_experiment_by_name("test").experiment_id).info.run_id
    trackers.fit(model, MLflowScores(chosen, figures=False), epochs=1)
    assert mlflow.active_run() is None
    with mlflow.start_run() as active:
        trackers.fit(model, MLflowScores(figures=False), epochs=1)
    for run_id in (chosen, active.info.run_id):
        assert store.get_run(run_id).data.metrics.keys() >= {"train/loss", "validation/f1_score"}


def test_a_thousand_classes_and_scores_that_are_no_numbers(store):
    callback = MLflowScores(figures=False)
    callback._write_scalars("train", {f"f1/{k}": np.nan for k in range(1200)}, 1)
    run = mlflow.active_run()
    mlflow.end_run()
    metrics = store.get_run(run.info.run_id).data.metrics
    assert len(metrics) == 1200
    assert np.isnan(metrics["train/f1/1199"])


def test_only_the_chief_starts_a_run(store, monkeypatch):
    monkeypatch.setattr(contexts, "is_chief", lambda strategy: False)
    model = trackers.network(metrics=[dist_f1.F1Score("macro")])
    trackers.fit(model, MLflowScores(hparams={"rate": 0.1}), epochs=1)
    assert mlflow.active_run() is None
