#!/usr/bin/env bash
# Runs the workflow on a Slurm of this one machine; see README.md beside this file.
set -euo pipefail
top=$(cd "$(dirname "$0")/../.." && pwd)
work=$top/build/cluster
state=/var/tmp/seqlift-slurm
name=$(hostname -s)

[ "$(id -u)" = 0 ] || { echo "$0: run it as root: it starts services" >&2; exit 1; }
if ! command -v slurmctld > /dev/null || ! command -v munged > /dev/null; then
    apt-get update -q
    DEBIAN_FRONTEND=noninteractive apt-get install -q -y slurm-wlm munge
fi

stop() {
    [ ! -f "$state/slurmd.pid" ] || kill "$(cat "$state/slurmd.pid")" || true
    [ ! -f "$state/slurmctld.pid" ] || kill "$(cat "$state/slurmctld.pid")" || true
    pkill -x munged || true
}
trap stop EXIT

# munge: one key, readable by its user alone
install -d -o munge -g munge -m 0755 /run/munge
install -d -o munge -g munge -m 0700 /etc/munge /var/lib/munge /var/log/munge
[ -s /etc/munge/munge.key ] || dd if=/dev/urandom of=/etc/munge/munge.key bs=1024 count=1 status=none
chown munge:munge /etc/munge/munge.key
chmod 0400 /etc/munge/munge.key
pgrep -x munged > /dev/null || runuser -u munge -- "$(command -v munged)"

# slurm: no cgroups and no accounting, so that it runs in a container
rm -rf "$state" "$work"
mkdir -p "$state/spool" /etc/slurm "$work"
memory=$(awk '/MemTotal/ { print int($2 / 1024 * 0.9) }' /proc/meminfo)
cat > /etc/slurm/slurm.conf << CONF
ClusterName=one
SlurmctldHost=$name
SlurmUser=root
AuthType=auth/munge
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
StateSaveLocation=$state
SlurmdSpoolDir=$state/spool
SlurmctldPidFile=$state/slurmctld.pid
SlurmdPidFile=$state/slurmd.pid
SlurmctldLogFile=$work/slurmctld.log
SlurmdLogFile=$work/slurmd.log
ReturnToService=2
MinJobAge=3600
NodeName=$name CPUs=$(nproc) RealMemory=$memory State=UNKNOWN
PartitionName=main Nodes=$name Default=YES MaxTime=INFINITE State=UP
CONF
slurmctld
slurmd
for _ in $(seq 60); do
    ! sinfo -h -o %t 2> /dev/null | grep -q idle || break
    sleep 1
done
sinfo

# the workflow through Slurm, and the same scores by one process
mkdir "$work/slurm" "$work/one"
mkdir -p "$work/slurm/seqlift"
cp -r "$top/Snakefile" "$top/examples" "$top/data" "$work/slurm/"
cp -r "$top/seqlift/workflow" "$work/slurm/seqlift/" # the schema
cd "$work/slurm"
snakemake --profile examples/profiles/slurm --configfile examples/config.yaml \
    --slurm-status-command squeue --latency-wait 10 2>&1 | tee "$work/snakemake.log"
cd "$work/one"
cp -r "$top/data" .
seqlift score data/demo.h5 data/demo.narrowPeak -g data/demo.fa --target tasks:0 -o demo -q
for kind in h5 bw regions.bed; do
    cmp "demo.$kind" "$work/slurm/results/demo/demo.$kind"
    echo "the same bytes: demo.$kind, $(stat -c %s "demo.$kind") of them"
done
