#!/usr/bin/env bash
# Runs cargo for one of the project's two aarch64 targets, with whichever toolchain can build it:
#   rustup  the targets come from rustup (`rustup target add`), where rustup can have them;
#   debian  otherwise Debian's rustc, cargo and library sources, with `-Zbuild-std`.
# It prints one line that says which it took. TOOLCHAIN=rustup|debian forces the choice.
#
# Usage: tools/cross-cargo.sh kernel|user CARGO-ARGUMENTS...
#        tools/cross-cargo.sh --which              which toolchain it would take
#        tools/cross-cargo.sh --artifacts kernel|user   the folder with what it built (release)
set -euo pipefail

kernel_target=aarch64-unknown-none-softfloat
user_target=aarch64-unknown-linux-musl
top=$(cd "$(dirname "$0")/.." && pwd)
cd "$top"

die() { echo "cross-cargo: $*" >&2; exit 1; }

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

rustup_has_targets() {
  command -v rustup >/dev/null || return 1
  local installed
  installed=$(rustup target list --installed 2>/dev/null) || return 1
  grep -qx "$kernel_target" <<<"$installed" && grep -qx "$user_target" <<<"$installed"
}

use_rustup() {
  rustup_has_targets && return 0
  command -v rustup >/dev/null || return 1
  # One try a day: without a network this costs some seconds each time.
  local tried=target/.rustup-targets-unavailable
  [ -n "${TOOLCHAIN:-}" ] || [ -z "$(find "$tried" -mtime -1 2>/dev/null)" ] || return 1
  # macOS has no timeout; there the user interrupts.
  local limit=''
  command -v timeout >/dev/null && limit='timeout 300'
  if $limit rustup target add "$kernel_target" "$user_target" >/dev/null 2>&1 && rustup_has_targets; then
    return 0
  fi
  mkdir -p target && touch "$tried"
  return 1
}

debian_packages="rustc-web cargo-web rust-web-src rust-web-clippy"

use_debian() {
  [ -x /usr/bin/cargo ] && [ -x /usr/bin/rustc ] && [ -x /usr/bin/clippy-driver ] \
    && [ -d /usr/lib/rustlib/src/rust/library ] && return 0
  command -v apt-get >/dev/null || return 1
  echo "toolchain: installing $debian_packages" >&2
  # shellcheck disable=SC2086 # a list of packages
  { as_root apt-get update -qq && as_root env DEBIAN_FRONTEND=noninteractive \
      apt-get install -y -qq --no-install-recommends $debian_packages; } >/dev/null 2>&1 \
    || die "cannot install $debian_packages: install them by hand, or give rustup the targets $kernel_target and $user_target"
}

# A linker for ELF without a C compiler: rustup's rust-lld, or the distribution's lld.
find_lld() {
  local lld
  for lld in "$HOME"/.rustup/toolchains/*/lib/rustlib/*/bin/rust-lld; do
    [ -x "$lld" ] && { echo "$lld"; return; }
  done
  command -v ld.lld && return
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends lld >/dev/null 2>&1 \
    || die "cannot install lld: install it by hand"
  command -v ld.lld
}

choose() {
  case "${TOOLCHAIN:-auto}" in
    rustup) use_rustup || die "rustup cannot have the targets $kernel_target and $user_target"; echo rustup ;;
    debian) use_debian || die "no apt-get to install $debian_packages with"; echo debian ;;
    auto) if use_rustup; then echo rustup; elif use_debian; then echo debian; else
        die "needs rustup with the targets $kernel_target and $user_target, or Debian's packages $debian_packages"; fi ;;
    *) die "TOOLCHAIN is rustup or debian, not '${TOOLCHAIN}'" ;;
  esac
}

[ $# -gt 0 ] || { sed -n '2,10s/^# \{0,1\}//p' "$0"; exit 2; }
which=$(choose)

if [ "$1" = --artifacts ]; then
  case ${2:-} in kernel) target=$kernel_target ;; user) target=$user_target ;; *) die "--artifacts kernel|user" ;; esac
  folder=${CARGO_TARGET_DIR:-target}
  [ "$which" = rustup ] || folder=$folder/debian
  echo "$folder/$target/release"
  exit 0
fi

case $which in
  rustup) echo "toolchain: rustup's $(rustc --version) with its aarch64 targets" >&2 ;;
  debian) echo "toolchain: Debian's $(/usr/bin/rustc --version) with build-std" >&2 ;;
esac
[ "$1" != --which ] || exit 0

# Erratum 835769 of the Cortex-A53 is the compiler's to avoid, 843419 the linker's (for the kernel in
# kernel/build.rs). tools/image looks whether the first was.
errata=+fix-cortex-a53-835769
case $1 in
  kernel) target=$kernel_target; flags="-Ctarget-feature=-strict-align,$errata -Cforce-frame-pointers=yes" ;;
  user) target=$user_target; flags="-Clink-self-contained=no -Clinker-flavor=ld.lld -Crelocation-model=static -Ctarget-feature=+crt-static,$errata -Clink-arg=--gc-sections -Clink-arg=--fix-cortex-a53-843419 -Cstrip=symbols" ;;
  *) die "the first argument is kernel or user, not '$1'" ;;
esac
shift
subcommand=$1
shift
export RUSTC_WRAPPER=$top/tools/quiet-rustc.sh
export CARGO_ENCODED_RUSTFLAGS
if [ "$which" = rustup ]; then
  [ "$target" = "$user_target" ] && flags="$flags -Clinker=rust-lld"
  CARGO_ENCODED_RUSTFLAGS=$(tr ' ' '\037' <<<"$flags" | tr -d '\n')
  exec cargo "$subcommand" --target "$target" "$@"
fi
flags="$flags -Clinker=$(find_lld)"
CARGO_ENCODED_RUSTFLAGS=$(tr ' ' '\037' <<<"$flags" | tr -d '\n')
export RUSTC=/usr/bin/rustc RUSTC_BOOTSTRAP=1
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-target}/debian
exec env -u RUSTUP_TOOLCHAIN PATH="/usr/bin:$PATH" /usr/bin/cargo "$subcommand" -Zbuild-std=core,alloc --target "$target" "$@"
