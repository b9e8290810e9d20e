#!/usr/bin/env bash
# Makes sure that commands exist, installing their packages where that is possible.
#
# Usage: tools/ensure.sh COMMAND...
set -euo pipefail

# The package of a command: Debian's name, then Homebrew's.
package_of() {
  case $1 in
    qemu-system-aarch64) echo qemu-system-arm qemu ;;
    qemu-aarch64-static) echo qemu-user-static - ;;
    gdb-multiarch) echo gdb-multiarch gdb ;;
    shellcheck) echo shellcheck shellcheck ;;
    tcpdump) echo tcpdump tcpdump ;;
    radvd) echo radvd - ;;
    dnsmasq) echo dnsmasq-base dnsmasq ;;
    kea-dhcp6) echo kea-dhcp6-server - ;;
    passt) echo passt - ;;
    atk6-*) echo thc-ipv6 - ;;
    ip | tc | ss) echo iproute2 - ;;
    nft) echo nftables - ;;
    llvm-cov-*) echo "llvm-${1#llvm-cov-}" llvm ;;
    chrt) echo util-linux - ;;
    sysctl) echo procps - ;;
    nslookup) echo bind9-dnsutils bind ;;
    avahi-daemon) echo avahi-daemon avahi ;;
    avahi-resolve) echo avahi-utils - ;;
    dbus-daemon) echo dbus-daemon dbus ;;
    ping) echo iputils-ping - ;;
    sfdisk) echo fdisk util-linux ;;
    mkfs.vfat | fsck.vfat) echo dosfstools dosfstools ;;
    nm) echo binutils binutils ;;
    cmp) echo diffutils diffutils ;;
    mcopy | mdir) echo mtools mtools ;;
    dtc) echo device-tree-compiler dtc ;;
    nc) echo netcat-openbsd netcat ;;
    *) echo "$1" "$1" ;;
  esac
}

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

missing=()
for command in "$@"; do
  # Administration tools live where a plain user's PATH does not look.
  PATH="$PATH:/usr/sbin:/sbin" command -v "$command" >/dev/null || missing+=("$command")
done
[ ${#missing[@]} -gt 0 ] || exit 0

packages=()
for command in "${missing[@]}"; do
  read -r debian brew <<<"$(package_of "$command")"
  if command -v apt-get >/dev/null; then packages+=("$debian"); else packages+=("$brew"); fi
done
give_up() {
  echo "missing: ${missing[*]}; install the package(s) ${packages[*]} and try again" >&2
  exit 1
}
echo "installing ${packages[*]}" >&2
if command -v apt-get >/dev/null; then
  as_root apt-get update -qq >/dev/null || give_up
  as_root env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq --no-install-recommends "${packages[@]}" >/dev/null || give_up
elif command -v brew >/dev/null && [[ " ${packages[*]} " != *" - "* ]]; then
  brew install "${packages[@]}" >/dev/null || give_up
else
  give_up
fi
