#!/usr/bin/env bash
# Another host, in the namespaces of lab.sh and with its LAB_* variables: add.sh LAB NUMBER ADDRESS SHARE...
set -euo pipefail
lab=$1 number=$2 address=$3
shift 3
here=$(cd "$(dirname "$0")" && pwd)

echo "$address host$number" >> "$lab/etc/hosts"
unshare --net --mount --uts --pid --fork --kill-child --mount-proc \
  bash "$here/host.sh" "$lab" "host$number" "$address" "$@" < /dev/null >> "$lab/host$number.log" 2>&1 &
host=$!
until [ "$(readlink "/proc/$host/ns/net")" != "$(readlink /proc/$$/ns/net)" ]; do sleep 0.02; done
ip link add "veth$number" type veth peer name eth0 netns "$host"
ip link set "veth$number" master br0 up
until pgrep -P "$host" > "$lab/host$number.init"; do sleep 0.02; done
