#!/usr/bin/env bash
# Turns the trace that a kernel built with TRACE=1 wrote into text, a line per frame: seconds since
# boot, level, what happened. The kernel's ELF file has the words, so it must be the one that ran.
#
# Usage: tools/decode-trace.sh [OPTION]...
#   --elf FILE     the kernel that ran (default: target/kernel-trace.elf)
#   --trace FILE   what it wrote (default: target/trace.bin)
#   --follow       go on while the kernel runs, until Ctrl-C
#   --install      only install defmt-print, which decodes, if it is missing
#   --help         this text
#
# defmt-print is built into target/tools the first time.
set -euo pipefail

die() { echo "decode-trace: $*" >&2; exit 2; }
usage() { sed -n '2,/^set -/{/^set -/d;s/^# \{0,1\}//p;}' "$0"; }

top=$(cd "$(dirname "$0")/.." && pwd)
target=${CARGO_TARGET_DIR:-$top/target}
elf=$target/kernel-trace.elf trace=$target/trace.bin follow='' install_only=''

while [ $# -gt 0 ]; do
  case $1 in
    --elf | --trace) [ $# -gt 1 ] || die "$1 needs a value (see --help)" ;;
  esac
  case $1 in
    --elf) elf=$2; shift ;;
    --trace) trace=$2; shift ;;
    --follow) follow=1 ;;
    --install) install_only=1 ;;
    --help | -h) usage; exit 0 ;;
    *) die "unknown option '$1' (see --help)" ;;
  esac
  shift
done

if [ -z "$install_only" ]; then
  hint="run 'make run TRACE=1' first"
  [ -f "$elf" ] || die "no kernel at $elf: $hint"
  [ -f "$trace" ] || die "no trace at $trace: $hint"
fi

# The wire format belongs to defmt 1; this version reads it.
version=1.2.0
decoder=$target/tools/bin/defmt-print

if ! [ -x "$decoder" ]; then
  echo "installing defmt-print $version into $target/tools; this takes a minute" >&2
  # Only what works on frames is optimized: that halves the time to build it.
  cargo install --quiet --locked --root "$target/tools" --debug --config profile.dev.debug=0 \
    --config profile.dev.package.defmt-decoder.opt-level=2 \
    --config profile.dev.package.defmt-parser.opt-level=2 "defmt-print@$version" 2> >(grep -v 'be sure to add' >&2) \
    || die "cannot install defmt-print: try 'cargo install defmt-print@$version --root $target/tools'"
fi
[ -z "$install_only" ] || exit 0

[ "$trace" -nt "$elf" ] || echo "decode-trace: $trace is older than $elf, which may not have written it" >&2

if [ -n "$follow" ]; then
  tail -c +1 -F "$trace" | "$decoder" -e "$elf" --show-skipped-frames
else
  exec "$decoder" -e "$elf" --show-skipped-frames < "$trace"
fi
