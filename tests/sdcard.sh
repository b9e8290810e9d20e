#!/usr/bin/env bash
# The tools for the SD card: the image is the same each time, other tools accept it, what is missing
# on it is found, and only a card is ever written to.
#
# Usage: tests/sdcard.sh KERNEL [FIRMWARE-FOLDER]
set -euo pipefail
[ $# = 1 ] || [ $# = 2 ] || { sed -n '5s/^# //p' "$0" >&2; exit 2; }
kernel=$(realpath "$1") firmware=${2:+$(realpath "$2")}
cd "$(dirname "$0")/.."
tools/ensure.sh sfdisk fdisk mkfs.vfat fsck.vfat mcopy cmp
PATH=$PATH:/usr/sbin:/sbin
scratch=$(mktemp -d)
loop=''
clean_up() {
  [ -z "$loop" ] || losetup -d "$loop"
  rm -rf "$scratch"
}
trap clean_up EXIT

passed=0
pass() { passed=$((passed + 1)); echo "ok - $1"; }
fail() { printf 'not ok - %s\n%s\n' "$1" "${2:-}" >&2; exit 1; }
# The command fails, and says why.
refuses() {
  local what=$1 why=$2 text
  shift 2
  if text=$("$@" 2>&1 </dev/null); then fail "$what" "$text"; fi
  [[ $text == *"$why"* ]] || fail "$what: says $why" "$text"
  pass "$what"
}

if [ -n "$firmware" ]; then
  options=(--firmware "$firmware") check=()
else
  echo "# without the board's firmware: the image boots only in an emulator"
  options=(--no-firmware) check=(--no-firmware)
fi
card=$scratch/sdcard.img
tools/make-sdcard.sh --kernel "$kernel" --cmdline log=debug "${options[@]}" "$card"
tools/make-sdcard.sh --kernel "$kernel" --cmdline log=debug "${options[@]}" "$scratch/again.img"
cmp "$card" "$scratch/again.img" || fail "the same inputs give the same image"
pass "the same inputs give the same image"

text=$(tools/check-sdcard.sh "${check[@]}" "$card" "$kernel")
[[ $text == *"kernel8.img "*"boot arguments: panic="*" log=debug"* ]] || fail "the check lists the content" "$text"
pass "the check lists the content"
table=$(LC_ALL=C fdisk -l "$card")
[[ $table == *"* "*" 64M  c W95 FAT32 (LBA)"* ]] || fail "fdisk sees the partition" "$table"
pass "fdisk sees the partition"

for name in kernel8.img config.txt cmdline.txt ${firmware:+bootcode.bin start_cd.elf}; do
  cp "$card" "$scratch/broken.img"
  mdel -i "$scratch/broken.img@@1M" "::$name"
  refuses "a card without $name" "missing: $name" tools/check-sdcard.sh "${check[@]}" "$scratch/broken.img"
done
cp "$card" "$scratch/broken.img"
# The first entry of the root directory's cluster chain points nowhere.
printf '\377\377\377\177' | dd of="$scratch/broken.img" bs=1 seek=$((1048576 + 32 * 512 + 12)) conv=notrunc 2>/dev/null
refuses "a damaged file system" "fsck.vfat" tools/check-sdcard.sh "${check[@]}" "$scratch/broken.img"
cp "$card" "$scratch/broken.img"
printf '\203' | dd of="$scratch/broken.img" bs=1 seek=450 conv=notrunc 2>/dev/null
refuses "another type of partition" "type 0x0c" tools/check-sdcard.sh "${check[@]}" "$scratch/broken.img"
refuses "another kernel than the one that was built" "is not" tools/check-sdcard.sh "${check[@]}" "$card" "$0"
if [ -n "$firmware" ]; then
  mkdir "$scratch/half"
  cp "$firmware/bootcode.bin" "$scratch/half/"
  refuses "firmware with a file missing" "has no start_cd.elf" \
    tools/make-sdcard.sh --kernel "$kernel" --firmware "$scratch/half" "$scratch/half.img"
fi

refuses "to write a file" "not a block device" tools/flash-sdcard.sh "$card" "$card"
refuses "to write to nothing" "there is no" tools/flash-sdcard.sh "$card" /dev/no-such-disk
if [ "$(id -u)" = 0 ] && truncate -s 80M "$scratch/medium" && loop=$(losetup -f --show "$scratch/medium" 2>/dev/null); then
  refuses "to write a disk that is not removable" "not removable" tools/flash-sdcard.sh "$card" "$loop"
  # From here on a lsblk of ours says what the loop device is.
  mkdir "$scratch/bin"
  cat >"$scratch/bin/lsblk" <<'LSBLK'
#!/usr/bin/env bash
case "$*" in
  *"-dnbro TYPE "*) echo "${FAKE_TYPE:-disk}" ;;
  *"-dnbro RM "*) echo 1 ;;
  *"-dnbro SIZE "*) echo "${FAKE_SIZE:-83886080}" ;;
  *"-dnbro RO "*) echo "${FAKE_RO:-0}" ;;
  *"NAME,MOUNTPOINT "*) echo "sdx "; [ -z "${FAKE_MOUNT:-}" ] || echo "sdx1 $FAKE_MOUNT" ;;
esac
LSBLK
  chmod +x "$scratch/bin/lsblk"
  PATH=$scratch/bin:$PATH
  refuses "to write a partition" "is a partition" env FAKE_TYPE=part tools/flash-sdcard.sh "$card" "$loop"
  refuses "to write a mounted card" "sdx1 on /media/card" env FAKE_MOUNT=/media/card tools/flash-sdcard.sh "$card" "$loop"
  refuses "to write half a terabyte" "too large" env FAKE_SIZE=500000000000 tools/flash-sdcard.sh "$card" "$loop"
  refuses "to write a card that is too small" "only 32 MiB" env FAKE_SIZE=33554432 tools/flash-sdcard.sh "$card" "$loop"
  refuses "to write an empty reader" "no card" env FAKE_SIZE=0 tools/flash-sdcard.sh "$card" "$loop"
  refuses "to write a protected card" "write-protected" env FAKE_RO=1 tools/flash-sdcard.sh "$card" "$loop"
  refuses "to write without a yes" "nothing was written" tools/flash-sdcard.sh "$card" "$loop"
  cmp -s -n 1048576 "$loop" /dev/zero || fail "what was refused is untouched"
  echo "$loop" | tools/flash-sdcard.sh "$card" "$loop" >/dev/null
  cmp -n "$(wc -c <"$card")" "$card" "$loop" || fail "a card is written"
  pass "a card is written"
else
  echo "# skipped: writing a card, which needs root and a loop device"
fi
echo "$passed passed, 0 failed"
