"""Disturb hosts and links of a training job on several hosts, and check that each row counts once.

python tests/jobs/host_chaos.py --faults=20

The hosts are Linux namespaces with their own addresses. The kinds of faults take turns. Every
second job is elastic: it continues without a lost host, so its number of replicas changes. Its rows
are counted once; the model, and with it single predictions, may differ. The other jobs must end
with the integers of one machine. The exit code is 1 otherwise.
"""

from __future__ import annotations

import os
import pathlib
import random
import signal
import statistics
import sys
import tempfile
import time

from absl import app, flags

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "support")]
from commands import run_cli_in_new_python  # noqa: E402
from disturbed_jobs import SETTINGS, check_rows, differences  # noqa: E402
from hosts import hosts, why_unavailable  # noqa: E402
from launched_hosts import Launchers  # noqa: E402

_FAULTS = flags.DEFINE_integer("faults", 8, "Number of faults.")
_FAULTS_PER_JOB = flags.DEFINE_integer("faults_per_job", 4, "Number of faults of each job.")
_HOSTS = flags.DEFINE_integer("hosts", 3, "Hosts, with a worker each.")
_EPOCHS = flags.DEFINE_integer("epochs", 24, "Epochs of each job.")
_SEED = flags.DEFINE_integer("seed", None, "Seed of the hosts; default: random.")
_TIMEOUT = flags.DEFINE_float("timeout", 180.0, "Maximum seconds until a job continues.")

HOST_TIMEOUT = 6.0
KINDS = ("kill", "cut", "worker", "power", "short cut", "freeze", "slow link", "pair")


def main(_):
    if reason := why_unavailable():
        print(f"SKIPPED: {reason}.")
        sys.exit(77)
    seed = random.randrange(2**32) if _SEED.value is None else _SEED.value
    print(f"--seed={seed}", flush=True)
    chooser = random.Random(seed)
    seconds = {kind: [] for kind in KINDS}
    done = failed = 0
    with tempfile.TemporaryDirectory() as directory:
        folder = pathlib.Path(directory)
        ended = run_cli_in_new_python(*_train(folder / "reference"), f"--workers={_HOSTS.value}")
        assert ended.returncode == 0, ended.stderr
        while done < _FAULTS.value:
            number = min(_FAULTS_PER_JOB.value, _FAULTS.value - done)
            kinds = [KINDS[(done + index) % len(KINDS)] for index in range(number)]
            is_elastic = done // _FAULTS_PER_JOB.value % 2 == 1
            job = _Job(folder / f"job-{done}", is_elastic, chooser, seconds)
            failed += not job.run(kinds, folder / "reference")
            done += number
    for kind, values in seconds.items():
        if values:
            print(
                f"{kind}: {len(values)} times; continued after {statistics.median(values):.1f} s "
                f"(median), {max(values):.1f} s (maximum)"
            )
    print(f"{done} faults of hosts and links; {failed} jobs with lost or doubled rows")
    sys.exit(1 if failed else 0)


def _train(run_dir):
    return ("train", *SETTINGS, f"--config.epochs={_EPOCHS.value}", f"--run_dir={run_dir}")


class _Job:
    """A job on all hosts; `seconds` gets the time until it continues, by the kind of fault."""

    def __init__(self, folder, is_elastic, chooser, seconds):
        self._folder, self._run_dir = folder, folder / "run"
        self._is_elastic, self._chooser, self._seconds = is_elastic, chooser, seconds

    def run(self, kinds, reference):
        """Run the job with faults of these kinds; return whether its results are right."""
        flags = [f"--host_timeout={HOST_TIMEOUT:g}", "--max_restarts=100", "--workers=1"]
        elastic = ["--min_hosts=1", "--start_timeout=8"]
        flags += elastic if self._is_elastic else ["--start_timeout=120"]
        command = _train(self._run_dir)
        with (
            hosts(_HOSTS.value) as cluster,
            Launchers(self._folder, command, hosts=cluster.hosts, options=flags) as job,
        ):
            for index, kind in enumerate(kinds):
                _wait_for_rows(job, self._run_dir, 1 + index * _EPOCHS.value // len(kinds))
                self._disturb(cluster, job, kind)
            codes = job.wait(_TIMEOUT.value)
            problems = [f"exit codes {codes}\n{job.outputs()}"] if any(codes) else []
        problems = problems or self._differences(reference)
        for problem in problems:
            print(f"DIFFERS: {problem}", flush=True)
        return not problems

    def _disturb(self, cluster, job, kind):
        victim, started = self._chooser.randrange(_HOSTS.value), time.monotonic()
        _disturb(cluster, job, kind, victim)
        _wait_for_rows(job, self._run_dir, _rows(self._run_dir) + 1)
        self._seconds[kind].append(time.monotonic() - started)
        name = "elastic" if self._is_elastic else "all hosts"
        print(f"{kind} of host {victim} ({name}): {self._seconds[kind][-1]:.1f} s", flush=True)

    def _differences(self, reference):
        try:
            check_rows(self._run_dir, _EPOCHS.value)
        except AssertionError as error:
            return [str(error)]
        return [] if self._is_elastic else differences(reference, self._run_dir)


def _disturb(cluster, job, kind, victim):
    """Do something to a host, and undo it."""
    host, other = cluster.hosts[victim], cluster.hosts[(victim + 1) % len(cluster.hosts)]
    if kind == "kill":
        host.kill_all()
        job.processes[victim].wait()
        job.start(victim)
    elif kind == "power":
        host.power_off()
        time.sleep(2.0)
        host.power_on()
        job.start(victim)
    elif kind == "worker":
        launcher = job.processes[victim].inner_pid
        workers = [pid for pid in host.processes() if _is_worker(pid)]
        os.kill(next(pid for pid in workers if pid != launcher), signal.SIGKILL)
    elif kind == "freeze":
        host.stop_all()
        time.sleep(2 * HOST_TIMEOUT)
        host.continue_all()
    elif kind == "slow link":
        cluster.set_link(delay=0.2, loss=0.01)
        time.sleep(2 * HOST_TIMEOUT)
        cluster.set_link()
    elif kind == "pair":
        cluster.cut(host, other)
        time.sleep(2 * HOST_TIMEOUT)
        cluster.mend(host, other)
    else:
        host.cut()
        time.sleep(1.0 if kind == "short cut" else 2 * HOST_TIMEOUT)
        host.mend()


def _is_worker(pid):
    return b"bootstrap.py" in pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()


def _rows(run_dir):
    path = run_dir / "metrics.jsonl"
    return path.read_bytes().count(b"\n") if path.exists() else 0


def _wait_for_rows(job, run_dir, number):
    """Wait until `metrics.jsonl` has this number of rows, or the job has ended."""
    end = time.monotonic() + _TIMEOUT.value
    while _rows(run_dir) < number and any(p.poll() is None for p in job.processes.values()):
        if time.monotonic() > end:
            sys.exit(f"{job.outputs()}\nthe job does not continue; it has {_rows(run_dir)} rows")
        time.sleep(0.05)


if __name__ == "__main__":
    app.run(main)
