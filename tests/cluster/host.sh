#!/usr/bin/env bash
# One host of lab.sh, already in namespaces of its own: host.sh LAB NAME ADDRESS SHARE...
set -euo pipefail
lab=$1 name=$2 address=$3
shift 3
here=$(cd "$(dirname "$0")" && pwd)
own=$lab/$name

hostname "$name"
mount --make-rprivate /
mount --bind "$lab/etc/passwd" /etc/passwd
mount --bind "$lab/etc/hosts" /etc/hosts
mount -t tmpfs -o size=1200m tmpfs /dev/shm
mount -t tmpfs tmpfs /run
mkdir -p /run/sshd "$own"
# shellcheck source=tests/cluster/private.sh
source "$here/private.sh"
private_folders "$own" "$lab" "$@"

# A user as Debian makes one, on a machine with two GPUs and four cores: Ray is told of them, since they are not here to be found.
mkdir -p "/home/$LAB_USER"
cat > "/home/$LAB_USER/.bashrc" << 'END'
case $- in *i*) ;; *) return ;; esac
export RAY_OVERRIDE_RESOURCES='{"CPU": 4, "GPU": 2}' RAY_USAGE_STATS_ENABLED=0 MLFLOW_DISABLE_TELEMETRY=true DO_NOT_TRACK=true
END
if [ -e "$lab/home" ]; then cp -rT "$lab/home" "/home/$LAB_USER"; fi # what else its user finds at home
chown -R "$LAB_UID:$LAB_UID" "/home/$LAB_USER"

ip link set lo up
until ip link show eth0 > /dev/null 2>&1; do sleep 0.02; done
ip address add "$address/$LAB_PREFIX" dev eth0
ip link set eth0 up
ip route add default via "$LAB_GATEWAY" # leads nowhere: Ray takes 127.0.0.1 for its address where there is no route

ssh-keygen -q -t ed25519 -N '' -f "$own/hostkey"
cat > /run/sshd_config << END
Port 22
HostKey $own/hostkey
AuthorizedKeysFile $lab/key.pub
PasswordAuthentication no
UsePAM no
StrictModes no
UseDNS no
PidFile none
END
exec env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin /usr/sbin/sshd -D -e -f /run/sshd_config 2>> "$own/sshd.log"
