#!/usr/bin/env bash
# Tests the shell and the core tools, as built for aarch64, on this machine: what they print and how
# they end must be what GNU's tools and dash print and how they end.
#
# tests/userland/expected.txt holds that, recorded on Debian 12 (`--record` does it again with the
# tools of this machine). The programs run under qemu-aarch64-static where the machine is no
# aarch64. The unit tests of the crates run first.
#
# Usage: tests/userland.sh PROGRAM-FOLDER
#        tests/userland.sh --record
set -euo pipefail
[ $# = 1 ] || { sed -n '9,10s/^# //p' "$0"; exit 2; }

top=$(cd "$(dirname "$0")/.." && pwd)
expected=$top/tests/userland/expected.txt
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export LC_ALL=C

# The files that every command finds.
make_files() {
  mkdir -p "$1/dir/inner" "$1/empty-dir"
  cd "$1"
  seq 12 | sed 's/^/line /' >lines
  printf '%s\n' pear apple Banana cherry apple fig >words
  printf '%s\n' 10 9 -3 2.5 100 1 >numbers
  printf 'a\n\n\n\nb\n\nc' >blank
  printf '\tA\0\033\177\200\310\377\na.b \tx\nA\r\n' >special
  : >empty
  printf '%s\n' aa aa AA bb cc cc cc >repeated
  printf 'b 2 x\na 10 y\nc\t1\tz\na 2 x\n' >table
  printf '%s\n' a:3:10 b:1:9 c:2 plain >colons
  { head -c 64 /dev/zero; echo end; } >zeros
  printf 'line 2\nline 3\n' >patterns
  head -c 5000 /dev/zero | tr '\0' x >big
  echo 'line in one' >dir/one
  echo two >dir/inner/two
  : >.hidden
  ln -s lines link
  find . -depth -exec touch -h -d @1600000000 {} +
  cd "$OLDPWD"
}

# What differs from machine to machine: the owner's name, sizes and link counts of directories,
# blocks, and the times of files made just now.
mask() {
  sed -E -e 's/^total [0-9.]+K?$/total N/' \
    -e '/^[-dlcbps][-rwxsStT]{9} /{s/ +/ /g;s/^([^ ]+ [0-9]+) [^ ]+ [^ ]+ /\1 owner group /' \
    -e 's/^(d[^ ]+) [0-9]+ owner group [0-9.]+K?/\1 N owner group N/' \
    -e 's/ [A-Z][a-z]{2} [0-9]+ [0-9]{2}:[0-9]{2} / NOW /;}'
}

# run SHELL PATH ITEM: one item of the tables, in a folder of its own.
run() {
  local shell=$1 path=$2 item=$3 relaxed=$4 status=0
  rm -rf "$work/folder"
  cp -a "$work/template" "$work/folder"
  (cd "$work/folder" && exec timeout 60 env -i PATH="$path" HOME=/root TZ=UTC0 LC_ALL=C \
    "$shell" -c "$item") </dev/null >"$work/out" 2>"$work/err" || status=$?
  printf '$ %s\n' "${item//$'\n'/$'\n'$ }"
  mask <"$work/out" | cat -v | sed 's/^/  /'
  [ -n "$relaxed" ] || mask <"$work/err" | cat -v | sed 's/^/! /'
  [ "$status" = 0 ] || echo "= $status"
}

run_all() {
  local item relaxed
  while IFS= read -r -d '' item; do
    relaxed=
    if [[ $item == '! '* ]]; then item=${item#! } relaxed=1; fi
    run "$1" "$2" "$item" "$relaxed"
  done < <(grep -v -e '^#' -e '^$' "$top/tests/userland/commands.txt" | tr '\n' '\0')
  # The messages of a shell name its place in the script in many ways.
  while IFS= read -r -d '' item; do
    run "$1" "$2" "${item%$'\n'}" 1
  done < <(sed '/^#/d' "$top/tests/userland/shell.txt" | awk 'BEGIN { RS = "" } { printf "%s%c", $0, 0 }')
}

make_files "$work/template"
if [ "$1" = --record ]; then
  mkdir "$work/bin"
  ln -s /bin/dash "$work/bin/sh"
  run_all "$work/bin/sh" "$work/bin:/usr/bin:/bin" >"$expected"
  echo "recorded $(grep -c '^\$ ' "$expected") lines of commands"
  exit
fi

programs=$(cd "$1" && pwd)
(cd "$top" && cargo test -q -p rt -p sh -p coreutils --lib)

# A folder from which the programs run, whatever this machine is.
emulator=
if [ "$(uname -m)" != aarch64 ]; then
  "$top/tools/ensure.sh" qemu-aarch64-static
  emulator=$(command -v qemu-aarch64-static)
fi
mkdir "$work/bin"
for program in "$programs"/*; do
  name=$(basename "$program")
  if [ ! -f "$program" ] || [ ! -x "$program" ] || [[ $name == *.* ]]; then continue; fi
  if [ -n "$emulator" ]; then
    printf '#!/bin/bash\nexec %q -0 %q %q "$@"\n' "$emulator" "$name" "$program" >"$work/bin/$name"
    chmod +x "$work/bin/$name"
  else
    ln -s "$program" "$work/bin/$name"
  fi
done

# Every program explains itself.
failed=0
for wrapper in "$work/bin"/*; do
  name=$(basename "$wrapper")
  case $name in kinit) continue ;; esac # the first process takes no options
  if ! "$wrapper" --help </dev/null >"$work/out" 2>&1 && [ "$name" != false ]; then
    echo "$name --help fails"
    failed=1
  elif ! grep -q -i '^usage' "$work/out"; then
    echo "$name --help does not show its usage"
    failed=1
  fi
done

run_all "$work/bin/sh" "$work/bin" >"$work/actual"
if ! diff -U 4 --label expected "$expected" --label actual "$work/actual"; then
  failed=1
fi
echo "userland: $(grep -c '^\$ ' "$expected") lines of commands compared"
exit $failed
