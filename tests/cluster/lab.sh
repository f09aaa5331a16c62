#!/usr/bin/env bash
# Several hosts on one machine, each with its own address, name, processes, home, /tmp and sshd, and a laptop that reaches them:
#   unshare --net --mount --uts --pid --fork --kill-child --mount-proc bash lab.sh LAB COUNT SHARE...
# LAB is an empty folder; SHARE... are what every host sees at its usual path. No packet leaves it, and with that `unshare` everything ends.
set -euo pipefail
lab=$1 count=$2
shift 2
here=$(cd "$(dirname "$0")" && pwd)
export LAB_USER=gan LAB_UID=61000

hostname laptop
mount --make-rprivate /
ip link set lo up
ip link add br0 type bridge
ip address add 10.77.0.1/24 dev br0
ip link set br0 up

mkdir -p "$lab/etc" "$lab/shared"
chmod 755 "$lab"
chown "$LAB_UID:$LAB_UID" "$lab/shared"
ssh-keygen -q -t ed25519 -N '' -f "$lab/key"
echo "127.0.0.1 localhost" > "$lab/etc/hosts"
for number in $(seq 0 $((count - 1))); do echo "10.77.0.1$number host$number" >> "$lab/etc/hosts"; done
{ cat /etc/passwd && echo "$LAB_USER:*:$LAB_UID:$LAB_UID::/home/$LAB_USER:/bin/bash"; } > "$lab/etc/passwd"

for number in $(seq 0 $((count - 1))); do
  unshare --net --mount --uts --pid --fork --kill-child --mount-proc \
    bash "$here/host.sh" "$lab" "host$number" "10.77.0.1$number" "$@" &
  host=$!
  until [ "$(readlink "/proc/$host/ns/net")" != "$(readlink /proc/$$/ns/net)" ]; do sleep 0.02; done
  ip link add "veth$number" type veth peer name eth0 netns "$host"
  ip link set "veth$number" master br0 up
  until pgrep -P "$host" > "$lab/host$number.init"; do sleep 0.02; done
done

# shellcheck source=tests/cluster/private.sh
source "$here/private.sh"
private_folders "$lab/laptop" "$lab" "$here" "$@"
touch "$lab/ready"
sleep infinity
