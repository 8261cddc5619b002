"""Environments of clusters that a scheduler has made."""

import json
import sys

import yaml
from forking import ROOT

NO_PROXY = "no_grpc_proxy"


def tf_config(cluster, task_type="worker", index=0):
    return json.dumps({"cluster": cluster, "task": {"type": task_type, "index": index}})


def slurm(rank=0, tasks=2, nodes="n[1-2]", per_node="1(x2)", job=1, **others):
    """Return the variables that `srun` sets for a task of a step."""
    return {
        "SLURM_PROCID": str(rank),
        "SLURM_STEP_NUM_TASKS": str(tasks),
        "SLURM_STEP_NODELIST": nodes,
        "SLURM_STEP_TASKS_PER_NODE": per_node,
        "SLURM_JOB_ID": str(job),
        "SLURM_STEP_ID": "0",
        **others,
    }


def manifests():
    """Return the documents of `configs/kubernetes.yaml` by kind."""
    documents = yaml.safe_load_all((ROOT / "configs" / "kubernetes.yaml").read_text())
    return {document["kind"]: document for document in documents}


def container():
    (container,) = manifests()["Job"]["spec"]["template"]["spec"]["containers"]
    return container


def pod_variables():
    return {one["name"]: one["value"] for one in container()["env"]}


def pod_command(address=None):
    """Return the command of the container, with another address of each worker if given."""
    python, option, program = container()["command"]
    assert (python, option) == ("python3", "-c")
    if address:
        before = 'f"{job}-{index}.{job}:{port}"'
        assert before in program
        program = program.replace(before, address)
    return [sys.executable, option, program]
