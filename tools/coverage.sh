#!/usr/bin/env bash
# Which lines of some crates their own tests run; the crates' test code does not count.
#
# Usage: tools/coverage.sh [--or-skip] PERCENT CRATE...
#
# Prints a line a file and one for each crate, and fails when a crate is below PERCENT. The compiler
# counts (-Cinstrument-coverage); the tools that read its counts must be of its LLVM or a later one, so
# they come from rustup's llvm-tools or from the distribution's package of that version. Where they can't
# be had, or the compiler can't count, --or-skip makes that no failure; it says so.
# SEEDS=n runs that many random trials instead of 400.
set -euo pipefail
cd "$(dirname "$0")/.."

skip=
[ "${1:-}" != --or-skip ] || { skip=yes; shift; }
[ $# -ge 2 ] || { sed -n '2,/^set -/{/^set -/d;s/^# \{0,1\}//p;}' "$0" >&2; exit 2; }
least=$1
shift
crates=("$@")
directory=$(realpath -m "${CARGO_TARGET_DIR:-target}")/coverage
rm -rf "$directory/profiles"
mkdir -p "$directory/profiles"

cannot() {
  [ -z "$skip" ] || { echo "skipped: coverage of ${crates[*]}: $*"; exit 0; }
  echo "coverage: $*" >&2
  exit 1
}

find_tools() {
  local host version
  host=$(rustc -vV | sed -n 's/^host: //p')
  tools=$(rustc --print sysroot)/lib/rustlib/$host/bin
  suffix=
  [ -x "$tools/llvm-cov" ] && return
  if command -v rustup >/dev/null && rustup component add llvm-tools >&2; then return; fi
  version=$(rustc -vV | sed -n 's/^LLVM version: \([0-9]*\).*/\1/p')
  tools/ensure.sh "llvm-cov-$version" || cannot "no llvm-cov of LLVM $version, neither rustup's nor a package"
  tools=$(dirname "$(command -v "llvm-cov-$version")")
  suffix=-$version
}
find_tools
# Some distributions build their compiler without the runtime that counts.
echo 'fn main() {}' | rustc -Cinstrument-coverage -o "$directory/probe" - 2>/dev/null ||
  cannot "$(rustc --version) has no runtime for -Cinstrument-coverage"

options=()
for crate in "${crates[@]}"; do options+=(-p "$crate"); done
export RUSTFLAGS="-Cinstrument-coverage" CARGO_TARGET_DIR=$directory
export LLVM_PROFILE_FILE=$directory/profiles/%m-%p.profraw
# Enough to reach what random trials reach at all.
export SEEDS=${SEEDS:-400}
cargo test "${options[@]}" --lib --tests --no-run --message-format=json |
  sed -n 's/.*"executable":"\([^"]*\)".*/\1/p' | sort -u >"$directory/executables"
cargo test -q "${options[@]}" --lib --tests >"$directory/tests.log" 2>&1 || { cat "$directory/tests.log"; exit 1; }

"$tools/llvm-profdata$suffix" merge -sparse "$directory"/profiles/*.profraw -o "$directory/all.profdata"
objects=()
while read -r executable; do objects+=(-object "$executable"); done <"$directory/executables"
"$tools/llvm-cov$suffix" export -format=lcov -instr-profile="$directory/all.profdata" "${objects[@]}" \
  >"$directory/lines.lcov"

# SF: a file, DA: a line and how often it ran. Unit tests stand at the end of their files.
failed=0
for crate in "${crates[@]}"; do
  awk -v source="/$crate/src/" -v crate="$crate" -v least="$least" '
    /^SF:/ {
      file = substr($0, 4)
      counts = index(file, source)
      name = substr(file, counts + 1)
      tests = 0
      if (counts)
        for (number = 1; (getline text < file) > 0; number++)
          if (text == "#[cfg(test)]") tests = number
      if (counts) close(file)
    }
    /^DA:/ && counts {
      split(substr($0, 4), line, ",")
      if (!tests || line[1] < tests) {
        lines[name]++
        if (line[2] > 0) ran[name]++
      }
    }
    END {
      for (name in lines) {
        all += lines[name]
        run += ran[name]
        printf "%6.1f %%  %5d of %5d  %s\n", 100 * ran[name] / lines[name], ran[name], lines[name], name | "sort -k6"
      }
      close("sort -k6")
      if (!all) { print crate ": nothing was counted"; exit 1 }
      printf "%6.1f %%  %5d of %5d  %s, all\n\n", 100 * run / all, run, all, crate
      exit 100 * run / all < least
    }' "$directory/lines.lcov" || { echo "$crate: less than $least % of the lines are run by its tests" >&2; failed=1; }
done
exit "$failed"
