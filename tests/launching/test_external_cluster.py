"""The task of a process in a cluster that `TF_CONFIG` or Slurm describes."""

import json
import os

import pytest
from schedulers import NO_PROXY, slurm, tf_config

from dist_f1.launching import external_cluster
from dist_f1.launching.cluster import Task

PAIR = {"worker": ["a:1", "b:2"]}


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    """Set up an environment without a cluster, and undo the changes of `resolve_task`."""
    for name in [name for name in os.environ if name.startswith("SLURM_")]:
        monkeypatch.delenv(name)
    # monkeypatch restores only variables that it has set.
    monkeypatch.setenv("TF_CONFIG", "")
    monkeypatch.delenv("TF_CONFIG")
    for name in (NO_PROXY, "no_proxy"):
        monkeypatch.setenv(name, "")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    return monkeypatch


def resolve(environment, variables):
    """Return the task, and the addresses of the workers in the new TF_CONFIG."""
    environment.delenv("TF_CONFIG", raising=False)
    for name, value in variables.items():
        environment.setenv(name, value)
    task = external_cluster.resolve_task()
    return task, json.loads(os.environ["TF_CONFIG"])["cluster"]["worker"]


@pytest.mark.parametrize(
    ("cluster", "task_type", "index"),
    [
        (PAIR, "worker", 1),
        ({"chief": ["a:1"], "worker": ["b:2"]}, "chief", 0),
        ({"chief": ["a:1"], "worker": ["b:2"], "ps": ["c:3"]}, "ps", 0),
        # An evaluator is not part of the cluster.
        (PAIR, "evaluator", 0),
    ],
)
def test_tf_config_has_the_task_and_stays_unchanged(environment, cluster, task_type, index):
    text = tf_config(cluster, task_type, index)
    environment.setenv("TF_CONFIG", text)
    assert external_cluster.resolve_task() == Task(task_type, index)
    assert os.environ["TF_CONFIG"] == text


def test_tf_config_has_precedence_over_slurm(environment):
    for name, value in slurm(rank=0).items():
        environment.setenv(name, value)
    environment.setenv("TF_CONFIG", tf_config(PAIR, index=1))
    assert external_cluster.resolve_task() == Task("worker", 1)


@pytest.mark.parametrize(
    "text", [None, "", "{}", tf_config({"worker": ["a:1"]}), tf_config({"chief": ["a:1"]}, "chief")]
)
def test_a_single_task_is_not_a_cluster(environment, text):
    if text is not None:
        environment.setenv("TF_CONFIG", text)
    assert external_cluster.resolve_task() is None


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
        tf_config({"worker": ["a", "b:2"]}),
        json.dumps({"cluster": PAIR}),
    ],
)
def test_an_invalid_tf_config_is_shown_with_the_expected_form(environment, text):
    environment.setenv("TF_CONFIG", text)
    with pytest.raises(ValueError, match=r'Set it to JSON with .*"index": 0') as error:
        external_cluster.resolve_task()
    assert text in str(error.value)


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        ({}, "a,b"),
        ({"no_proxy": "example.com, a"}, "example.com,a,b"),
        # gRPC reads only one of both.
        ({NO_PROXY: "other", "no_proxy": "example.com"}, "other,a,b"),
    ],
)
def test_tasks_are_excluded_from_the_proxy(environment, before, expected):
    environment.setenv("TF_CONFIG", tf_config(PAIR))
    for name, value in before.items():
        environment.setenv(name, value)
    for _ in range(2):
        external_cluster.resolve_task()
        assert os.environ[NO_PROXY] == expected


@pytest.mark.parametrize(
    ("nodes", "per_node", "hosts"),
    [
        ("localhost", "2", ["localhost", "localhost"]),
        ("a,b", "1(x2)", ["a", "b"]),
        ("gpu-[07-08,11]", "1(x3)", ["gpu-07", "gpu-08", "gpu-11"]),
        ("a[1-2],c", "2(x2),1", ["a1", "a1", "a2", "a2", "c"]),
        # Slurm numbers tasks in list order, not in the order of names.
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
        task, workers = resolve(environment, variables)
        assert task == Task("worker", rank)
        assert [worker.rpartition(":")[0] for worker in workers] == hosts
        assert len(set(workers)) == len(workers)


def test_ports_differ_between_jobs_and_steps_and_are_below_ephemeral_ports(environment):
    used = []
    for job, step in ((1, 0), (1, 1), (2, 0), (2, 1), (4_000_000_000, 0)):
        variables = slurm(0, 64, "n1", "64", job, SLURM_STEP_ID=str(step))
        _, workers = resolve(environment, variables)
        used += [int(worker.rpartition(":")[2]) for worker in workers]
    assert len(set(used)) == len(used)
    assert min(used) >= 20000
    assert max(used) < 32768


def test_slurm_assigns_the_gpus(environment):
    environment.setenv("CUDA_VISIBLE_DEVICES", "2,3")
    resolve(environment, slurm(rank=1))
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "2,3"


@pytest.mark.parametrize(
    "variables",
    [
        # A step with one task, and the batch script, which is not in a step.
        slurm(tasks=1, nodes="n1", per_node="1"),
        {"SLURM_JOB_ID": "1", "SLURM_PROCID": "0", "SLURM_NTASKS": "2"},
    ],
)
def test_slurm_with_one_task_is_not_a_cluster(environment, variables):
    for name, value in variables.items():
        environment.setenv(name, value)
    assert external_cluster.resolve_task() is None
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
        # E.g. with srun --distribution=cyclic.
        ({"SLURM_NODEID": "1"}, "Task 0 is on node 1 of n1, n2"),
    ],
)
def test_invalid_slurm_variables_raise(environment, changed, message):
    for name, value in {**slurm(), **changed}.items():
        if value is not None:
            environment.setenv(name, value)
    with pytest.raises(ValueError, match="The Slurm variables describe no valid cluster") as error:
        external_cluster.resolve_task()
    assert message in str(error.value)
    assert "TF_CONFIG" not in os.environ
