#!/usr/bin/env bash
# Packs the user programs and the files of userland/files into a newc cpio archive.
#
# Usage: tools/make-initramfs.sh PROGRAM-FOLDER OUT.cpio
set -euo pipefail
[ $# = 2 ] || { sed -n '4p' "$0" | sed 's/^# //'; exit 2; }
programs=$1 output=$2
cd "$(dirname "$0")/.."

entries=(bin/ dev/ etc/ proc/ run/ sys/ tmp/)
for program in "$programs"/*; do
  if [ -f "$program" ] && [ -x "$program" ] && [[ $program != *.* ]]; then
    entries+=("bin/$(basename "$program")=$program")
  fi
done
# By the names that fingers know.
for name in ping traceroute; do
  if [ -f "$programs/${name}6" ]; then entries+=("bin/$name->${name}6"); fi
done
while IFS= read -r file; do
  entries+=("${file#userland/files/}=$file")
done < <(find userland/files -type f | LC_ALL=C sort)
cargo run -q -p image -- initramfs "$output" "${entries[@]}"
