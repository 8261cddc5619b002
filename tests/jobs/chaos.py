"""Kills workers of a training job at random, and compares what it ends with to a job left alone.

python tests/chaos.py --kills=10

Each kill is a SIGKILL for a random one of the workers, at a random step, of training and of
evaluation by turns. The job has to come back by itself every time, and to end with the very
integer counts and the report of a run without any kill. Ends with exit code 1 if it does not.
"""

from __future__ import annotations

import json
import os
import pathlib
import random
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time

import numpy as np
from absl import app, flags

_KILLS = flags.DEFINE_integer("kills", 10, "How many in all, half of them in evaluation.")
_KILLS_A_JOB = flags.DEFINE_integer("kills_a_job", 5, "How many a job has to come back from.")
_WORKERS = flags.DEFINE_integer("workers", 3, "Worker processes.")
_SEED = flags.DEFINE_integer("seed", None, "Of workers and steps; by default another each time.")
_TIMEOUT = flags.DEFINE_float("timeout", 120.0, "Seconds from one kill to the next, at most.")

ROOT = pathlib.Path(__file__).resolve().parents[2]
# Half of the rows are evaluated, in small batches, so that there are steps enough to be killed in.
SETTINGS = (
    "--config.validation_fraction=0.5",
    "--config.batch_size=16",
    "--config.model=mlp",
    "--config.checkpoint_every=7",
    "--config.log_every=1",
    "--config.save_predictions=true",
)
EPOCHS = 3
STEPS = 57
_STARTED = re.compile(r"worker (\d+) is process (\d+)")
_STEP = re.compile(r"\[worker 0\] (epoch|validation) (\d+)/\d+: .*?(\d+)/\d+ \[")


def main(argv):
    seed = random.randrange(2**32) if _SEED.value is None else _SEED.value
    print(f"--seed={seed}", flush=True)
    chooser = random.Random(seed)
    with tempfile.TemporaryDirectory() as directory:
        reference = pathlib.Path(directory) / "reference"
        _Job(reference, 0).end()
        wrong = killed = 0
        while killed < _KILLS.value:
            kills = min(_KILLS_A_JOB.value, _KILLS.value - killed)
            run_dir = pathlib.Path(directory) / f"killed-{killed}"
            job = _Job(run_dir, kills)
            for plan in _plans(kills, chooser, first=killed):
                job.kill(*plan)
            job.end()
            killed += kills
            problems = differences(reference, run_dir)
            wrong += bool(problems)
            for problem in problems:
                print(f"DIFFERS: {problem}", flush=True)
    print(f"{killed} kills; {wrong} jobs ended with other results than one left alone")
    sys.exit(1 if wrong else 0)


def _plans(kills, chooser, first):
    """Epoch, phase, step and worker of each kill, in the order in which a job comes to them."""
    places = []
    for index in range(kills):
        phase = "validation" if (first + index) % 2 else "epoch"
        epoch = 1 + index * EPOCHS // kills
        places.append(
            (epoch, phase, chooser.randrange(1, STEPS - 8), chooser.randrange(_WORKERS.value))
        )
    return sorted(places)


class _Job:
    def __init__(self, run_dir, kills):
        self._run_dir = run_dir
        self._position = (0, "", 0)
        self._pids = {}
        command = [
            *(sys.executable, "-m", "dist_f1.commands.main", "train", "--config=configs/digits.py"),
            *(f"--run_dir={run_dir}", f"--workers={_WORKERS.value}", f"--max_restarts={kills}"),
            *SETTINGS,
            f"--config.epochs={EPOCHS}",
        ]
        # A terminal, so that the progress bar is shown as it goes.
        self._terminal, slave = os.openpty()
        self._process = subprocess.Popen(
            command, cwd=ROOT, stdout=slave, stderr=slave, stdin=subprocess.DEVNULL
        )
        os.close(slave)
        self._text, self._current = "", -1
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def kill(self, epoch, phase, step, worker):
        """Waits until the job is there, or just beyond, and kills the worker."""
        order = ("epoch", "validation")
        aim = (epoch, order.index(phase), step)
        deadline = time.monotonic() + _TIMEOUT.value
        while True:
            here = self._position
            if here[1] and (here[0], order.index(here[1]), here[2]) >= aim:
                break
            if self._process.poll() is not None or time.monotonic() > deadline:
                self._give_up(f"the job did not come to {aim}, it is at {here}")
            time.sleep(0.002)
        pid = self._pids[worker]
        self._position = (0, "", 0)
        os.kill(pid, signal.SIGKILL)
        print(
            f"killed worker {worker} at step {here[2]} of {here[1]} in epoch {here[0]}", flush=True
        )
        while self._pids.get(worker) == pid:
            if self._process.poll() is not None or time.monotonic() > deadline + _TIMEOUT.value:
                self._give_up("the job did not come back")
            time.sleep(0.01)

    def end(self):
        try:
            code = self._process.wait(timeout=_TIMEOUT.value)
        except subprocess.TimeoutExpired:
            self._give_up("the job does not end")
        if code:
            self._give_up(f"the job ended with exit code {code}")
        for line in re.findall(r"continuing from [^\r\n]*", self._text):
            print(line, flush=True)

    def _give_up(self, why):
        self._process.terminate()
        self._process.wait(timeout=30)
        sys.exit(f"{self._text[-6000:]}\n{why}")

    def _read(self):
        while True:
            try:
                chunk = os.read(self._terminal, 65536)
            except OSError:
                return
            if not chunk:
                return
            self._text += chunk.decode(errors="replace")
            # What was written before the last start is no position of this one.
            started = self._text.rfind("worker 0 is process")
            if started > self._current:
                found = dict(_STARTED.findall(self._text[started:]))
                if len(found) < _WORKERS.value:
                    continue
                self._current = started
                self._position = (0, "", 0)
                self._pids = {int(worker): int(pid) for worker, pid in found.items()}
            steps = _STEP.findall(self._text[max(self._current, len(self._text) - 4000) :])
            if steps:
                phase, epoch, step = steps[-1]
                self._position = (int(epoch), phase, int(step))


def differences(reference, run_dir):
    """What a run directory has other than the reference; times aside."""
    problems = []
    for name in ("counts.npz", "predictions.npz"):
        with np.load(reference / name) as expected, np.load(run_dir / name) as found:
            if sorted(expected) != sorted(found):
                problems.append(f"{name} has {sorted(found)}")
            problems += [
                f"{name}: {field}"
                for field in expected
                if field not in found or not np.array_equal(expected[field], found[field])
            ]
    for name in ("report.txt", "report.json", "scores.json"):
        if (reference / name).read_text() != (run_dir / name).read_text():
            problems.append(name)
    rows = []
    for path in (reference, run_dir):
        lines = (path / "metrics.jsonl").read_text().splitlines()
        rows.append([{**json.loads(line), "seconds": 0} for line in lines])
    if rows[0] != rows[1]:
        problems.append("metrics.jsonl")
    return problems


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    app.run(main)
