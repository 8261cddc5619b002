"""Real workers that a scheduler starts: a Slurm step, and pods that are evicted."""

import concurrent.futures
import contextlib
import json
import os
import shutil
import signal
import socket
import sys

import numpy as np
import pytest
from commands import (
    COMMAND,
    is_running,
    last_line,
    read_until,
    run_cli,
    spawn_cli,
    start_process,
)
from forking import ROOT
from schedulers import NO_PROXY, container, pod_command, pod_variables, slurm

from dist_f1 import Counts
from dist_f1.launching import external_cluster

pytestmark = pytest.mark.slow

SUM = """
import json, os
import tensorflow as tf

strategy = tf.distribute.MultiWorkerMirroredStrategy()
index = json.loads(os.environ["TF_CONFIG"])["task"]["index"]

@tf.function
def total():
    def one():
        here = tf.distribute.get_replica_context()
        return here.all_reduce("sum", tf.constant(10.0) ** float(index))
    return strategy.run(one)

print("sum", float(total()), flush=True)
"""


@contextlib.contextmanager
def start_pods(command, environments, cwd):
    """Yield one process of a command for each environment."""
    path = os.pathsep.join([str(ROOT), *filter(None, sys.path)])
    common = {"CUDA_VISIBLE_DEVICES": "-1", "PYTHONPATH": path}
    with contextlib.ExitStack() as stack:
        yield [
            stack.enter_context(start_process(*command, cwd=cwd, **common, **environment))
            for environment in environments
        ]


def outputs(running, timeout=150):
    """Return the rest of each output. Read in parallel: the processes wait for each other."""
    with concurrent.futures.ThreadPoolExecutor(len(running)) as pool:
        waiting = [pool.submit(process.communicate, timeout=timeout) for process in running]
        concurrent.futures.wait(waiting)
    return [one.result()[0] for one in waiting]


def is_free(port):
    with socket.socket() as one, contextlib.suppress(OSError):
        one.bind(("127.0.0.1", port))
        return True
    return False


def test_two_tasks_of_a_slurm_step_sum_over_both(monkeypatch, tmp_path):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    for job in range(os.getpid(), os.getpid() + 199):
        steps = [slurm(rank, 2, "localhost", "2", job, SLURM_NODEID="0") for rank in (0, 1)]
        with monkeypatch.context() as patch:
            for name, value in {**steps[0], "TF_CONFIG": "", NO_PROXY: ""}.items():
                patch.setenv(name, value)
            external_cluster.resolve_task()
            workers = json.loads(os.environ["TF_CONFIG"])["cluster"]["worker"]
        if all(is_free(int(worker.rpartition(":")[2])) for worker in workers):
            break
    # A proxy that does not respond.
    steps = [{**step, "http_proxy": "http://127.0.0.1:9"} for step in steps]
    (tmp_path / "sum.py").write_text(SUM)
    with contextlib.ExitStack() as stack:
        running = [
            stack.enter_context(
                spawn_cli("launch", f"--log_dir=logs-{rank}", "sum.py", cwd=tmp_path, **step)
            )
            for rank, step in enumerate(steps)
        ]
        for rank, (_, wait) in enumerate(running):
            result = wait(150)
            assert result.returncode == 0, result.stderr
            assert f"[worker {rank}] sum 11.0\n" in result.stdout


def test_an_invalid_slurm_step_fails_with_one_line(tmp_path):
    (tmp_path / "sum.py").write_text(SUM)
    result = run_cli("launch", "sum.py", cwd=tmp_path, **slurm(nodes="n1"))
    assert result.returncode == 1
    message = "dist-f1 launch: The Slurm variables describe no valid cluster"
    assert last_line(result.stderr).startswith(message)
    assert "Traceback" not in result.stderr


def test_when_one_pod_is_evicted_both_stop_and_new_pods_resume(tmp_path):
    program, subcommand, config, _ = container()["args"]
    assert (program, subcommand) == ("dist-f1", "train")
    flags = (config, "--run_dir=run", "--config.model=mlp", "--config.epochs=4")
    shutil.copytree(ROOT / "configs", tmp_path / "configs")
    port = next(port for port in range(21000, 32000) if is_free(port) and is_free(port + 1))
    variables = {**pod_variables(), "PORT": str(port)}
    pods = [{**variables, "JOB_COMPLETION_INDEX": str(index)} for index in (0, 1)]
    start = [*pod_command('f"127.0.0.1:{int(port) + index}"'), *COMMAND]
    command = [*start, subcommand, *flags]
    with start_pods(command, pods, tmp_path) as running:
        read_until(running[0], "to validate")
        running[1].send_signal(signal.SIGTERM)
        texts = outputs(running)
        assert [process.returncode for process in running] == [143, 143], texts
        pids = [process.pid for process in running]
    assert not any(map(is_running, pids))
    assert not (tmp_path / "run" / "counts.npz").exists()
    with start_pods(command, pods, tmp_path) as running:
        texts = outputs(running)
        assert [process.returncode for process in running] == [0, 0], texts
    assert "resuming from step" in texts[0]
    # Each validation row is counted once.
    np.testing.assert_array_equal(Counts.load(tmp_path / "run" / "counts.npz").total, 360)
