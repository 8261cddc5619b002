"""A write that fails ends with one message, and leaves each file complete: old, new or absent.

Every writer of a job writes to a full disk, which is real and needs root, and beyond a limit of the
size of files.
"""

import functools
import shutil

import numpy as np
import pytest
import tensorflow as tf
from commands import last_line, run_cli
from forking import ROOT
from full_disks import file_size_limit, fill_blocks, fill_inodes, small_disk
from tiers import slow

from dist_f1 import Counts, Sweep, plots
from dist_f1.callbacks import run_files
from dist_f1.callbacks.trackers.event_files import EventFile, write_scalar
from dist_f1.jobs.checkpoints import CheckpointManager
from dist_f1.jobs.predictions import Predictions
from dist_f1.jobs.run_dir import RunDir
from dist_f1.jobs.run_lock import RunLock
from dist_f1.launching.errors import UserError

CLASSES = 300
LABELS = np.random.default_rng(0).integers(CLASSES, size=5000)
COUNTS = Counts.from_labels(LABELS, LABELS[::-1], CLASSES, confusion=True).numpy()
COUNTS_OF_3 = Counts.from_labels(LABELS % 3, LABELS[::-1] % 3, 3).numpy()
SWEEP = Sweep.from_scores(LABELS % 2, LABELS / CLASSES, thresholds=2000)
LONG = {"names": [f"{name:040d}" for name in range(2000)]}
LOGITS = np.random.default_rng(1).normal(size=[len(LABELS), 5])


def write_checkpoint(path):
    saved = tf.train.Checkpoint(x=tf.Variable(tf.random.normal([30000])))
    number = len(list((path / "checkpoints").iterdir())) if (path / "checkpoints").exists() else 0
    CheckpointManager(path / "checkpoints").save(number, lambda p: saved.write(str(p / "state")))


def write_predictions(path):
    predictions = Predictions(path / "predictions", 0)
    predictions.add(0, LABELS, LOGITS)
    with RunDir(path).writing(path / "predictions"):
        predictions.flush()


def write_events(path, file=None):
    with (file or EventFile(path / "tensorboard")).as_default():
        for step in range(1000):
            write_scalar("a long name of a score, to fill the buffer of the writer", 0.5, step)


def write_figure(path):
    plots.f1_bars(COUNTS_OF_3, None, path / "f1_per_class.png")


def write_page(path):
    run_files.write_page(path, run_files.Evaluation("title", COUNTS, None))


# Each writer, and the file that its message names.
OF_JOBS = {
    "config.json": lambda path: RunDir(path).write_config(LONG),
    "metrics.jsonl": lambda path: RunDir(path).append_metrics(LONG),
    "report.json": lambda path: RunDir(path).write_report("text", LONG, COUNTS),
    "counts.npz": lambda path: RunDir(path).write_report("text", {}, COUNTS),
    "scores.json": lambda path: RunDir(path).write_scores(LONG),
    "sweep.npz": lambda path: RunDir(path).write_sweep(SWEEP),
    "report.html": lambda path: RunDir(path).write_pages(str(LONG), "markdown"),
    "report.md": lambda path: RunDir(path).write_pages("html", str(LONG)),
    "predictions.npz": lambda path: RunDir(path).write_predictions({"y_true": LABELS}),
    "predictions": write_predictions,
    "checkpoints": write_checkpoint,
}
OF_THE_LIBRARY = {
    "counts.npz": lambda path: COUNTS.save(path / "counts.npz"),
    "sweep.npz": lambda path: SWEEP.save(path / "sweep.npz"),
    "f1_per_class.png": write_figure,
    "reports/epoch_0001.txt": lambda path: run_files.write_epoch(path, 1, str(LONG)),
    "report.txt": lambda path: run_files.write_report(path, str(LONG), {}, COUNTS),
    "metrics.jsonl": lambda path: run_files.write_history(path, [{"epoch": 1, **LONG}]),
    "report.html": write_page,
    "tensorboard": write_events,
}
WRITERS = [
    *(pytest.param(name, write, UserError, id=f"job-{name}") for name, write in OF_JOBS.items()),
    *(pytest.param(name, w, OSError, id=f"library-{name}") for name, w in OF_THE_LIBRARY.items()),
]


def contents(path):
    return {x.relative_to(path): x.read_bytes() for x in path.rglob("*") if x.is_file()}


def assert_fails(name, write, error, path, cause):
    """The write fails with a message; files are unchanged, and no other files are left."""
    before = contents(path)
    with pytest.raises(error, match=f"{name}.* cannot be written: {cause}") as caught:
        write(path)
    assert str(caught.value).count(" cannot be written") == 1
    after = contents(path)
    # A writer of several files may have written short ones, completely.
    short = {x for x in after if x.suffix == ".txt" or x.name in ("report.html", "report.json")}
    changed = {x for x in before.keys() | after.keys() if before.get(x) != after.get(x)}
    assert changed <= short - {name}, changed
    assert not [x for x in after if "tmp" in x.name or "temp" in str(x.parent)]


@pytest.mark.parametrize(("name", "write", "error"), WRITERS)
def test_a_limit_of_the_size_of_files(tmp_path, name, write, error):
    for _ in range(2):
        with file_size_limit(2000):
            assert_fails(name, write, error, tmp_path, "File too large. Raise the limit")
        # The same with an older file.
        write(tmp_path)


@pytest.fixture(scope="module")
def disk(tmp_path_factory):
    with small_disk(tmp_path_factory.mktemp("disk") / "mounted") as path:
        yield path


@pytest.fixture
def run_dir(disk):
    path = disk / "run"
    path.mkdir()
    yield path
    for entry in list(disk.iterdir()):
        shutil.rmtree(entry) if entry.is_dir() else entry.unlink()


@pytest.mark.parametrize("fill", [functools.partial(fill_blocks, spare=4096), fill_inodes])
@pytest.mark.parametrize(("name", "write", "error"), WRITERS)
def test_a_full_disk(run_dir, disk, name, write, error, fill):
    cause = "No space left on device. Free disk space"
    for round_ in range(2):
        filler = fill(disk)
        # Appending needs no inode.
        if not (round_ and name == "metrics.jsonl" and error is UserError and filler.is_dir()):
            # Of several files, the first cannot be written.
            assert_fails("/run/", write, error, run_dir, cause)
        shutil.rmtree(filler) if filler.is_dir() else filler.unlink()
        write(run_dir)


@pytest.mark.parametrize("step", ["RunLock", "prepare"])
def test_a_run_does_not_start_on_a_full_disk(run_dir, disk, step):
    fill_inodes(disk)
    with pytest.raises(UserError, match="cannot be written: No space left on device"):
        RunLock(run_dir).acquire() if step == "RunLock" else RunDir(run_dir).prepare({}, [])
    assert not list(run_dir.iterdir())


def test_an_event_file_ends_with_the_last_complete_block(run_dir, disk):
    file = EventFile(run_dir / "tensorboard")
    write_events(run_dir, file)
    filler = fill_blocks(disk, spare=4096)
    assert_fails("tensorboard", functools.partial(write_events, file=file), OSError, run_dir, "No")
    filler.unlink()
    write_events(run_dir, file)
    for path in (run_dir / "tensorboard").iterdir():
        records = list(tf.data.TFRecordDataset(str(path)))
        assert len(records) >= 1000


@pytest.mark.parametrize(
    ("spare", "workers"),
    [
        # Launcher and workers need space for their logs.
        *(slow(spare, ("--workers=2", "--max_restarts=2")) for spare in (200_000, 0, 1_000_000)),
        *(slow(spare, ()) for spare in (0, 200_000, 1_000_000, 1_500_000)),
    ],
)
def test_a_job_on_a_full_disk_ends_with_one_message(run_dir, disk, spare, workers):
    flags = ("train", f"--config={ROOT / 'configs' / 'digits.py'}", "--config.model=mlp")
    more = ("--config.epochs=3", "--config.save_predictions=true", "--config.tensorboard=true")
    flags = (*flags, *more, "--config.checkpoint_every=5")
    filler = fill_blocks(disk, spare)
    result = run_cli(*flags, *workers, f"--run_dir={run_dir}")
    assert result.returncode == 1, result.stderr
    assert "No space left on device" in result.stderr
    assert "Traceback" not in result.stderr
    assert "restart" not in result.stderr
    if not workers:
        assert " cannot be written: No space left on device. Free" in last_line(result.stderr)
    assert not list(run_dir.rglob("*.tmp"))
    filler.unlink()
    result = run_cli(*flags, *workers, f"--run_dir={run_dir}", "--config.checkpoint_every=100")
    assert result.returncode == 0 or "No space" in result.stderr, result.stderr
