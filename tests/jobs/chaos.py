"""Kill workers of a training job at random, and compare its results to an uninterrupted job.

python tests/jobs/chaos.py --kills=10

Each kill sends SIGKILL to a random worker at a random step, alternating between training and
evaluation. The job must restart each time, and end with the same counts and report as an
uninterrupted run; otherwise the exit code is 1.
"""

from __future__ import annotations

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

from absl import app, flags

_KILLS = flags.DEFINE_integer("kills", 10, "Number of kills, half of them in evaluation.")
_KILLS_PER_JOB = flags.DEFINE_integer("kills_per_job", 5, "Number of kills of each job.")
_WORKERS = flags.DEFINE_integer("workers", 3, "Worker processes.")
_SEED = flags.DEFINE_integer("seed", None, "Seed of workers and steps; default: random.")
_TIMEOUT = flags.DEFINE_float("timeout", 120.0, "Maximum seconds between two kills.")

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "support"))
from run_dirs import differences  # noqa: E402

# Evaluate half of the rows, in small batches, so that there are enough steps to kill a worker in.
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
_STEP = re.compile(r"\[worker 0\] [^\r\n]*?(epoch|validation) (\d+)/\d+ +(\d+)/\d+ ")


def main(argv):
    seed = random.randrange(2**32) if _SEED.value is None else _SEED.value
    print(f"--seed={seed}", flush=True)
    chooser = random.Random(seed)
    with tempfile.TemporaryDirectory() as directory:
        reference = pathlib.Path(directory) / "reference"
        _Job(reference, 0).end()
        failed = killed = 0
        while killed < _KILLS.value:
            kills = min(_KILLS_PER_JOB.value, _KILLS.value - killed)
            run_dir = pathlib.Path(directory) / f"killed-{killed}"
            job = _Job(run_dir, kills)
            for plan in _plans(kills, chooser, first=killed):
                job.kill(*plan)
            job.end()
            killed += kills
            problems = differences(reference, run_dir)
            failed += bool(problems)
            for problem in problems:
                print(f"DIFFERS: {problem}", flush=True)
    print(f"{killed} kills; {failed} jobs with different results")
    sys.exit(1 if failed else 0)


def _plans(kills, chooser, first):
    """Return epoch, phase, step and worker of each kill, in the order of the job."""
    plans = []
    for index in range(kills):
        phase = "validation" if (first + index) % 2 else "epoch"
        epoch = 1 + index * EPOCHS // kills
        plans.append(
            (epoch, phase, chooser.randrange(1, STEPS - 8), chooser.randrange(_WORKERS.value))
        )
    return sorted(plans)


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
        # The progress bar is updated only on a terminal.
        self._terminal, slave = os.openpty()
        self._process = subprocess.Popen(
            command, cwd=ROOT, stdout=slave, stderr=slave, stdin=subprocess.DEVNULL
        )
        os.close(slave)
        self._text, self._current = "", -1
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def kill(self, epoch, phase, step, worker):
        """Wait until the job reaches the step, and kill the worker."""
        order = ("epoch", "validation")
        target = (epoch, order.index(phase), step)
        deadline = time.monotonic() + _TIMEOUT.value
        while True:
            here = self._position
            if here[1] and (here[0], order.index(here[1]), here[2]) >= target:
                break
            if self._process.poll() is not None or time.monotonic() > deadline:
                self._fail(f"the job did not reach {target}; it is at {here}")
            time.sleep(0.002)
        pid = self._pids[worker]
        self._position = (0, "", 0)
        os.kill(pid, signal.SIGKILL)
        print(
            f"killed worker {worker} at step {here[2]} of {here[1]} in epoch {here[0]}", flush=True
        )
        while self._pids.get(worker) == pid:
            if self._process.poll() is not None or time.monotonic() > deadline + _TIMEOUT.value:
                self._fail("the job did not restart")
            time.sleep(0.01)

    def end(self):
        try:
            code = self._process.wait(timeout=_TIMEOUT.value)
        except subprocess.TimeoutExpired:
            self._fail("the job does not end")
        if code:
            self._fail(f"the job ended with exit code {code}")
        for line in re.findall(r"resuming from [^\r\n]*", self._text):
            print(line, flush=True)

    def _fail(self, reason):
        self._process.terminate()
        self._process.wait(timeout=30)
        sys.exit(f"{self._text[-6000:]}\n{reason}")

    def _read(self):
        while True:
            try:
                chunk = os.read(self._terminal, 65536)
            except OSError:
                return
            if not chunk:
                return
            self._text += chunk.decode(errors="replace")
            # Ignore positions from before the last start.
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


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    app.run(main)
