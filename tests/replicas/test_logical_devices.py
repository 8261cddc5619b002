"""The CPU as several devices; TensorFlow fixes their number when it starts."""

import subprocess
import sys

import pytest

from dist_f1.testing import split_cpu


def run(*lines):
    """What a process of its own prints, or how it ends."""
    code = "\n".join(("import tensorflow as tf", "from dist_f1.testing import split_cpu", *lines))
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)


COUNT = 'print(len(tf.config.list_logical_devices("CPU")))'


def test_it_splits_and_asks_for_more_before_tensorflow_starts_and_fewer_is_no_error():
    ended = run("split_cpu(2)", "split_cpu(4)", "split_cpu(3)", COUNT, "split_cpu(1)", COUNT)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.split() == ["4", "4"]


def test_it_refuses_once_tensorflow_has_started_with_the_reason_and_the_remedy():
    ended = run("tf.constant(1) + 1", "split_cpu(1)", "split_cpu(2)")
    assert ended.returncode != 0
    assert "RuntimeError: TensorFlow has already started with 1 logical CPU device" in ended.stderr
    assert "before anything is computed" in ended.stderr


@pytest.mark.parametrize("bad", [0, -1, 2.0, "2", None, True])
def test_what_is_no_number_of_devices_is_refused(bad):
    with pytest.raises(ValueError, match="positive integer"):
        split_cpu(bad)


def test_as_many_as_there_are_is_no_error():
    split_cpu(8)
