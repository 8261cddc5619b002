"""Clusters that a scheduler has made: what is read of them, and the files in configs/ for two."""

import concurrent.futures
import contextlib
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import threading

import numpy as np
import pytest
import yaml
from commands import COMMAND, dist_f1, dist_f1_begun, is_running, last_line, read_until
from forking import ROOT

from dist_f1 import Counts
from dist_f1.launching import external_cluster
from dist_f1.launching.cluster import Task

PAIR = {"worker": ["a:1", "b:2"]}
NO_PROXY = "no_grpc_proxy"


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    """One that describes no cluster; what `adopt` changes in it is undone."""
    for name in [name for name in os.environ if name.startswith("SLURM_")]:
        monkeypatch.delenv(name)
    # Only what has been set is restored.
    monkeypatch.setenv("TF_CONFIG", "")
    monkeypatch.delenv("TF_CONFIG")
    for name in (NO_PROXY, "no_proxy"):
        monkeypatch.setenv(name, "")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    return monkeypatch


def tf_config(cluster, task_type="worker", index=0):
    return json.dumps({"cluster": cluster, "task": {"type": task_type, "index": index}})


def slurm(rank=0, tasks=2, nodes="n[1-2]", per_node="1(x2)", job=1, **others):
    """The variables of a task in a step, as `srun` sets them."""
    return {
        "SLURM_PROCID": str(rank),
        "SLURM_STEP_NUM_TASKS": str(tasks),
        "SLURM_STEP_NODELIST": nodes,
        "SLURM_STEP_TASKS_PER_NODE": per_node,
        "SLURM_JOB_ID": str(job),
        "SLURM_STEP_ID": "0",
        **others,
    }


def adopted(environment, variables):
    """The place that is found, and the addresses of the workers that TF_CONFIG has then."""
    environment.delenv("TF_CONFIG", raising=False)
    for name, value in variables.items():
        environment.setenv(name, value)
    task = external_cluster.adopt()
    return task, json.loads(os.environ["TF_CONFIG"])["cluster"]["worker"]


# TF_CONFIG


@pytest.mark.parametrize(
    ("cluster", "task_type", "index"),
    [
        (PAIR, "worker", 1),
        ({"chief": ["a:1"], "worker": ["b:2"]}, "chief", 0),
        ({"chief": ["a:1"], "worker": ["b:2"], "ps": ["c:3"]}, "ps", 0),
        # It is not among the addresses, since nobody calls it.
        (PAIR, "evaluator", 0),
    ],
)
def test_tf_config_tells_the_place_and_is_left_as_it_is(environment, cluster, task_type, index):
    text = tf_config(cluster, task_type, index)
    environment.setenv("TF_CONFIG", text)
    assert external_cluster.adopt() == Task(task_type, index)
    assert os.environ["TF_CONFIG"] == text


def test_tf_config_goes_before_slurm(environment):
    for name, value in slurm(rank=0).items():
        environment.setenv(name, value)
    environment.setenv("TF_CONFIG", tf_config(PAIR, index=1))
    assert external_cluster.adopt() == Task("worker", 1)


@pytest.mark.parametrize(
    "text", [None, "", "{}", tf_config({"worker": ["a:1"]}), tf_config({"chief": ["a:1"]}, "chief")]
)
def test_a_process_alone_is_in_no_cluster(environment, text):
    if text is not None:
        environment.setenv("TF_CONFIG", text)
    assert external_cluster.adopt() is None


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "5",
        tf_config(["a:1", "b:2"]),
        tf_config({"worker": "a:1"}),
        tf_config(PAIR, index=2),
        tf_config(PAIR, index=-1),
        tf_config(PAIR, index="one"),
        tf_config(PAIR, index=None),
        tf_config(PAIR, "chief"),
        json.dumps({"cluster": PAIR}),
    ],
)
def test_a_bad_tf_config_is_refused_with_its_text_and_what_it_should_be(environment, text):
    environment.setenv("TF_CONFIG", text)
    with pytest.raises(ValueError, match=r'It is JSON with .*"index": 0') as error:
        external_cluster.adopt()
    assert text in str(error.value)


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        ({}, "a,b"),
        ({"no_proxy": "example.com, a"}, "example.com,a,b"),
        # gRPC reads the one or the other.
        ({NO_PROXY: "other", "no_proxy": "example.com"}, "other,a,b"),
    ],
)
def test_tasks_call_each_other_without_a_proxy(environment, before, expected):
    environment.setenv("TF_CONFIG", tf_config(PAIR))
    for name, value in before.items():
        environment.setenv(name, value)
    for _ in range(2):
        external_cluster.adopt()
        assert os.environ[NO_PROXY] == expected


# Slurm


@pytest.mark.parametrize(
    ("nodes", "per_node", "hosts"),
    [
        ("localhost", "2", ["localhost", "localhost"]),
        ("a,b", "1(x2)", ["a", "b"]),
        ("gpu-[07-08,11]", "1(x3)", ["gpu-07", "gpu-08", "gpu-11"]),
        ("a[1-2],c", "2(x2),1", ["a1", "a1", "a2", "a2", "c"]),
        # Slurm numbers tasks along its own list, which is not in the order of names.
        ("n[8-11]", "1(x4)", ["n8", "n9", "n10", "n11"]),
        ("z1,a[9-10]", "1,2,1", ["z1", "a9", "a9", "a10"]),
    ],
)
def test_every_task_of_a_step_finds_the_address_of_its_own_node(
    environment, nodes, per_node, hosts
):
    of_nodes = list(dict.fromkeys(hosts))
    for rank, host in enumerate(hosts):
        variables = slurm(rank, len(hosts), nodes, per_node, job=3)
        variables["SLURM_NODEID"] = str(of_nodes.index(host))
        task, workers = adopted(environment, variables)
        assert task == Task("worker", rank)
        assert [worker.rpartition(":")[0] for worker in workers] == hosts
        assert len(set(workers)) == len(workers)


def test_ports_differ_between_jobs_and_steps_and_are_none_for_outgoing_connections(environment):
    taken = []
    for job, step in ((1, 0), (1, 1), (2, 0), (2, 1), (4_000_000_000, 0)):
        variables = slurm(0, 64, "n1", "64", job, SLURM_STEP_ID=str(step))
        _, workers = adopted(environment, variables)
        taken += [int(worker.rpartition(":")[2]) for worker in workers]
    assert len(set(taken)) == len(taken)
    assert min(taken) >= 20000
    assert max(taken) < 32768


def test_gpus_are_left_to_slurm(environment):
    environment.setenv("CUDA_VISIBLE_DEVICES", "2,3")
    adopted(environment, slurm(rank=1))
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "2,3"


@pytest.mark.parametrize(
    "variables",
    [
        # A step of one task, and the batch script, which is in no step.
        slurm(tasks=1, nodes="n1", per_node="1"),
        {"SLURM_JOB_ID": "1", "SLURM_PROCID": "0", "SLURM_NTASKS": "2"},
    ],
)
def test_slurm_with_one_task_is_no_cluster(environment, variables):
    for name, value in variables.items():
        environment.setenv(name, value)
    assert external_cluster.adopt() is None
    assert "TF_CONFIG" not in os.environ


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"SLURM_PROCID": None}, "SLURM_PROCID not found"),
        ({"SLURM_STEP_NODELIST": None}, "SLURM_STEP_NODELIST not found"),
        ({"SLURM_STEP_TASKS_PER_NODE": None}, "SLURM_STEP_TASKS_PER_NODE not found"),
        ({"SLURM_STEP_NODELIST": "n[1-"}, "n[1-"),
        ({"SLURM_STEP_TASKS_PER_NODE": "1(x"}, "1(x"),
        ({"SLURM_STEP_NODELIST": "n1"}, "Requested 2 tasks but only 1"),
        ({"SLURM_PROCID": "2"}, "SLURM_PROCID is 2, but there are 2 tasks"),
        ({"SLURM_JOB_ID": "one"}, "one"),
        # As with srun --distribution=cyclic.
        ({"SLURM_NODEID": "1"}, "task 0 is on node 1 of n1, n2"),
    ],
)
def test_variables_of_slurm_that_make_no_cluster_are_refused(environment, changed, message):
    for name, value in {**slurm(), **changed}.items():
        if value is not None:
            environment.setenv(name, value)
    with pytest.raises(ValueError, match="The variables of Slurm make no cluster") as error:
        external_cluster.adopt()
    assert message in str(error.value)
    assert "TF_CONFIG" not in os.environ


# Real processes


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
def processes(commands, environments, cwd):
    """Processes that run side by side, none of which outlives the block or five minutes."""
    common = {
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "CUDA_VISIBLE_DEVICES": "-1",
        "PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, sys.path)]),
    }
    running = []
    # What is read line by line has no time-out of its own.
    alarm = threading.Timer(300, lambda: [process.kill() for process in running])
    alarm.start()
    try:
        for command, environment in zip(commands, environments, strict=True):
            running.append(
                subprocess.Popen(
                    command,
                    cwd=cwd,
                    env={**os.environ, **common, **environment},
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    text=True,
                )
            )
        yield running
    finally:
        alarm.cancel()
        for process in running:
            if process.poll() is None:
                process.kill()
                process.wait()
            process.stdout.close()


def outputs(running, timeout=150):
    """What each writes to its end; all are read at once, since they wait for each other."""
    with concurrent.futures.ThreadPoolExecutor(len(running)) as pool:
        waiting = [pool.submit(process.communicate, timeout=timeout) for process in running]
        concurrent.futures.wait(waiting)
    return [one.result()[0] for one in waiting]


def is_free(port):
    with socket.socket() as one, contextlib.suppress(OSError):
        one.bind(("127.0.0.1", port))
        return True
    return False


def test_two_tasks_of_a_slurm_step_sum_over_both(environment, tmp_path):
    for job in range(os.getpid(), os.getpid() + 199):
        steps = [slurm(rank, 2, "localhost", "2", job, SLURM_NODEID="0") for rank in (0, 1)]
        _, workers = adopted(environment, steps[0])
        if all(is_free(int(worker.rpartition(":")[2])) for worker in workers):
            break
    environment.delenv("TF_CONFIG")
    environment.setenv(NO_PROXY, "")
    # Many sites have a proxy; nobody answers at this one.
    steps = [{**step, "http_proxy": "http://127.0.0.1:9"} for step in steps]
    (tmp_path / "sum.py").write_text(SUM)
    with contextlib.ExitStack() as stack:
        running = [
            stack.enter_context(
                dist_f1_begun("launch", f"--log_dir=logs-{rank}", "sum.py", cwd=tmp_path, **step)
            )
            for rank, step in enumerate(steps)
        ]
        for rank, (_, wait) in enumerate(running):
            result = wait(150)
            assert result.returncode == 0, result.stderr
            assert f"[worker {rank}] sum 11.0\n" in result.stdout


def test_a_slurm_step_that_makes_no_cluster_ends_with_one_line(tmp_path):
    (tmp_path / "sum.py").write_text(SUM)
    result = dist_f1("launch", "sum.py", cwd=tmp_path, **slurm(nodes="n1"))
    assert result.returncode == 1
    said = last_line(result.stderr)
    assert said.startswith("dist-f1 launch: The variables of Slurm make no cluster")
    assert "Traceback" not in result.stderr


# configs/kubernetes.yaml


@pytest.fixture(scope="module")
def manifests():
    documents = yaml.safe_load_all((ROOT / "configs" / "kubernetes.yaml").read_text())
    return {document["kind"]: document for document in documents}


def container_of(manifests):
    (container,) = manifests["Job"]["spec"]["template"]["spec"]["containers"]
    return container


def variables_of(manifests):
    return {one["name"]: one["value"] for one in container_of(manifests)["env"]}


def command_of(manifests, address=None):
    """The command of the container, with another address of each worker if one is given."""
    python, option, program = container_of(manifests)["command"]
    assert (python, option) == ("python3", "-c")
    if address:
        before = 'f"{job}-{index}.{job}:{port}"'
        assert before in program
        program = program.replace(before, address)
    return [sys.executable, option, program]


@pytest.mark.parametrize("index", [0, 1])
def test_a_pod_tells_its_command_the_names_of_all_pods_and_its_own_index(
    manifests, environment, index
):
    tells = [sys.executable, "-c", "import os; print(os.getpid(), os.environ['TF_CONFIG'])"]
    process = subprocess.Popen(
        [*command_of(manifests), *tells],
        env={**os.environ, **variables_of(manifests), "JOB_COMPLETION_INDEX": str(index)},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        pid, _, text = process.communicate(timeout=30)[0].partition(" ")
    finally:
        process.kill()
    assert process.returncode == 0
    # It is the very process, which gets the signals.
    assert int(pid) == process.pid
    assert json.loads(text) == {
        "cluster": {"worker": ["dist-f1-0.dist-f1:2222", "dist-f1-1.dist-f1:2222"]},
        "task": {"type": "worker", "index": index},
    }
    environment.setenv("TF_CONFIG", text)
    assert external_cluster.adopt() == Task("worker", index)


def test_names_and_numbers_that_must_agree_do(manifests):
    job, service = manifests["Job"], manifests["Service"]
    pod, variables = job["spec"]["template"]["spec"], variables_of(manifests)
    name = job["metadata"]["name"]
    # A pod is found as NAME-INDEX.SUBDOMAIN if a headless service of that name selects it.
    assert variables["JOB"] == name == service["metadata"]["name"] == pod["subdomain"]
    assert service["spec"]["clusterIP"] == "None"
    assert service["spec"]["selector"] == {"batch.kubernetes.io/job-name": name}
    assert int(variables["WORKERS"]) == job["spec"]["completions"] == job["spec"]["parallelism"]
    assert job["spec"]["completionMode"] == "Indexed"
    (volume,) = pod["volumes"]
    claim = manifests["PersistentVolumeClaim"]
    assert volume["persistentVolumeClaim"]["claimName"] == claim["metadata"]["name"]
    assert claim["spec"]["accessModes"] == ["ReadWriteMany"]
    container = container_of(manifests)
    (mount,) = container["volumeMounts"]
    assert mount["name"] == volume["name"]
    (run_dir,) = [flag for flag in container["args"] if flag.startswith("--run_dir=")]
    assert run_dir.startswith(f"--run_dir={mount['mountPath']}/")


def test_failed_pods_come_back_and_those_that_stopped_with_a_checkpoint_do_not_count(manifests):
    spec = manifests["Job"]["spec"]
    # Kubernetes takes the other fields with Never alone.
    assert spec["template"]["spec"]["restartPolicy"] == "Never"
    assert spec["backoffLimitPerIndex"] > 0
    assert spec["maxFailedIndexes"] == 0
    evicted, stopped = spec["podFailurePolicy"]["rules"]
    assert evicted["action"] == stopped["action"] == "Ignore"
    assert evicted["onPodConditions"] == [{"type": "DisruptionTarget", "status": "True"}]
    assert stopped["onExitCodes"] == {
        "containerName": container_of(manifests)["name"],
        "operator": "In",
        "values": [128 + signal.SIGTERM],
    }
    assert spec["successPolicy"] == {"rules": [{"succeededIndexes": "0"}]}


def test_when_one_pod_is_evicted_both_stop_and_new_pods_go_on(manifests, tmp_path):
    program, subcommand, config, _ = container_of(manifests)["args"]
    assert (program, subcommand) == ("dist-f1", "train")
    flags = (config, "--run_dir=run", "--config.model=mlp", "--config.epochs=4")
    shutil.copytree(ROOT / "configs", tmp_path / "configs")
    port = next(port for port in range(21000, 32000) if is_free(port) and is_free(port + 1))
    variables = {**variables_of(manifests), "PORT": str(port)}
    pods = [{**variables, "JOB_COMPLETION_INDEX": str(index)} for index in (0, 1)]
    start = [*command_of(manifests, 'f"127.0.0.1:{int(port) + index}"'), *COMMAND]
    commands = [[*start, subcommand, *flags]] * 2
    with processes(commands, pods, tmp_path) as running:
        read_until(running[0], "to validate")
        running[1].send_signal(signal.SIGTERM)
        texts = outputs(running)
        assert [process.returncode for process in running] == [143, 143], texts
        pids = [process.pid for process in running]
    assert not any(map(is_running, pids))
    assert not (tmp_path / "run" / "counts.npz").exists()
    with processes(commands, pods, tmp_path) as running:
        texts = outputs(running)
        assert [process.returncode for process in running] == [0, 0], texts
    assert "continuing from step" in texts[0]
    # Every row of the validation set once, over both.
    np.testing.assert_array_equal(Counts.load(tmp_path / "run" / "counts.npz").total, 360)


# configs/slurm.sh

SCRIPT = ROOT / "configs" / "slurm.sh"
RECORDS = """#!/bin/bash
printf '%s\\0' "${0##*/}" "TF_CONFIG=${TF_CONFIG:-}" "$@" >> "$RECORD"
printf '\\n' >> "$RECORD"
if [ "${0##*/}" = srun ]; then exit "$SRUN_CODE"; fi
"""


@pytest.fixture
def submit(tmp_path):
    """Runs the batch script with commands that only record what they are called with."""
    for name in ("srun", "scontrol"):
        path = tmp_path / "bin" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(RECORDS)
        path.chmod(0o755)

    def run(code, *arguments, **variables):
        record = tmp_path / "record"
        record.write_text("")
        result = subprocess.run(
            ["bash", SCRIPT, *arguments],
            cwd=tmp_path,
            env={
                "PATH": f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}",
                "RECORD": str(record),
                "SRUN_CODE": str(code),
                "SLURM_JOB_ID": "4711",
                "SLURM_CPUS_PER_TASK": "8",
                **variables,
            },
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        calls = [line.split("\0")[:-1] for line in record.read_text().splitlines()]
        return result, calls

    return run


REQUEUED = ["scontrol", "TF_CONFIG=", "requeue", "4711"]


def test_the_batch_script_is_one_for_bash():
    result = subprocess.run(["bash", "-n", SCRIPT], capture_output=True, timeout=30, check=False)
    assert (result.returncode, result.stderr) == (0, b"")


def test_the_batch_script_trains_with_its_own_arguments(submit):
    arguments = ["--config=configs/digits.py", "--run_dir=/shared/two words"]
    # That of the shell which submits the job would be the same for all tasks.
    result, calls = submit(0, *arguments, TF_CONFIG=tf_config(PAIR))
    assert result.returncode == 0, result.stderr
    (call,) = calls
    place = call.index("dist-f1")
    assert call[place:] == ["dist-f1", "train", *arguments]
    assert call[:2] == ["srun", "TF_CONFIG="]
    assert {"--kill-on-bad-exit=1", "--cpus-per-task=8", "--distribution=block"} <= set(
        call[2:place]
    )


def test_a_job_that_was_asked_to_stop_is_requeued(submit):
    for variables in ({}, {"SLURM_RESTART_COUNT": "99"}):
        result, (call, *others) = submit(143, "--run_dir=run", **variables)
        assert call[0] == "srun"
        assert others == [REQUEUED]
        assert result.returncode == 143


@pytest.mark.parametrize("code", [0, 1, 2, 130, 137, 139, 142, 144, 253])
def test_a_job_that_ended_or_failed_is_not_requeued(submit, code):
    result, calls = submit(code, "--run_dir=run")
    assert [call[0] for call in calls] == ["srun"]
    assert result.returncode == code


def test_a_job_is_not_requeued_for_ever(submit):
    for variables in (
        {"SLURM_RESTART_COUNT": "100"},
        {"SLURM_RESTART_COUNT": "3", "MAX_REQUEUES": "3"},
    ):
        result, calls = submit(143, "--run_dir=run", **variables)
        assert [call[0] for call in calls] == ["srun"]
        assert result.returncode == 143


def test_slurm_reads_all_settings_and_signals_the_tasks():
    lines = pathlib.Path(SCRIPT).read_text().splitlines()
    first = next(i for i, line in enumerate(lines) if line and not line.startswith("#"))
    # It reads them up to the first command.
    assert not any(line.startswith("#SBATCH") for line in lines[first:])
    settings = [line.removeprefix("#SBATCH ") for line in lines if line.startswith("#SBATCH")]
    assert {"--requeue", "--open-mode=append"} <= set(settings)
    # With B: it would be the shell alone, which waits for srun.
    (signalled,) = [one for one in settings if one.startswith("--signal=")]
    name, seconds = signalled.removeprefix("--signal=").split("@")
    assert name == "TERM"
    assert int(seconds) >= 60
