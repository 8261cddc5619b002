"""The place of each worker: addresses, TF_CONFIG, and a share of the GPUs."""

import json
import socket

import pytest
import tensorflow as tf

from dist_f1.launching import cluster


def test_each_worker_is_told_all_addresses_and_its_own_place(monkeypatch):
    tasks = cluster.workers(3)
    for index, variables in enumerate(cluster.environments(tasks, [7, 8, 9], [])):
        monkeypatch.setenv("TF_CONFIG", variables["TF_CONFIG"])
        # As TensorFlow reads it.
        resolver = tf.distribute.cluster_resolver.TFConfigClusterResolver()
        addresses = ["127.0.0.1:7", "127.0.0.1:8", "127.0.0.1:9"]
        assert resolver.cluster_spec().as_dict() == {"worker": addresses}
        assert (resolver.task_type, resolver.task_id) == ("worker", index)


@pytest.mark.parametrize(
    ("gpus", "workers", "shares"),
    [
        (["0", "1", "2", "3"], 2, ["0,1", "2,3"]),
        (["0", "1", "2", "3"], 4, ["0", "1", "2", "3"]),
        (["4", "6", "7"], 2, ["4", "6"]),
        (["GPU-a", "GPU-b"], 1, ["GPU-a,GPU-b"]),
    ],
)
def test_gpus_are_divided_into_equal_shares_that_do_not_overlap(gpus, workers, shares):
    places = cluster.environments(cluster.workers(workers), range(workers), gpus)
    assert [place["CUDA_VISIBLE_DEVICES"] for place in places] == shares


def test_servers_and_the_chief_of_servers_get_no_gpu():
    tasks = cluster.parameter_servers(2)
    places = cluster.environments(tasks, range(4), ["0", "1"])
    shares = {task.name: p["CUDA_VISIBLE_DEVICES"] for task, p in zip(tasks, places, strict=True)}
    assert shares == {"chief 0": "-1", "worker 0": "0", "worker 1": "1", "ps 0": "-1"}
    assert set(json.loads(places[0]["TF_CONFIG"])["cluster"]) == {"chief", "worker", "ps"}


def test_more_workers_than_gpus_are_refused_with_a_remedy():
    with pytest.raises(ValueError, match=r"2 GPUs for 3 workers.*--workers=2.*CUDA_VISIBLE"):
        cluster.environments(cluster.workers(3), range(3), ["0", "1"])


def test_without_gpus_the_variable_is_left_and_the_cpu_split():
    (place,) = cluster.environments(cluster.workers(1), [1], [], cpu_devices=4)
    assert "CUDA_VISIBLE_DEVICES" not in place
    assert place["DIST_F1_CPU_DEVICES"] == "4"


def test_free_ports_are_different_and_can_be_listened_on():
    ports = cluster.free_ports(20)
    assert len(set(ports)) == 20
    for port in ports:
        with socket.socket() as one:
            one.bind((cluster.HOST, port))
            assert not cluster.listens(port)
            one.listen()
            assert cluster.listens(port)


def test_a_fixed_port_that_is_taken_is_named():
    with socket.socket() as taken:
        taken.bind((cluster.HOST, 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ValueError, match=rf"port {port} is taken .* --port"):
            cluster.fixed_ports(port - 1, 2)
    with pytest.raises(ValueError, match="no 3 ports up to 65535"):
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
def test_workers_call_each_other_without_a_proxy(before, after, monkeypatch):
    for name in ("no_proxy", "no_grpc_proxy"):
        monkeypatch.delenv(name, raising=False)
    for name, value in before.items():
        monkeypatch.setenv(name, value)
    (place,) = cluster.environments(cluster.workers(1), [1], [])
    assert place["no_grpc_proxy"] == after
