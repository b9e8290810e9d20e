#!/usr/bin/env bash
# Breaks rules of `net` on purpose, one at a time, and tells which breaks no test notices: a survivor
# in protocol logic wants a test.
#
# Usage: tools/mutants.sh [OPTION]...
#   --files GLOB     only mutants in these files (default: net/src/{neighbor,dad,slaac,route,reassembly,
#                    mld,router_solicitation,rate_limit,expiry,destination,fragmentation}.rs and net/src/ndp)
#   --sample N       about N of them, spread over all (default 40; 0 is all, which takes hours)
#   --offset K       another sample: the K-th of each group (default 0)
#   --output FOLDER  where the report goes (default: target/mutants)
#   --list           only list the mutants
#   --help           this text
#
# cargo-mutants is built into target/tools the first time. The tests are those of `net` and the
# conformance suite. The status is 0 when no mutant survived, 2 when some did.
set -euo pipefail

die() { echo "mutants: $*" >&2; exit 1; }
usage() { sed -n '2,/^set -/{/^set -/d;s/^# \{0,1\}//p;}' "$0"; }

top=$(cd "$(dirname "$0")/.." && pwd)
cd "$top"
target=${CARGO_TARGET_DIR:-$top/target}
files=() sample=40 offset=0 output=$target/mutants list=''

while [ $# -gt 0 ]; do
  case $1 in
    --files | --sample | --offset | --output) [ $# -gt 1 ] || die "$1 needs a value (see --help)" ;;
  esac
  case $1 in
    --files) files+=(--file "$2"); shift ;;
    --sample) sample=$2; shift ;;
    --offset) offset=$2; shift ;;
    --output) output=$2; shift ;;
    --list) list=1 ;;
    --help | -h) usage; exit 0 ;;
    *) die "unknown option '$1' (see --help)" ;;
  esac
  shift
done
[[ $sample =~ ^[0-9]+$ && $offset =~ ^[0-9]+$ ]] || die "--sample and --offset are numbers"
if [ ${#files[@]} = 0 ]; then
  for name in neighbor dad slaac route reassembly mld router_solicitation rate_limit expiry destination fragmentation; do
    files+=(--file "net/src/$name.rs")
  done
  files+=(--file 'net/src/ndp/*.rs')
fi

version=27.1.0
if ! [ -x "$target/tools/bin/cargo-mutants" ]; then
  echo "installing cargo-mutants $version into $target/tools; this takes some minutes" >&2
  cargo install --quiet --locked --root "$target/tools" "cargo-mutants@$version" 2> >(grep -v 'be sure to add' >&2) \
    || die "cannot install cargo-mutants: try 'cargo install cargo-mutants@$version --root $target/tools'"
fi
export PATH="$target/tools/bin:$PATH"

common=(--package net "${files[@]}" --exclude-re 'impl (Debug|Display)|trace' --exclude '*tests*')
count=$(cargo mutants --list "${common[@]}" | wc -l)
groups=1
[ "$sample" = 0 ] || groups=$(((count + sample - 1) / sample))
[ "$groups" -ge 1 ] || groups=1
offset=$((offset % groups))
if [ -n "$list" ]; then
  exec cargo mutants --list "${common[@]}" --shard "$offset/$groups"
fi
echo "$count mutants; testing every $groups-th, beginning with number $offset" >&2
status=0
cargo mutants "${common[@]}" --shard "$offset/$groups" --sharding round-robin --test-package net,conformance \
  --timeout 300 --build-timeout 900 --no-shuffle --colors never --output "$output" || status=$?
echo "report: $output/mutants.out" >&2
case $status in
  0) ;;
  2 | 3) echo "survivors:" >&2; cat "$output/mutants.out/missed.txt" >&2; exit 2 ;;
  *) die "cargo-mutants ended with $status" ;;
esac
