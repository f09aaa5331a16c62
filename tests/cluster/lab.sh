#!/usr/bin/env bash
# Several hosts on one machine, each with its own address, name, processes, home, /tmp and sshd, and a laptop that reaches them:
#   unshare --net --mount --uts --pid --fork --kill-child --mount-proc bash lab.sh LAB COUNT SHARE...
# LAB is an empty folder; SHARE... are what every host sees at its usual path. No packet leaves it, and with that `unshare` everything ends.
# More hosts: add.sh.
set -euo pipefail
lab=$1 count=$2
shift 2
here=$(cd "$(dirname "$0")" && pwd)
export LAB_USER=gan LAB_UID=61000 LAB_GATEWAY=${LAB_GATEWAY:-10.77.0.1} LAB_PREFIX=${LAB_PREFIX:-24}

hostname laptop
mount --make-rprivate /
ip link set lo up
ip link add br0 type bridge
ip address add "$LAB_GATEWAY/$LAB_PREFIX" dev br0
ip link set br0 up

mkdir -p "$lab/etc" "$lab/shared"
chmod 755 "$lab"
chown "$LAB_UID:$LAB_UID" "$lab/shared"
ssh-keygen -q -t ed25519 -N '' -f "$lab/key"
echo "127.0.0.1 localhost" > "$lab/etc/hosts"
{ cat /etc/passwd && echo "$LAB_USER:*:$LAB_UID:$LAB_UID::/home/$LAB_USER:/bin/bash"; } > "$lab/etc/passwd"

for number in $(seq 0 $((count - 1))); do bash "$here/add.sh" "$lab" "$number" "10.77.0.1$number" "$@"; done

# shellcheck source=tests/cluster/private.sh
source "$here/private.sh"
private_folders "$lab/laptop" "$lab" "$here" "$@"
touch "$lab/ready"
sleep infinity
