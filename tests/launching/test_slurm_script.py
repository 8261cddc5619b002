"""`configs/slurm.sh` trains with its arguments and requeues a job that was asked to stop."""

import os
import subprocess

import pytest
from forking import ROOT
from schedulers import tf_config

SCRIPT = ROOT / "configs" / "slurm.sh"
RECORDS = """#!/bin/bash
printf '%s\\0' "${0##*/}" "TF_CONFIG=${TF_CONFIG:-}" "$@" >> "$RECORD"
printf '\\n' >> "$RECORD"
if [ "${0##*/}" = srun ]; then exit "$SRUN_CODE"; fi
"""


@pytest.fixture
def submit(tmp_path):
    """Run the batch script with commands that only record their arguments."""
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


def test_the_batch_script_is_valid_bash():
    result = subprocess.run(["bash", "-n", SCRIPT], capture_output=True, timeout=30, check=False)
    assert (result.returncode, result.stderr) == (0, b"")


def test_the_batch_script_passes_its_arguments_to_the_job(submit):
    arguments = ["--config=configs/digits.py", "--run_dir=/shared/two words"]
    # TF_CONFIG of the submitting shell would be the same for all tasks.
    result, calls = submit(0, *arguments, TF_CONFIG=tf_config({"worker": ["a:1", "b:2"]}))
    assert result.returncode == 0, result.stderr
    (call,) = calls
    start = call.index("dist-f1")
    assert call[start:] == ["dist-f1", "train", *arguments]
    assert call[:2] == ["srun", "TF_CONFIG="]
    assert {"--kill-on-bad-exit=1", "--cpus-per-task=8", "--distribution=block"} <= set(
        call[2:start]
    )


def test_a_stopped_job_is_requeued(submit):
    for variables in ({}, {"SLURM_RESTART_COUNT": "99"}):
        result, (call, *others) = submit(143, "--run_dir=run", **variables)
        assert call[0] == "srun"
        assert others == [REQUEUED]
        assert result.returncode == 143


@pytest.mark.parametrize("code", [0, 1, 2, 137, 142, 144])
def test_a_finished_or_failed_job_is_not_requeued(submit, code):
    result, calls = submit(code, "--run_dir=run")
    assert [call[0] for call in calls] == ["srun"]
    assert result.returncode == code


def test_a_job_is_requeued_a_limited_number_of_times(submit):
    for variables in (
        {"SLURM_RESTART_COUNT": "100"},
        {"SLURM_RESTART_COUNT": "3", "MAX_REQUEUES": "3"},
    ):
        result, calls = submit(143, "--run_dir=run", **variables)
        assert [call[0] for call in calls] == ["srun"]
        assert result.returncode == 143


def test_slurm_reads_all_settings_and_signals_the_tasks():
    lines = SCRIPT.read_text().splitlines()
    first = next(i for i, line in enumerate(lines) if line and not line.startswith("#"))
    # Slurm stops reading at the first command.
    assert not any(line.startswith("#SBATCH") for line in lines[first:])
    settings = [line.removeprefix("#SBATCH ") for line in lines if line.startswith("#SBATCH")]
    assert {"--requeue", "--open-mode=append"} <= set(settings)
    # With B: Slurm would signal only the shell, which waits for srun.
    (signalled,) = [one for one in settings if one.startswith("--signal=")]
    name, seconds = signalled.removeprefix("--signal=").split("@")
    assert name == "TERM"
    assert int(seconds) >= 60
