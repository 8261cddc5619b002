"""The environment of each worker: addresses, TF_CONFIG and GPUs."""

import json
import socket

import pytest
import tensorflow as tf

from dist_f1.launching import cluster


def test_tf_config_has_all_addresses_and_the_task(monkeypatch):
    tasks = cluster.workers(3)
    places = cluster.environments(cluster.local_addresses(tasks, [7, 8, 9]), [])
    for index, variables in enumerate(places):
        monkeypatch.setenv("TF_CONFIG", variables["TF_CONFIG"])
        resolver = tf.distribute.cluster_resolver.TFConfigClusterResolver()
        addresses = ["127.0.0.1:7", "127.0.0.1:8", "127.0.0.1:9"]
        assert resolver.cluster_spec().as_dict() == {"worker": addresses}
        assert (resolver.task_type, resolver.task_id) == ("worker", index)


@pytest.mark.parametrize(
    ("gpus", "workers", "expected"),
    [
        (["0", "1", "2", "3"], 2, ["0,1", "2,3"]),
        (["0", "1", "2", "3"], 4, ["0", "1", "2", "3"]),
        (["4", "6", "7"], 2, ["4", "6"]),
        (["GPU-a", "GPU-b"], 1, ["GPU-a,GPU-b"]),
    ],
)
def test_gpus_are_divided_equally(gpus, workers, expected):
    addresses = cluster.local_addresses(cluster.workers(workers), range(workers))
    places = cluster.environments(addresses, gpus)
    assert [place["CUDA_VISIBLE_DEVICES"] for place in places] == expected


def test_servers_and_the_chief_of_servers_get_no_gpu():
    tasks = cluster.parameter_servers(2)
    places = cluster.environments(cluster.local_addresses(tasks, range(4)), ["0", "1"])
    gpus = {task.name: p["CUDA_VISIBLE_DEVICES"] for task, p in zip(tasks, places, strict=True)}
    assert gpus == {"chief 0": "-1", "worker 0": "0", "worker 1": "1", "ps 0": "-1"}
    assert set(json.loads(places[0]["TF_CONFIG"])["cluster"]) == {"chief", "worker", "ps"}


def test_more_workers_than_gpus_raise():
    addresses = cluster.local_addresses(cluster.workers(3), range(3))
    with pytest.raises(ValueError, match=r"3 workers cannot share 2 GPUs.*--workers=2.*CUDA"):
        cluster.environments(addresses, ["0", "1"])


def test_the_gpus_of_a_host_are_divided_among_its_own_workers():
    tasks = cluster.workers(4)
    addresses = {task: f"{host}:7" for task, host in zip(tasks, "aabb", strict=True)}
    places = cluster.environments(addresses, ["0", "1"], local=tasks[2:])
    assert [place["CUDA_VISIBLE_DEVICES"] for place in places] == ["0", "1"]
    config = json.loads(places[0]["TF_CONFIG"])
    assert config["task"] == {"type": "worker", "index": 2}
    assert config["cluster"]["worker"] == ["a:7", "a:7", "b:7", "b:7"]
    assert places[0]["no_grpc_proxy"] == "a,b"


def test_without_gpus_the_cpu_is_split():
    addresses = cluster.local_addresses(cluster.workers(1), [1])
    (place,) = cluster.environments(addresses, [], cpu_devices=4)
    assert "CUDA_VISIBLE_DEVICES" not in place
    assert place["DIST_F1_CPU_DEVICES"] == "4"


def test_free_ports_are_different_and_can_be_listened_on():
    ports = cluster.free_ports(20)
    assert len(set(ports)) == 20
    for port in ports:
        with socket.socket() as one:
            one.bind((cluster.HOST, port))
            assert not cluster.is_listening(port)
            one.listen()
            assert cluster.is_listening(port)


def test_a_fixed_port_in_use_is_named():
    with socket.socket() as server:
        server.bind((cluster.HOST, 0))
        server.listen()
        port = server.getsockname()[1]
        with pytest.raises(ValueError, match=rf"Port {port} is in use .* --port"):
            cluster.fixed_ports(port - 1, 2)
    with pytest.raises(ValueError, match="fewer than 3 ports"):
        cluster.fixed_ports(65534, 3)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({}, "127.0.0.1"),
        ({"no_proxy": "a.org, b"}, "a.org,b,127.0.0.1"),
        ({"no_proxy": "a.org", "no_grpc_proxy": "c"}, "c,127.0.0.1"),
        ({"no_grpc_proxy": "127.0.0.1"}, "127.0.0.1"),
    ],
)
def test_workers_are_excluded_from_the_proxy(before, after, monkeypatch):
    for name in ("no_proxy", "no_grpc_proxy"):
        monkeypatch.delenv(name, raising=False)
    for name, value in before.items():
        monkeypatch.setenv(name, value)
    (place,) = cluster.environments(cluster.local_addresses(cluster.workers(1), [1]), [])
    assert place["no_grpc_proxy"] == after


@pytest.mark.parametrize("visible", ["", "-1"])
def test_hidden_gpus_are_not_used(visible, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert cluster.visible_gpus() == []


def test_gpus_keep_their_ids(monkeypatch):
    monkeypatch.setattr(cluster.glob, "glob", lambda pattern: ["/dev/nvidia0"])
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: ["a", "b"])
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,6,8")
    assert cluster.visible_gpus() == ["4", "6"]
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    assert cluster.visible_gpus() == ["0", "1"]
