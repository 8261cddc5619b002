"""The CPU is split into logical devices, unless TensorFlow has already started with fewer."""

import subprocess
import sys

import pytest

from dist_f1.testing import split_cpu


def run(*lines):
    """Run code in a separate process."""
    code = "\n".join(("import tensorflow as tf", "from dist_f1.testing import split_cpu", *lines))
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)


COUNT = 'print(len(tf.config.list_logical_devices("CPU")))'


@pytest.mark.slow
def test_the_number_may_grow_before_tensorflow_starts_and_a_smaller_one_is_ignored():
    ended = run("split_cpu(2)", "split_cpu(4)", "split_cpu(3)", COUNT, "split_cpu(1)", COUNT)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.split() == ["4", "4"]


@pytest.mark.slow
def test_splitting_after_tensorflow_has_started_raises_with_the_remedy():
    ended = run("tf.constant(1) + 1", "split_cpu(1)", "split_cpu(2)")
    assert ended.returncode != 0
    assert "RuntimeError: TensorFlow has already started with 1 logical CPU device" in ended.stderr
    assert "before TensorFlow computes anything" in ended.stderr


@pytest.mark.parametrize("bad", [0, -1, 2.0, "2", None, True])
def test_an_invalid_number_of_devices_raises(bad):
    with pytest.raises(ValueError, match="positive integer"):
        split_cpu(bad)


def test_an_existing_number_of_devices_is_accepted_and_a_larger_one_raises():
    split_cpu(8)
    with pytest.raises(RuntimeError, match=r"started with 8 .*no longer be split into 9.*before"):
        split_cpu(9)
