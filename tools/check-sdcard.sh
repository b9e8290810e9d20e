#!/usr/bin/env bash
# Says what is on the image of an SD card, and fails when the board could not boot from it: the
# partition, the file system, each file, and the lines of config.txt without which nothing runs.
#
# Usage: tools/check-sdcard.sh [--no-firmware] IMAGE [KERNEL]
#   --no-firmware   the firmware's files may be missing
#   KERNEL          what kernel8.img must be
set -euo pipefail

fail() { echo "check-sdcard: $*" >&2; exit 1; }

top=$(cd "$(dirname "$0")/.." && pwd)
firmware=(bootcode.bin start_cd.elf fixup_cd.dat)
if [ "${1:-}" = --no-firmware ]; then firmware=(); shift; fi
[ $# = 1 ] || [ $# = 2 ] || { sed -n '5,7s/^# \{0,1\}//p' "$0" >&2; exit 2; }
image=$1 kernel=${2:-}
[ -f "$image" ] || fail "there is no $image: 'make sdcard' makes it"

"$top/tools/ensure.sh" sfdisk fsck.vfat mdir
PATH="$PATH:/usr/sbin:/sbin"
for keg in /opt/homebrew/opt/util-linux/sbin /usr/local/opt/util-linux/sbin; do
  [ ! -d "$keg" ] || PATH="$PATH:$keg"
done

table=$(sfdisk --dump "$image")
grep -qx 'label: dos' <<<"$table" || fail "no MBR"
partition=$(grep 'start=' <<<"$table")
[ "$(wc -l <<<"$partition")" = 1 ] || fail "more than one partition"
[[ $partition =~ start=\ *([0-9]+),\ *size=\ *([0-9]+),\ *type=c, ]] || fail "not a FAT32 partition of type 0x0c:$partition"
start=${BASH_REMATCH[1]} size=${BASH_REMATCH[2]}
[ "$(wc -c <"$image")" -ge $(((start + size) * 512)) ] || fail "the partition ends behind the image"
echo "$image: FAT32 (type 0x0c) from sector $start, $((size / 2048)) MiB"

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
dd if="$image" of="$scratch/partition" bs=512 skip="$start" count="$size" 2>/dev/null
fsck.vfat -n "$scratch/partition" >"$scratch/fsck" || fail "fsck.vfat: $(cat "$scratch/fsck")"

read_file() { mcopy -n -i "$scratch/partition" "::$1" "$scratch/$1" 2>/dev/null; }
missing=()
# (macOS has a bash for which an empty array is unset.)
for name in ${firmware[@]+"${firmware[@]}"} config.txt cmdline.txt kernel8.img; do
  read_file "$name" && [ -s "$scratch/$name" ] || missing+=("$name")
done
# Name and length of each file, as mdir has them in its columns.
mdir -b -i "$scratch/partition" :: | sed 's|^::/||' | while IFS= read -r name; do
  [ -e "$scratch/$name" ] || read_file "$name"
  printf '  %-26s %8s bytes\n' "$name" "$(wc -c <"$scratch/$name" | tr -d ' ')"
done
[ ${#missing[@]} -eq 0 ] || fail "missing: ${missing[*]}"

for line in arm_64bit=1 kernel=kernel8.img kernel_address=0x80000; do
  grep -qx "$line" "$scratch/config.txt" || fail "config.txt does not say $line"
done
[ "$(dd if="$scratch/kernel8.img" bs=1 skip=56 count=4 2>/dev/null)" = 'ARMd' ] || fail "kernel8.img has no header of an arm64 image"
[ -z "$kernel" ] || cmp -s "$kernel" "$scratch/kernel8.img" || fail "kernel8.img on it is not $kernel: run 'make sdcard' again"
echo "  boot arguments: $(head -n 1 "$scratch/cmdline.txt")"
