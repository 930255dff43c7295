#!/bin/sh
# A Slurm of one machine in a folder of its own, on the loopback address alone, for tests and for trying out commands.
#
#   scripts/slurm_local.sh start FOLDER    prints the line that makes sbatch, srun and squeue find it
#   scripts/slurm_local.sh stop FOLDER     stops what this folder's pid files name
#
# Needs root and Debian's slurm-wlm and munge, no systemd: apt-get install slurm-wlm munge
# A requeued job waits CRED_EXPIRE seconds (Slurm's own default is 120) before it starts again.
set -eu

usage() { echo "usage: $0 start|stop FOLDER" >&2; exit 2; }
[ $# -eq 2 ] || usage
action=$1
mkdir -p "$2"
folder=$(cd "$2" && pwd)
CRED_EXPIRE=${CRED_EXPIRE:-10}
base=${PORT:-26817}
export SLURM_CONF="$folder/slurm.conf"

need() {
    for program in munged slurmctld slurmd sbatch; do
        PATH="$PATH:/usr/sbin" command -v "$program" >/dev/null || {
            echo "$program is missing: apt-get install slurm-wlm munge" >&2
            exit 1
        }
    done
    [ "$(id -u)" = 0 ] || { echo "slurmd starts jobs as their users, which takes root" >&2; exit 1; }
}

alive() { [ -s "$folder/$1.pid" ] && kill -0 "$(cat "$folder/$1.pid")" 2>/dev/null; }

end() {
    alive "$1" || return 0
    pid=$(cat "$folder/$1.pid")
    kill "$pid"
    for _ in $(seq 100); do
        grep -q '^State:.[^ZX]' "/proc/$pid/status" 2>/dev/null || return 0
        sleep 0.1
    done
    kill -9 "$pid"
}

stop() {
    if alive slurmctld && alive slurmd; then
        scancel --user=root
        for _ in $(seq 300); do
            [ -n "$(squeue --noheader --states=all --format=%T | grep -E 'RUNNING|COMPLETING|PENDING')" ] || break
            sleep 0.1
        done
    fi
    for daemon in slurmd slurmctld munged; do end "$daemon"; done
}

configure() {
    mkdir -p state spool
    memory=$(awk '/^MemTotal/ { print int($2 / 1024 * 0.9) }' /proc/meminfo)
    [ -s munge.key ] || (umask 077; head -c 1024 /dev/urandom >munge.key)
    cat >slurm.conf <<EOF
ClusterName=loop
SlurmctldHost=localhost(127.0.0.1)
SlurmctldPort=$base
SlurmdPort=$((base + 1))
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$folder/munge.socket,cred_expire=$CRED_EXPIRE
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd.pid
SlurmctldLogFile=$folder/slurmctld.log
SlurmdLogFile=$folder/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
SchedulerType=sched/backfill
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
ReturnToService=2
KillWait=5
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
NodeName=localhost NodeAddr=127.0.0.1 CPUs=$(nproc) RealMemory=$memory State=UNKNOWN
PartitionName=debug Nodes=localhost Default=YES MaxTime=INFINITE State=UP
EOF
}

start() {
    need
    PATH="$PATH:/usr/sbin"
    cd "$folder"
    alive slurmctld && { echo "$folder: Slurm runs there already" >&2; exit 1; }
    configure
    chmod 755 "$folder"
    munged --force --key-file="$folder/munge.key" --socket="$folder/munge.socket" --pid-file="$folder/munged.pid" \
        --log-file="$folder/munged.log" --seed-file="$folder/munge.seed"
    slurmctld -c -f "$SLURM_CONF"
    slurmd -f "$SLURM_CONF" -N localhost
    for _ in $(seq 300); do
        if [ "$(sinfo --noheader --format=%t 2>/dev/null)" = idle ]; then
            echo "export SLURM_CONF=$SLURM_CONF"
            exit 0
        fi
        sleep 0.1
    done
    stop
    echo "$folder: no idle node after 30 s; see slurmctld.log and slurmd.log there" >&2
    exit 1
}

case $action in
    start) start ;;
    stop) stop ;;
    *) usage ;;
esac
