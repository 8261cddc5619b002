"""`configs/kubernetes.yaml` describes a cluster, and its names and policies are consistent."""

import json
import os
import signal
import subprocess
import sys

import pytest
from schedulers import container, manifests, pod_command, pod_variables

from dist_f1.launching import external_cluster
from dist_f1.launching.cluster import Task


@pytest.mark.parametrize("index", [0, 1])
def test_a_pod_passes_all_addresses_and_its_index_to_its_command(index, monkeypatch):
    monkeypatch.setenv("no_grpc_proxy", "")
    prints = [sys.executable, "-c", "import os; print(os.getpid(), os.environ['TF_CONFIG'])"]
    process = subprocess.Popen(
        [*pod_command(), *prints],
        env={**os.environ, **pod_variables(), "JOB_COMPLETION_INDEX": str(index)},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        pid, _, text = process.communicate(timeout=30)[0].partition(" ")
    finally:
        process.kill()
    assert process.returncode == 0
    # The command replaces the process, so it receives the signals.
    assert int(pid) == process.pid
    assert json.loads(text) == {
        "cluster": {"worker": ["dist-f1-0.dist-f1:2222", "dist-f1-1.dist-f1:2222"]},
        "task": {"type": "worker", "index": index},
    }
    monkeypatch.setenv("TF_CONFIG", text)
    assert external_cluster.resolve_task() == Task("worker", index)


def test_names_and_numbers_agree():
    kinds = manifests()
    job, service = kinds["Job"], kinds["Service"]
    pod, variables = job["spec"]["template"]["spec"], pod_variables()
    name = job["metadata"]["name"]
    # NAME-INDEX.SUBDOMAIN resolves to a pod if a headless service of that name selects it.
    assert variables["JOB"] == name == service["metadata"]["name"] == pod["subdomain"]
    assert service["spec"]["clusterIP"] == "None"
    assert service["spec"]["selector"] == {"batch.kubernetes.io/job-name": name}
    assert int(variables["WORKERS"]) == job["spec"]["completions"] == job["spec"]["parallelism"]
    assert job["spec"]["completionMode"] == "Indexed"
    (volume,) = pod["volumes"]
    claim = kinds["PersistentVolumeClaim"]
    assert volume["persistentVolumeClaim"]["claimName"] == claim["metadata"]["name"]
    assert claim["spec"]["accessModes"] == ["ReadWriteMany"]
    (mount,) = container()["volumeMounts"]
    assert mount["name"] == volume["name"]
    (run_dir,) = [flag for flag in container()["args"] if flag.startswith("--run_dir=")]
    assert run_dir.startswith(f"--run_dir={mount['mountPath']}/")


def test_failed_pods_restart_and_pods_stopped_with_a_checkpoint_do_not_count():
    spec = manifests()["Job"]["spec"]
    # Kubernetes accepts the other fields only with Never.
    assert spec["template"]["spec"]["restartPolicy"] == "Never"
    assert spec["backoffLimitPerIndex"] > 0
    assert spec["maxFailedIndexes"] == 0
    evicted, stopped = spec["podFailurePolicy"]["rules"]
    assert evicted["action"] == stopped["action"] == "Ignore"
    assert evicted["onPodConditions"] == [{"type": "DisruptionTarget", "status": "True"}]
    assert stopped["onExitCodes"] == {
        "containerName": container()["name"],
        "operator": "In",
        "values": [128 + signal.SIGTERM],
    }
    assert spec["successPolicy"] == {"rules": [{"succeededIndexes": "0"}]}
