"""Of two workers, both read the scores of all rows, and the chief alone writes to each tracker."""

import importlib.util
import os

import pytest
import tensorflow as tf
import trackers
from cluster import run_workers

pytestmark = pytest.mark.slow

PACKAGES = [name for name in ("wandb", "mlflow") if importlib.util.find_spec(name)]
if os.environ.get("REQUIRE_TRACKERS"):
    PACKAGES = ["wandb", "mlflow"]


@pytest.fixture(scope="module")
def workers(tmp_path_factory):
    """Train on two workers of two replicas; return their directory and their results."""
    directory = tmp_path_factory.mktemp("workers")
    with trackers.offline_wandb():
        completed = run_workers("tracked_fit.fit", 2, str(directory), *PACKAGES)
    return directory, [worker.result for worker in completed]


def test_both_workers_read_the_same_scores_and_the_chief_alone_writes(workers):
    directory, results = workers
    assert results[0] == results[1]
    assert results[0]["total"] == 21
    assert [path.name for path in (directory / "worker_1").iterdir()] == []
    written = {"tensorboard", *(["wandb"] if "wandb" in PACKAGES else [])}
    assert {path.name for path in (directory / "worker_0").iterdir()} >= written


def test_tensorboard_has_the_scores_of_all_rows(workers):
    directory, results = workers
    values = trackers.events(directory / "worker_0" / "tensorboard" / "validation")
    f1 = {step: tf.make_ndarray(v.tensor) for tag, step, _, v in values if tag == "f1_macro"}
    assert f1 == pytest.approx(dict(enumerate(results[0]["history"]["val_f1_macro"], 1)), abs=1e-6)
    curve = next(v for tag, step, _, v in values if (tag, step) == ("threshold_sweep/cat", 2))
    # Below the lowest threshold, all rows are predicted.
    assert tf.make_ndarray(curve.tensor)[:2, 0].sum() == 21


def test_wandb_has_one_run(workers):
    trackers.import_tracker("wandb")
    directory, results = workers
    (path,) = directory.glob("worker_*/wandb/offline-run-*/*.wandb")
    assert path.is_relative_to(directory / "worker_0")
    rows = trackers.wandb_rows(trackers.wandb_records(path))
    f1 = {row["epoch"]: x for row in rows if (x := row.get("validation/f1_macro")) is not None}
    assert f1 == dict(enumerate(results[0]["history"]["val_f1_macro"], 1))


def test_mlflow_has_one_run(workers):
    mlflow = trackers.import_tracker("mlflow")
    directory, results = workers
    client = mlflow.MlflowClient(f"sqlite:///{directory}/worker_0/mlflow.db")
    (run,) = client.search_runs(["0"])
    history = client.get_metric_history(run.info.run_id, "validation/f1_macro")
    assert [x.value for x in history] == results[0]["history"]["val_f1_macro"]
    assert run.data.params == {"rate": "0.1"}
