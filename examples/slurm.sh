#!/usr/bin/env bash
# One sweep on Slurm: `sbatch examples/slurm.sh dcgan --trials 200`. Ray starts on every node of the job, the sweep runs on the first,
# and all ends together. Checked by bash and shellcheck, never run.
# Wants a Python environment with gantune, and runs, on a file system that all nodes share, and whole nodes, since `ray symmetric-run`
# refuses one that has a Ray already and ends all of them when it is done. After the time was up: `sbatch examples/slurm.sh --resume dcgan-1`.
#SBATCH --job-name=gantune
#SBATCH --nodes=4
#SBATCH --ntasks-per-node=1
#SBATCH --gpus-per-node=2
#SBATCH --cpus-per-task=16
#SBATCH --exclusive
#SBATCH --time=12:00:00
#SBATCH --output=gantune-%j.log
set -euo pipefail

shared=$HOME/gantune                              # environment in $shared/venv, runs in $shared/runs
# shellcheck disable=SC1091
source "$shared/venv/bin/activate"
export GANTUNE_RUNS=$shared/runs GANTUNE_CACHE=$shared/gantune-cache
# Runs are recorded in $GANTUNE_RUNS/mlflow.db; with a server of yours: export MLFLOW_TRACKING_URI=http://...

case "${1:?a sweep such as dcgan, or --resume NAME}" in
  --resume) verb=(resume "${@:2}") ;;
  *) verb=(sweep "$@") ;;
esac

head=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)
# Not --ip-address, which on many systems is 127.0.1.1. Where the first address is in a network that nodes do not share, name another.
address=$(srun --nodes=1 --ntasks=1 --nodelist="$head" hostname --all-ip-addresses | cut -d ' ' -f 1):6379

# On all nodes alike: a head turns Ray's tokens on by itself where a Ray of this machine alone has left one in ~/.ray.
export RAY_AUTH_MODE=disabled
# Trials share the cores, one thread each; the sweep joins this Ray, whose nodes may take longer than half a minute to come together.
export OMP_NUM_THREADS=1 RAY_ADDRESS=$address RAY_SYMMETRIC_RUN_CLUSTER_WAIT_TIMEOUT=300
srun --kill-on-bad-exit=0 ray symmetric-run --address "$address" --min-nodes "$SLURM_JOB_NUM_NODES" \
  --num-cpus "$SLURM_CPUS_PER_TASK" --num-gpus "$SLURM_GPUS_ON_NODE" -- python -m gantune "${verb[@]}"
