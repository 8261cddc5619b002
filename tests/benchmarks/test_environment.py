"""Devices, the header of results, and memory."""

import json
import os

import numpy as np
import pytest
import tensorflow as tf

import dist_f1
from benchmarks import environment


def test_fewer_devices_can_be_set_up_at_any_time():
    names = environment.set_up(3)
    assert len(names) <= 3
    with tf.device(names[-1]):
        assert names[-1] in tf.constant(1).device.replace("device:", "")


@pytest.mark.skipif(bool(tf.config.list_physical_devices("GPU")), reason="splits the CPU")
def test_more_devices_after_the_start_raise_with_a_remedy():
    tf.constant(1)
    with pytest.raises(RuntimeError, match=r"already started.*Call environment.set_up\(\) before"):
        environment.set_up(99)


@pytest.mark.skipif(bool(tf.config.list_physical_devices("GPU")), reason="splits the CPU")
def test_logical_devices_are_labelled_as_such():
    label = environment.label()
    assert label.startswith("8 logical CPU devices on ")
    assert label.endswith("(no GPU)")


def test_gpus_are_labelled_by_name(monkeypatch):
    monkeypatch.setattr(tf.config, "get_visible_devices", lambda kind: ["a", "b", "c"])
    names = {"a": "NVIDIA A100", "b": "NVIDIA A100", "c": "NVIDIA T4"}
    monkeypatch.setattr(
        tf.config.experimental, "get_device_details", lambda gpu: {"device_name": names[gpu]}
    )
    assert environment.label() == "2 x NVIDIA A100, 1 x NVIDIA T4"


def test_the_header_describes_the_environment_without_secrets(monkeypatch):
    monkeypatch.setenv("XLA_FLAGS", "--xla_hlo_profile=false")
    monkeypatch.setenv("TF_TOKEN_registry", "a secret")
    header = environment.header({"seed": 7})
    json.dumps(header, allow_nan=False)
    assert header["versions"]["numpy"] == np.__version__
    assert header["versions"]["tensorflow"].startswith(tf.__version__.partition("-")[0])
    assert header["dist_f1"] == dist_f1.__version__
    assert header["device"] == environment.label()
    assert header["environment"]["XLA_FLAGS"] == "--xla_hlo_profile=false"
    assert "TF_TOKEN_registry" not in header["environment"]
    assert header["config"] == {"seed": 7}
    assert header["system"]["cores"] >= 1
    assert header["system"]["memory_mb"] > 100
    assert header.keys() >= {"git", "peers", "gpus", "driver", "build", "command", "date"}


def test_git_and_drivers_are_optional(monkeypatch):
    monkeypatch.setenv("PATH", "")
    header = environment.header()
    assert header["git"] == {"hash": None, "changed": False}
    assert header["driver"] == []


@pytest.mark.slow
def test_peak_memory_grows_with_allocations():
    before = environment.peak_memory_mb()["host"]
    used = np.ones(int(before * 2**20 / 8) + 50 * 2**17)
    assert environment.peak_memory_mb()["host"] > before + 40.0
    del used


@pytest.mark.skipif(not os.access("/proc/self/clear_refs", os.W_OK), reason="only on Linux")
def test_the_peak_can_be_reset():
    used = np.ones(100 * 2**17)
    peak = environment.peak_memory_mb()["host"]
    del used
    environment.reset_peak_memory()
    assert environment.peak_memory_mb()["host"] < peak - 50.0
