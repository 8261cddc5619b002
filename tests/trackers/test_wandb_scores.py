"""An offline run of Weights & Biases has the scores, curves, figures and config."""

import json

import numpy as np
import pytest
import trackers

import dist_f1
from dist_f1.callbacks import WandbScores
from dist_f1.replicas import contexts

wandb = trackers.import_tracker("wandb")


@pytest.fixture(scope="module")
def tracked(tmp_path_factory):
    """Train on two replicas; return the records and files of the run, history, model."""
    directory = tmp_path_factory.mktemp("wandb")
    with trackers.offline_wandb():
        model = trackers.network("mirrored_2")
        callback = WandbScores(
            {"dir": str(directory), "project": "test"},
            every=2,
            hparams={"rate": 0.1, "kind": "linear"},
        )
        history = trackers.fit(model, callback)
        # The file is complete when the process of W&B has ended.
        wandb.teardown()
    (run,) = directory.glob("wandb/offline-run-*")
    (path,) = run.glob("*.wandb")
    return trackers.wandb_records(path), run / "files", history, model


def test_every_number_of_every_epoch_is_logged_under_its_split(tracked):
    records, _, history, _ = tracked
    rows = trackers.wandb_rows(records)
    for epoch in (0, 1):
        found = {}
        for row in rows:
            if row["epoch"] == epoch + 1:
                found |= {k: v for k, v in row.items() if "/" in k and isinstance(v, int | float)}
        assert found == pytest.approx(trackers.expected_numbers(history, epoch))


def test_the_epoch_is_the_axis_and_hyperparameters_are_in_the_config(tracked):
    records, _, _, _ = tracked
    kinds = {record.WhichOneof("record_type"): record for record in records}
    assert kinds["run"].run.project == "test"
    defined = [r.metric for r in records if r.WhichOneof("record_type") == "metric"]
    globs = {m.glob_name or m.name: m.step_metric for m in defined}
    assert globs.items() >= {"train/*": "epoch", "validation/*": "epoch"}.items()
    updates = [r.config for r in records if r.WhichOneof("record_type") == "config"]
    items = [item for update in updates for item in update.update]
    config = {item.key: json.loads(item.value_json) for item in items if item.key}
    assert (config["rate"], config["kind"]) == (0.1, "linear")


def test_the_report_the_curves_and_the_images_are_those_of_the_validation_data(tracked):
    records, files, _, model = tracked
    (row,) = [row for row in trackers.wandb_rows(records) if "validation/report" in row]
    assert row["epoch"] == 2
    report = json.loads((files / row["validation/report"]["path"]).read_text())
    assert report["columns"] == ["class", "precision", "recall", "f1-score", "support"]
    labels = trackers.predicted_labels(model)
    counts = dist_f1.Counts.from_labels(trackers.Y_VAL, labels, 3)
    expected = dist_f1.report(counts, trackers.NAMES, output_dict=True)
    accuracy = expected.pop("accuracy")
    found = {name: cells for name, *cells in report["data"]}
    assert found.pop("accuracy") == [None, None, pytest.approx(accuracy, abs=1e-4), 30]
    assert list(found) == list(expected)
    for name, cells in found.items():
        assert cells == pytest.approx(list(expected[name].values()), abs=1e-4)
    for name in ("confusion_matrix", "threshold_sweep"):
        png = (files / row[f"validation/{name}"]["path"]).read_bytes()
        assert png.startswith(b"\x89PNG")
    curves = next(files.glob("media/table/validation/threshold_sweep_curves_table_*.json"))
    table = json.loads(curves.read_text())
    logits = model.predict(trackers.X_VAL, 30, verbose=0)
    sweep = dist_f1.Sweep.from_scores(trackers.Y_VAL, logits, 10, from_logits=True).numpy()
    _, precision, recall = sweep.curve()
    assert table["columns"] == ["class", "recall", "precision"]
    assert [cells[0] for cells in table["data"]] == list(np.repeat(trackers.NAMES, 11))
    points = np.array([cells[1:] for cells in table["data"]]).reshape(3, 11, 2)
    np.testing.assert_allclose(points, np.stack([recall[:-1].T, precision[:-1].T], -1), atol=1e-9)


def test_the_active_run_is_used_and_remains_open(monkeypatch, tmp_path):
    monkeypatch.setenv("WANDB_SILENT", "true")
    run = wandb.init(mode="offline", dir=str(tmp_path), project="test")
    model = trackers.network(metrics=[dist_f1.F1Score("macro")])
    trackers.fit(model, WandbScores({"project": "other"}, figures=False), epochs=1)
    assert wandb.run is run
    assert run.summary["validation/loss"] > 0
    run.finish()


def test_only_the_chief_starts_a_run(monkeypatch):
    def init(**arguments):
        raise AssertionError("a run was started")

    monkeypatch.setattr(wandb, "init", init)
    monkeypatch.setattr(contexts, "is_chief", lambda strategy: False)
    model = trackers.network(metrics=[dist_f1.F1Score("macro")])
    trackers.fit(model, WandbScores(hparams={"rate": 0.1}), epochs=1)
