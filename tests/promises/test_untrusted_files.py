"""Files of counts and predictions are data: reading one runs no code that is stored in it."""

import contextlib
import pathlib

import numpy as np
import pytest

from dist_f1 import Counts, Sweep
from dist_f1.jobs.run_dir import RunDir
from dist_f1.jobs.run_results import read_mistakes

NAMES = ("thresholds", "true_positive", "predicted", "actual", "total", "invalid")
PREDICTIONS = ("y_true", "y_pred", "probability")


class Payload:
    """An object that makes a file when it is unpickled."""

    def __init__(self, evidence):
        self.evidence = evidence

    def __reduce__(self):
        return pathlib.Path.touch, (self.evidence,)


def has_predictions(path):
    path.rename(path.with_name("predictions.npz"))
    return RunDir(path.parent).has_predictions(1)


READERS = {
    "counts": Counts.load,
    "sweep": Sweep.load,
    "mistakes": lambda path: read_mistakes(path, None),
    "predictions": has_predictions,
}


@pytest.mark.parametrize("reader", READERS)
def test_reading_a_file_does_not_unpickle_objects(reader, tmp_path):
    evidence = tmp_path / "evidence"
    payload = np.array([Payload(evidence)], dtype=object)
    np.savez(tmp_path / "file.npz", **dict.fromkeys((*NAMES, *PREDICTIONS), payload))
    with contextlib.suppress(ValueError):
        READERS[reader](tmp_path / "file.npz")
    assert not evidence.exists()
    # The payload works: NumPy runs it if it may unpickle objects.
    (path,) = tmp_path.glob("*.npz")
    with np.load(path, allow_pickle=True) as file:
        file["y_true"]
    assert evidence.exists()
