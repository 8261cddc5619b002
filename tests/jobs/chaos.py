"""Kill workers of a training job at random, and compare its results to an uninterrupted job.

python tests/jobs/chaos.py --kills=100

The kinds of faults take turns: SIGKILL in training, in evaluation, while a checkpoint is written,
during a start and during a restart; and SIGSTOP, which the launcher must notice. Worker and time
are random. The job must restart each time, and end with the same counts, predictions and report as
an uninterrupted run; otherwise the exit code is 1.
"""

from __future__ import annotations

import contextlib
import dataclasses
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

_KILLS = flags.DEFINE_integer("kills", 12, "Number of faults.")
_KILLS_PER_JOB = flags.DEFINE_integer("kills_per_job", 6, "Number of faults of each job.")
_WORKERS = flags.DEFINE_integer("workers", 3, "Worker processes.")
_SEED = flags.DEFINE_integer("seed", None, "Seed of workers and steps; default: random.")
_TIMEOUT = flags.DEFINE_float("timeout", 120.0, "Maximum seconds between two faults.")

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "support"))
from disturbed_jobs import SETTINGS, differences  # noqa: E402

EPOCHS = 3
STEPS = 57
PHASES = ("epoch", "validation")
# A worker that SIGSTOP has stopped is noticed after this time.
STALL_SECONDS = 20
# Starting takes some seconds more than this.
MAX_START_DELAY = 4.0
KINDS = ("start", "training", "checkpoint", "evaluation", "restart", "stop")
_STARTED = re.compile(r"worker (\d+) is process (\d+)")
_STEP = re.compile(r"\[worker 0\] [^\r\n]*?(epoch|validation) (\d+)/\d+ +(\d+)/\d+ ")


def main(argv):
    seed = random.randrange(2**32) if _SEED.value is None else _SEED.value
    print(f"--seed={seed}", flush=True)
    chooser = random.Random(seed)
    with tempfile.TemporaryDirectory() as directory:
        reference = pathlib.Path(directory) / "reference"
        _Job(reference, 0).end()
        failed = done = 0
        counts = dict.fromkeys(KINDS, 0)
        while done < _KILLS.value:
            number = min(_KILLS_PER_JOB.value, _KILLS.value - done)
            run_dir = pathlib.Path(directory) / f"disturbed-{done}"
            faults = _faults(number, chooser, first=done)
            job = _Job(run_dir, number)
            for fault in faults:
                counts[fault.kind] += 1
                job.disturb(fault)
            job.end()
            done += number
            problems = differences(reference, run_dir)
            failed += bool(problems)
            for problem in problems:
                print(f"DIFFERS: {problem}", flush=True)
    by_kind = ", ".join(f"{number} {kind}" for kind, number in counts.items())
    print(f"{done} kills ({by_kind}); {failed} jobs with different results")
    sys.exit(1 if failed else 0)


@dataclasses.dataclass(frozen=True)
class _Fault:
    """A signal to a worker, `delay` seconds after a start or at a step."""

    kind: str
    worker: int
    delay: float
    epoch: int
    phase: str
    step: int

    @property
    def position(self):
        return self.epoch, PHASES.index(self.phase), self.step


def _faults(number, chooser, first):
    """Return the faults of a job, in the order of their steps."""
    kinds = [KINDS[(first + index) % len(KINDS)] for index in range(number)]
    faults = []
    for index, kind in enumerate(kinds):
        epoch = 1 + index * EPOCHS // number
        phase = "validation" if kind == "evaluation" else chooser.choice(PHASES)
        phase = "epoch" if kind in ("training", "stop") else phase
        # Only the chief writes checkpoints.
        worker = 0 if kind == "checkpoint" else chooser.randrange(_WORKERS.value)
        delay = chooser.uniform(0.0, MAX_START_DELAY)
        faults.append(_Fault(kind, worker, delay, epoch, phase, chooser.randrange(1, STEPS - 8)))
    return faults


class _Job:
    def __init__(self, run_dir, kills):
        self._run_dir = run_dir
        self._position = (0, "", 0)
        self._pids = {}
        # A busy machine may take longer than `STALL_SECONDS` to start, which is one more restart.
        command = [
            *(sys.executable, "-m", "dist_f1.commands.main", "train"),
            *(f"--run_dir={run_dir}", f"--workers={_WORKERS.value}", f"--max_restarts={2 * kills}"),
            *SETTINGS,
            "--config.log_every=1",
            f"--stall_timeout={STALL_SECONDS}",
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

    def disturb(self, fault):
        """Wait for the time of a fault, send the signal, and wait for the restart."""
        deadline = time.monotonic() + _TIMEOUT.value
        if fault.kind in ("start", "restart"):
            while fault.worker not in self._pids:
                self._check(deadline, "the job did not start")
            time.sleep(fault.delay)
        else:
            while not self._position[1] or self._order() < fault.position:
                self._check(deadline, f"the job did not reach {fault}")
        if fault.kind == "checkpoint":
            while not self._writes_checkpoint():
                self._check(deadline, "the job did not write a checkpoint", pause=0.0)
        here, pid = self._position, self._pids[fault.worker]
        number = signal.SIGSTOP if fault.kind == "stop" else signal.SIGKILL
        os.kill(pid, number)
        self._position = (0, "", 0)
        print(
            f"{fault.kind}: {number.name} to worker {fault.worker} at step {here[2]} of "
            f"{here[1] or 'the start'} in epoch {here[0]}",
            flush=True,
        )
        deadline = time.monotonic() + _TIMEOUT.value
        while self._pids.get(fault.worker) == pid:
            self._check(deadline, "the job did not restart")

    def _order(self):
        epoch, phase, step = self._position
        return epoch, PHASES.index(phase), step

    def _writes_checkpoint(self):
        """Whether there is an unfinished checkpoint, under its temporary name."""
        with (
            contextlib.suppress(FileNotFoundError),
            os.scandir(self._run_dir / "checkpoints") as it,
        ):
            return any(entry.name.endswith(".tmp") for entry in it)
        return False

    def _check(self, deadline, reason, pause=0.002):
        if self._process.poll() is not None or time.monotonic() > deadline:
            self._fail(f"{reason}; it is at {self._position}")
        time.sleep(pause)

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
