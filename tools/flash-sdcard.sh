#!/usr/bin/env bash
# Writes the image of an SD card to the card in a reader, after a look at what is there and a
# question. It refuses whatever does not look like a card: a partition, a disk that is not removable,
# one with a file system in use, one too large for a card.
#
# Usage: tools/flash-sdcard.sh IMAGE /dev/DEVICE
set -euo pipefail

die() { echo "flash-sdcard: $*" >&2; exit 1; }
[ $# = 2 ] || { sed -n '6s/^# //p' "$0" >&2; exit 2; }
image=$1 device=$2
# Cards may be larger, but a disk of a computer more often is.
largest=$((256 << 30))

[ -f "$image" ] || die "there is no $image: 'make sdcard' makes it"
[ "$(uname -s)" = Linux ] || die "only for Linux; elsewhere any program that writes images to cards takes $image"
command -v lsblk >/dev/null || die "needs lsblk (package util-linux)"
if [ ! -b "$device" ]; then
  [ -e "$device" ] || die "there is no $device; the removable disks here: $(lsblk -dnro PATH,RM | awk '$2 == 1 { printf "%s ", $1 }')"
  die "$device is not a block device"
fi

column() { lsblk -dnbro "$1" "$device" | tr -d ' '; }
kind=$(column TYPE) removable=$(column RM) size=$(column SIZE) read_only=$(column RO)
name=$(basename "$(readlink -f "$device")")
[ "$kind" != part ] || die "$device is a partition: name the whole card"
# The slot of a laptop calls its card not removable; that it is an SD card, not the eMMC, it does tell.
card=$(cat "/sys/block/$name/device/type" 2>/dev/null || true)
[ "$removable" = 1 ] || [ "$card" = SD ] || die "$device is not removable: that is no SD card"
[ "$read_only" = 0 ] || die "$device is write-protected: look at the card's switch"
[ "$size" -gt 0 ] || die "there is no card in $device"
[ "$size" -le "$largest" ] || die "$device has $((size >> 30)) GiB: too large to be taken for a card"
bytes=$(wc -c <"$image")
[ "$size" -ge "$bytes" ] || die "$device has only $((size >> 20)) MiB, the image needs $((bytes >> 20))"
used=$(lsblk -nro NAME,MOUNTPOINT "$device" | awk 'NF > 1 { printf " %s on %s;", $1, $2 }')
[ -z "$used" ] || die "$device is in use:$used unmount it first"

echo "$device: $((size >> 20)) MiB, $(lsblk -dnro VENDOR,MODEL "$device" | sed 's/\\x20/ /g; s/  */ /g')"
lsblk -nro NAME,SIZE,FSTYPE,LABEL "$device" | sed 's/^/  /'
printf 'Everything on it will be lost. Type %s to write the image: ' "$device"
read -r answer || answer=''
[ "$answer" = "$device" ] || die "nothing was written"

as_root() {
  if [ -w "$device" ]; then "$@"; else sudo "$@"; fi
}
as_root dd if="$image" of="$device" bs=4M conv=fsync 2>/dev/null || die "cannot write $device"
# What the card gives back, not what the cache remembers.
as_root blockdev --flushbufs "$device" 2>/dev/null || true
as_root cmp -n "$bytes" "$image" "$device" || die "the card does not hold what was written: try another"
echo "written and read back: put the card into the board"
