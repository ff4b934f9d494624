#!/usr/bin/env bash
# Scores one share of the regions in each task of a Slurm array: sbatch --array=1-8 with this script,
# and behind it what `seqlift score` takes, -o among it. The shares are then merged (docs/how-to/cluster.md):
#   seqlift merge PREFIX.*-of-8*.h5 -o PREFIX
# A task that was ended goes on where it was when the same array is submitted again; finished ones
# say so and end. SHARDS=8 sbatch --array=3 does one task of eight again.
#SBATCH --job-name=seqlift
#SBATCH --cpus-per-task=2
#SBATCH --mem=4G
#SBATCH --time=12:00:00
#SBATCH --signal=TERM@120
#SBATCH --output=seqlift-%A_%a.log
set -euo pipefail

fail() {
    echo "slurm_array.sh: $1" >&2
    exit 2
}
[ $# -ge 2 ] || fail "give a model and regions, as for seqlift score, and -o PREFIX"
[ -n "${SLURM_ARRAY_TASK_ID:-}" ] || fail "no task of an array; submit it with sbatch --array=1-8"
shards=${SHARDS:-${SLURM_ARRAY_TASK_MAX:-0}}
if [ -z "${SHARDS:-}" ]; then
    [ "${SLURM_ARRAY_TASK_MIN:-1}" = 1 ] && [ "${SLURM_ARRAY_TASK_COUNT:-0}" = "$shards" ] ||
        fail "an array of some tasks only; say of how many: SHARDS=8 sbatch --array=3"
fi
exec seqlift score "$@" --shard "$SLURM_ARRAY_TASK_ID-of-$shards" --quiet
