#!/bin/bash
# Trains on several nodes of a Slurm cluster, one worker a task; docs/clusters.md says how.
#
#     sbatch configs/slurm.sh --config=configs/digits.py --run_dir=/shared/runs/digits
#
# What follows the name of this file goes to `dist-f1 train`. RUN_DIR, and the Python environment
# with dist-f1, must be on a file system that all nodes share.

#SBATCH --job-name=dist-f1
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=8
# A worker uses all GPUs of its task: 1 task with 4 GPUs and 4 tasks with 1 are both right.
# Leave it out to train on CPUs.
#SBATCH --gpus-per-task=1
#SBATCH --time=12:00:00
#SBATCH --output=%x-%j.out
# A requeued job begins this script again under the same id; what it wrote before is kept.
#SBATCH --requeue
#SBATCH --open-mode=append
# Workers are told to stop, with a checkpoint, 120 to 180 s before the time is up: enough for a step
# and for writing a checkpoint. Without `B:` the signal goes to the tasks themselves and not to this
# shell. It could not pass it on: srun that gets SIGTERM kills its tasks at once.
#SBATCH --signal=TERM@120

set -u

# How often in all. An exit code of 143 may also be that of a worker which was ended because another
# one had failed; a job that fails each time should not come back for ever.
: "${MAX_REQUEUES:=100}"

# TF_CONFIG of the shell that submitted the job would be taken for the cluster's.
unset TF_CONFIG

# A worker that fails takes all others along, which could not go on without it. Newer Slurm does not
# pass --cpus-per-task on from above. Tasks are numbered node by node, as dist-f1 expects.
run=(
  srun
  --kill-on-bad-exit=1
  --cpus-per-task="${SLURM_CPUS_PER_TASK:-1}"
  --distribution=block
  --label
)

# For a script of your own:
# "${run[@]}" dist-f1 launch train.py -- "$@"
"${run[@]}" dist-f1 train "$@"
code=$?

# 143 is 128 + SIGTERM: the workers have stopped, with a checkpoint, from which the same command
# goes on. Anything else is the end, or a failure that would come again.
if [ "$code" -eq 143 ] && [ "${SLURM_RESTART_COUNT:-0}" -lt "$MAX_REQUEUES" ]; then
  echo "stopped with a checkpoint; requeueing job $SLURM_JOB_ID"
  scontrol requeue "$SLURM_JOB_ID"
fi
exit "$code"
