#!/usr/bin/env bash
# Breaks rules of `net` on purpose, one at a time, and tells which breaks no test notices: a survivor
# in protocol logic wants a test.
#
# Usage: tools/mutants.sh [OPTION]...
#   --files GLOB     only mutants in these files; can be repeated (default: the protocols' state machines,
#                    see below)
#   --sample N       about N of them, spread over all (default 40; 0 is all, which takes days)
#   --offset K       another sample: the K-th of each group (default 0)
#   --output FOLDER  where the reports go (default: target/mutants)
#   --list           only list the mutants
#   --help           this text
#
# The tests are the unit tests of `net` and the conformance suite. They run in a copy of the tree,
# target/mutants/tree, which is compiled once without optimization and then piece by piece.
# .cargo/mutants.toml says which mutants are none.
# cargo-mutants is built into target/tools the first time. The status is 0 when no mutant survived, 2
# when some did.
set -euo pipefail

die() { echo "mutants: $*" >&2; exit 1; }
usage() { sed -n '2,/^set -/{/^set -/d;s/^# \{0,1\}//p;}' "$0"; }

top=$(cd "$(dirname "$0")/.." && pwd)
cd "$top"
target=$(realpath -m "${CARGO_TARGET_DIR:-$top/target}")
files=() sample=40 offset=0 output=$target/mutants list=''

while [ $# -gt 0 ]; do
  case $1 in
    --files | --sample | --offset | --output) [ $# -gt 1 ] || die "$1 needs a value (see --help)" ;;
  esac
  case $1 in
    --files) files+=(--file "$2"); shift ;;
    --sample) sample=$2; shift ;;
    --offset) offset=$2; shift ;;
    --output) output=$(realpath -m "$2"); shift ;;
    --list) list=1 ;;
    --help | -h) usage; exit 0 ;;
    *) die "unknown option '$1' (see --help)" ;;
  esac
  shift
done
[[ $sample =~ ^[0-9]+$ && $offset =~ ^[0-9]+$ ]] || die "--sample and --offset are numbers"
if [ ${#files[@]} = 0 ]; then
  for name in neighbor dad slaac route router_prefix reassembly fragmentation mld router_solicitation \
    rate_limit expiry destination address_selection icmpv6_error 'ndp/*' \
    tcp/{receive,send,arrival,acknowledgment,rack,recovery,rtt,sack,timeout,transmit,half_open,time_wait}; do
    files+=(--file "net/src/$name.rs")
  done
fi

version=27.1.0
if ! [ -x "$target/tools/bin/cargo-mutants" ]; then
  echo "installing cargo-mutants $version into $target/tools; this takes some minutes" >&2
  cargo install --quiet --locked --root "$target/tools" "cargo-mutants@$version" 2> >(grep -v 'be sure to add' >&2) \
    || die "cannot install cargo-mutants: try 'cargo install cargo-mutants@$version --root $target/tools'"
fi
export PATH="$target/tools/bin:$PATH"

# The files as they are now, changes included; what has not changed keeps its time, so that cargo
# compiles no more than it must.
tree=$output/tree
mkdir -p "$tree"
list_of_files() { git ls-files --cached --others --exclude-standard | while read -r file; do [ ! -f "$file" ] || echo "$file"; done; }
list_of_files | while read -r file; do
  cmp -s "$file" "$tree/$file" || { mkdir -p "$(dirname "$tree/$file")"; cp "$file" "$tree/$file"; }
done
(cd "$tree" && find . -type f | sed 's|^\./||' | sort) | comm -23 - <(list_of_files | sort) \
  | while read -r file; do rm -f "${tree:?}/$file"; done
cd "$tree"

common=(--package net "${files[@]}" --exclude '*tests*')
count=$(cargo mutants --list "${common[@]}" | wc -l)
groups=1
[ "$sample" = 0 ] || groups=$(((count + sample - 1) / sample))
[ "$groups" -ge 1 ] || groups=1
shard=(--shard "$((offset % groups))/$groups" --sharding round-robin)
if [ -n "$list" ]; then
  exec cargo mutants --list "${common[@]}" "${shard[@]}"
fi
echo "$count mutants; testing every $groups-th, beginning with number $((offset % groups))" >&2

export CARGO_TARGET_DIR=$output/build CARGO_INCREMENTAL=1
export CARGO_PROFILE_DEV_DEBUG=0 CARGO_PROFILE_TEST_DEBUG=0
# Few cases: what is wrong in general is wrong soon.
export PROPTEST_CASES=16
without_optimization=()
for package in net simulation; do
  without_optimization+=(--cargo-arg=--config "--cargo-arg=profile.dev.package.$package.opt-level=0")
done
status=0
cargo mutants --in-place --output "$output" --no-shuffle --colors never --timeout 90 --build-timeout 1800 \
  "${without_optimization[@]}" "${common[@]}" "${shard[@]}" --test-package net,conformance \
  -- --all-targets || status=$?
case $status in
  0) echo "no survivors" >&2 ;;
  2 | 3)
    echo "survivors, and those that did not end in time, which is noticed, too:" >&2
    cat "$output/mutants.out/missed.txt" "$output/mutants.out/timeout.txt" >&2
    [ ! -s "$output/mutants.out/missed.txt" ] || exit 2
    ;;
  *) die "cargo-mutants ended with $status, see $output/mutants.out" ;;
esac
