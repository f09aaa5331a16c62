# shellcheck shell=bash
# Sourced by lab.sh and host.sh: private_folders OWN SHARE... gives this mount namespace a /tmp, /home and /root of its own, in which the
# shares are where they always were. Folders above a share are new, so that any user may pass through them.
private_folders() {
  local own=$1 number=0 share
  shift
  mkdir -p "$own/tmp"
  chmod 1777 "$own/tmp"
  mount -t tmpfs tmpfs /mnt
  mkdir /mnt/tmp
  mount --bind "$own/tmp" /mnt/tmp
  for share in "$@"; do
    number=$((number + 1))
    mkdir "/mnt/$number"
    mount --rbind "$share" "/mnt/$number"
  done
  mount --move /mnt/tmp /tmp
  mount -t tmpfs -o mode=755 tmpfs /home
  mount -t tmpfs -o mode=755 tmpfs /root
  number=0
  for share in "$@"; do
    number=$((number + 1))
    case $share in
      /tmp/* | /home/* | /root/*)
        mkdir -p "$share"
        mount --rbind "/mnt/$number" "$share"
        ;;
    esac
  done
  umount -R -l /mnt
}
