#!/bin/bash
# Train on several nodes of a Slurm cluster, with one worker for each task. See docs/how_to/slurm.md.
#
#     sbatch configs/slurm.sh --config=configs/digits.py --run_dir=/shared/runs/digits
#
# The arguments are passed to `dist-f1 train`. The run directory and the Python environment with
# dist-f1 must be on a file system that all nodes share.

#SBATCH --job-name=dist-f1
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=8
# A worker uses all GPUs of its task: 1 task with 4 GPUs and 4 tasks with 1 GPU both work.
# Remove this line to train on CPUs.
#SBATCH --gpus-per-task=1
#SBATCH --time=12:00:00
#SBATCH --output=%x-%j.out
# A requeued job runs this script again under the same id. Keep its earlier output.
#SBATCH --requeue
#SBATCH --open-mode=append
# Ask the workers to stop, with a checkpoint, 120 to 180 s before the time limit: enough for a step
# and a checkpoint. Without `B:` Slurm signals the tasks and not this shell, which could not forward
# the signal: on SIGTERM, srun kills its tasks immediately.
#SBATCH --signal=TERM@120

set -u

# A worker that was stopped because another one failed also exits with code 143, so limit the number
# of restarts of a job that always fails.
: "${MAX_REQUEUES:=100}"

# TF_CONFIG of the submitting shell would override the cluster of Slurm.
unset TF_CONFIG

# Stop all workers when one fails: they cannot continue without it. Newer versions of Slurm do not
# inherit --cpus-per-task. dist-f1 expects tasks that are numbered node by node.
run=(
  srun
  --kill-on-bad-exit=1
  --cpus-per-task="${SLURM_CPUS_PER_TASK:-1}"
  --distribution=block
  --label
)

# To run your own script:
# "${run[@]}" dist-f1 launch train.py -- "$@"
"${run[@]}" dist-f1 train "$@"
code=$?

# 143 is 128 + SIGTERM: the workers stopped with a checkpoint, and the same command resumes from it.
# Any other code means success, or a failure that would repeat.
if [ "$code" -eq 143 ] && [ "${SLURM_RESTART_COUNT:-0}" -lt "$MAX_REQUEUES" ]; then
  echo "stopped with a checkpoint; requeueing job $SLURM_JOB_ID"
  scontrol requeue "$SLURM_JOB_ID"
fi
exit "$code"
