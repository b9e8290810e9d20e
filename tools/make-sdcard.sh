#!/usr/bin/env bash
# Makes the image of an SD card from which a Raspberry Pi Zero 2 W (or 3A+, 3B) boots the kernel: an
# MBR with one FAT32 partition. Needs no root; the same inputs give the same bytes.
#
# Usage: tools/make-sdcard.sh [OPTION]... OUT.img
#   --kernel FILE      the kernel (default: target/kernel8.img)
#   --firmware FOLDER  the board's firmware; device trees found there are taken along
#   --no-firmware      leave the firmware out: such a card boots no board, only tests need it
#   --cmdline TEXT     further boot arguments
#   --help             this text
set -euo pipefail

die() { echo "make-sdcard: $*" >&2; exit 2; }
usage() { sed -n '2,/^set -/{/^set -/d;s/^# \{0,1\}//p;}' "$0"; }

top=$(cd "$(dirname "$0")/.." && pwd)
kernel=${CARGO_TARGET_DIR:-$top/target}/kernel8.img
firmware='' no_firmware='' cmdline='' output=''

while [ $# -gt 0 ]; do
  case $1 in
    --kernel | --firmware | --cmdline) [ $# -gt 1 ] || die "$1 needs a value (see --help)" ;;
  esac
  case $1 in
    --kernel) kernel=$2; shift 2 ;;
    --firmware) firmware=$2; shift 2 ;;
    --no-firmware) no_firmware=1; shift ;;
    --cmdline) cmdline=$2; shift 2 ;;
    --help | -h) usage; exit 0 ;;
    -*) die "unknown option '$1' (see --help)" ;;
    *) [ -z "$output" ] || die "one output file, not '$output' and '$1'"; output=$1; shift ;;
  esac
done
[ -n "$output" ] || die "no output file (see --help)"
[ -f "$kernel" ] || die "no kernel at $kernel: build it with 'make image'"

# What the firmware needs on the card (gpu_mem=16 in config.txt selects the cut-down pair), and what
# is taken along where it is: the full pair, the license, the boards' device trees.
needed=(bootcode.bin start_cd.elf fixup_cd.dat)
useful=(start.elf fixup.dat LICENCE.broadcom bcm2710-rpi-zero-2-w.dtb bcm2710-rpi-zero-2.dtb
  bcm2710-rpi-3-b.dtb bcm2710-rpi-3-b-plus.dtb bcm2710-rpi-cm3.dtb)

files=()
if [ -z "$no_firmware" ]; then
  [ -n "$firmware" ] || die "which firmware? --firmware FOLDER, or --no-firmware for a test"
  [ -d "$firmware" ] || die "there is no folder $firmware"
  for name in "${needed[@]}"; do
    [ -f "$firmware/$name" ] || die "the firmware in $firmware has no $name"
    files+=("$firmware/$name")
  done
  for name in "${useful[@]}"; do
    [ ! -f "$firmware/$name" ] || files+=("$firmware/$name")
  done
fi

"$top/tools/ensure.sh" sfdisk mkfs.vfat mcopy
PATH="$PATH:/usr/sbin:/sbin"
for keg in /opt/homebrew/opt/util-linux/sbin /usr/local/opt/util-linux/sbin; do
  [ ! -d "$keg" ] || PATH="$PATH:$keg"
done

# In sectors of 512 bytes. A FAT32 has at least 65525 clusters, here of one sector each.
start=2048
size=$((64 * 2048))

# One time for all files, so that the image depends on nothing but its contents.
export TZ=UTC SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-946684800}
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
[ ${#files[@]} -eq 0 ] || cp "${files[@]}" "$stage/"
cp "$top/tools/sdcard/config.txt" "$stage/"
cp "$kernel" "$stage/kernel8.img"
# The firmware takes the first line.
arguments=$(head -n 1 "$top/tools/sdcard/cmdline.txt")
echo "$arguments${cmdline:+ $cmdline}" >"$stage/cmdline.txt"
stamp=$(date -u -r "$SOURCE_DATE_EPOCH" +%Y%m%d%H%M.%S 2>/dev/null || date -u -d "@$SOURCE_DATE_EPOCH" +%Y%m%d%H%M.%S)
touch -t "$stamp" "$stage"/*

image=$stage/.image
dd if=/dev/zero of="$image" bs=512 count=0 seek=$((start + size)) 2>/dev/null
sfdisk --quiet "$image" <<TABLE
label: dos
label-id: 0x6d6f6e61
start=$start, size=$size, type=c, bootable
TABLE
mkfs.vfat -F 32 -s 1 -n BOOT --invariant -h $start --offset=$start "$image" $((size / 2)) >/dev/null
mcopy -i "$image@@$((start * 512))" -m "$stage"/* ::
mv "$image" "$output"
