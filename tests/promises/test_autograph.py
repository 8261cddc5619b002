"""AutoGraph, which `tf.function` applies, prints nothing about this library."""

import os
import subprocess
import sys

import pytest
from forking import ROOT
from tiers import slow

_PROGRAM = ROOT / "tests/promises/autograph_program.py"


def messages(*arguments):
    path = os.pathsep.join(map(str, [ROOT, ROOT / "tests/support"]))
    environment = {**os.environ, "PYTHONPATH": path, "CUDA_VISIBLE_DEVICES": "-1"}
    environment.pop("AUTOGRAPH_VERBOSITY", None)
    environment.pop("TF_CPP_MIN_LOG_LEVEL", None)
    finished = subprocess.run(
        [sys.executable, str(_PROGRAM), *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert not finished.returncode, finished.stderr
    return [x for x in (finished.stdout + finished.stderr).splitlines() if "autograph" in x.lower()]


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float16", *map(slow, ["bfloat16", "float32", "float64"])])
def test_no_metric_of_any_dtype_makes_autograph_warn(dtype):
    assert not messages(dtype)


@pytest.mark.exhaustive
@pytest.mark.slow
def test_a_warning_of_autograph_is_noticed():
    assert messages("float16", "--with_lambdas")
