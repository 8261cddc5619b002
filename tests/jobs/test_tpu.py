"""The training job under a TPUStrategy with emulated cores, without a TPU."""

import json

import numpy as np
import pytest
from commands import run_cli
from comparisons import same
from forking import ROOT, run_forked

from dist_f1 import Counts

pytestmark = pytest.mark.slow

CONFIG = (
    "--config=configs/tpu.py",
    "--config.epochs=2",
    "--config.dtype=float64",
    "--config.save_predictions=true",
)
SCRIPT = ROOT / "tests" / "jobs" / "on_emulated_tpu.py"


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Run one job on emulated TPU cores, and on logical devices under MirroredStrategy."""
    path = tmp_path_factory.mktemp("tpu")
    on_tpu = run_forked(SCRIPT, "train", *CONFIG, f"--run_dir={path / 'tpu'}")
    mirrored = run_cli(
        "train", *CONFIG, f"--run_dir={path / 'mirrored'}", "--config.strategy=mirrored"
    )
    for result in (on_tpu, mirrored):
        assert result.returncode == 0, result.stderr
    return path / "tpu", path / "mirrored"


def test_the_counts_are_those_of_a_job_on_other_devices(runs):
    on_tpu, mirrored = (Counts.load(path / "counts.npz") for path in runs)
    assert on_tpu.true_positive.dtype == np.int64
    same(on_tpu, mirrored)
    on_tpu, mirrored = (np.load(path / "predictions.npz") for path in runs)
    np.testing.assert_array_equal(on_tpu["y_pred"], mirrored["y_pred"])
    assert json.loads((runs[0] / "config.json").read_text())["replicas"] == 8


def test_the_scores_of_each_epoch_are_those_of_a_job_on_other_devices(runs):
    on_tpu, mirrored = (
        [json.loads(line) for line in (path / "metrics.jsonl").read_text().splitlines()]
        for path in runs
    )
    assert len(on_tpu) == len(mirrored) == 4
    for ours, theirs in zip(on_tpu, mirrored, strict=True):
        assert ours.pop("split") == theirs.pop("split")
        assert ours.pop("seconds") > 0 < theirs.pop("seconds")
        assert ours == pytest.approx(theirs, rel=1e-9)
