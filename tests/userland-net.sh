#!/usr/bin/env bash
# Compares the network programs, as built for aarch64, with iproute2, iputils, net-tools, BIND and
# OpenBSD's netcat on Linux.
#
# They run under qemu-aarch64-static, in a network namespace of their own where the machine allows
# one (as root, or in a user namespace), else on the machine's loopback interface. What cannot be
# tested is named, with the reason.
#
# Usage: tests/userland-net.sh PROGRAM-FOLDER
set -uo pipefail
[ $# -ge 1 ] || { sed -n '9s/^# //p' "$0"; exit 2; }

export LC_ALL=C PATH="$PATH:/usr/sbin:/sbin"
top=$(cd "$(dirname "$0")/.." && pwd)

if [ "${2:-}" != inside ]; then
  "$top/tools/ensure.sh" qemu-aarch64-static ip ping iperf nc tcpdump dnsmasq nslookup || exit 1
  self=$top/tests/userland-net.sh
  programs=$(cd "$1" && pwd) || exit 2
  if unshare --net --mount true 2>/dev/null; then
    exec unshare --net --mount "$self" "$programs" inside namespace
  elif unshare --user --map-root-user --net --mount true 2>/dev/null; then
    exec unshare --user --map-root-user --net --mount "$self" "$programs" inside namespace
  fi
  exec "$self" "$programs" inside host
fi

programs=$1 where=$3
passed=0 failed=0 skipped=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

ours() {
  local program=$1
  shift
  qemu-aarch64-static "$programs/$program" "$@" </dev/null
}

pass() { passed=$((passed + 1)); echo "ok - $1"; }
fail() { failed=$((failed + 1)); echo "not ok - $1"; }
skip() { skipped=$((skipped + 1)); echo "skip - $1: $2"; }

# What differs from run to run or from version to version: times, counters that move, where an
# address came from (iproute2 6.3 and later say it).
mask() {
  sed -E -e 's/time=[0-9.]+ ms/time=T ms/' -e 's/time [0-9]+ms/time Tms/' \
    -e 's#= [0-9.]+/[0-9.]+/[0-9.]+/[0-9.]+ ms#= T ms#' \
    -e 's/^PING ([^ ]+) \(/PING \1(/' \
    -e 's/ proto kernel_(lo|ll|ra)//' -e 's/expires [0-9]+sec/expires Nsec/' \
    -e 's/(valid|preferred)_lft [0-9]+sec/\1_lft Nsec/g' \
    -e 's/(packets|bytes) [0-9]+( \([^)]*\))?/\1 N/g'
}

# same NAME THEIRS OURS: both command lines print the same and end with the same status.
same() {
  local name=$1 theirs_status ours_status
  eval "$2" >"$work/theirs" 2>&1
  theirs_status=$?
  eval "$3" >"$work/ours" 2>&1
  ours_status=$?
  if [ "$theirs_status" = "$ours_status" ] && diff -q <(mask <"$work/theirs") <(mask <"$work/ours") >/dev/null; then
    pass "$name"
  else
    fail "$name (status $theirs_status, ours $ours_status)"
    diff <(mask <"$work/theirs") <(mask <"$work/ours") | sed 's/^/#   /'
  fi
}

# ip_same ARGUMENTS...: like iproute2.
ip_same() { same "ip $*" "ip $*" "ours ip $*"; }

# ends NAME STATUS PATTERN COMMAND...: the command ends with the status and prints the pattern;
# nothing at all when the pattern is empty.
ends() {
  local name=$1 wanted=$2 pattern=$3 status
  shift 3
  "$@" >"$work/out" 2>&1
  status=$?
  if [ "$status" = "$wanted" ] && if [ -n "$pattern" ]; then grep -Eq -- "$pattern" "$work/out"; else [ ! -s "$work/out" ]; fi; then
    pass "$name"
  else
    fail "$name (status $status, wanted $wanted)"
    sed 's/^/#   /' "$work/out"
  fi
}

if [ "$where" = namespace ]; then
  ip link set lo up
  # A user namespace has no raw sockets for iputils when it dropped its rights; ping sockets do.
  echo "0 65535" >/proc/sys/net/ipv4/ping_group_range 2>/dev/null || true
fi

has_loopback=no
ping -6 -c 1 -W 2 ::1 >/dev/null 2>&1 && has_loopback=yes

# Whether this user may have a socket for echo requests: root may, others where the groups say so.
may_ping() {
  local first last group
  [ "$(id -u)" != 0 ] || return 0
  read -r first last </proc/sys/net/ipv4/ping_group_range
  for group in $(id -G); do
    [ "$group" -ge "$first" ] && [ "$group" -le "$last" ] && return 0
  done
  return 1
}

ping_tests() {
  if ! may_ping; then
    skip "ping6 ::1" "net.ipv4.ping_group_range does not admit this user"
    return
  fi
  if [ "$has_loopback" = no ]; then
    skip "ping6 ::1" "this machine has no IPv6 loopback, or does not let us ping it"
    return
  fi
  same "ping6 -c 2 ::1" "ping -6 -c 2 ::1" "ours ping6 -c 2 ::1"
  same "ping6 -q" "ping -6 -q -c 2 -i 0.2 ::1" "ours ping6 -q -c 2 -i 0.2 ::1"
  same "ping6 -s 1400" "ping -6 -c 1 -s 1400 ::1" "ours ping6 -c 1 -s 1400 ::1"
  same "ping6 -s 4 has no times" "ping -6 -c 1 -s 4 ::1" "ours ping6 -c 1 -s 4 ::1"
  same "ping6 -p" "ping -6 -c 1 -p a5 ::1" "ours ping6 -c 1 -p a5 ::1"
  same "ping6 -I ADDRESS" "ping -6 -c 1 -I ::1 ::1" "ours ping6 -c 1 -I ::1 ::1"
  ends "ping6 -f" 0 '^20 packets transmitted, 20 received' ours ping6 -f -i 0.01 -c 20 ::1
  ends "ping6 with a deadline" 0 '^1 packets transmitted, 1 received' ours ping6 -w 5 -c 1 ::1
  timeout -s INT 1.5 qemu-aarch64-static "$programs/ping6" ::1 >"$work/out" 2>&1 </dev/null
  if grep -q 'packet loss' "$work/out" && grep -q '^rtt min/avg/max/mdev' "$work/out"; then
    pass "an interrupt ends ping6 with the statistics"
  else
    fail "an interrupt ends ping6 with the statistics"
    sed 's/^/#   /' "$work/out"
  fi
}

ping_tests
ends "ping6 without a destination" 2 'usage error: Destination address required' ours ping6
ends "ping6 with an unknown option" 2 "invalid option -- 'Z'" ours ping6 -Z ::1
ends "ping6 -c x" 1 "invalid argument: 'x'" ours ping6 -c x ::1
ends "ping6 to a name nobody knows" 2 'no.such.host.invalid.: Name or service not known' ours ping6 no.such.host.invalid.
ends "ping6 to IPv4" 2 'Address family for hostname not supported' ours ping6 192.0.2.1
ends "ping6 --help" 0 '^Usage: ping6' ours ping6 --help

ip_same addr show lo
ip_same -6 addr show lo
ip_same -o addr show lo
ip_same -br addr show lo
ip_same link show lo
ip_same -o link show lo
ip_same -6 route show table local dev lo
ip_same addr show nosuchdevice
ip_same link show nosuchdevice
ip_same nonsense
ip_same -z
ip_same link nonsense
ip_same addr nonsense
ip_same route nonsense
ip_same neigh nonsense
ip_same link help vlan
ip_same link add
ip_same link add link lo name lo.5
ip_same link add link nosuchdevice name lo.5 type vlan id 5
ip_same link add link lo name lo.5 type
ip_same link add link lo name lo.5 type vlan id
ip_same link add link lo name lo.5 type vlan id x
ip_same link add link lo name lo.5 type vlan id 70000
ip_same link add link lo name lo.5 type vlan id 5 protocol foo
ip_same link add link lo name lo.5 type vlan id 5 reorder_hdr maybe
ip_same link add link lo name lo.5 type vlan id 5 egress-qos-map 1
ip_same link add link lo name lo.5 type vlan id 5 mtu 1400
ip_same link add link lo name lo.5 type foo id 5
ip_same link add name lo.5 lo.6 link lo type vlan id 5
ip_same link add name a/b link lo type vlan id 5
ip_same link add name lo type vlan
ip_same link delete lo type vlan
ip_same link set lo type vlan id 5
ip_same link set dev lo type vlan
ip_same link show type vlan
ip_same link show type
ip_same link set
ip_same link set lo mtu
ip_same addr add zz dev lo
ip_same -6 route get zz
ip_same neigh add ::1
ip_same addr flush
ip_same route flush
ip_same neigh flush
ends "ip --help" 0 '^Usage: ip' ours ip --help

namespace_tests() {
  if ! ip link add veth0 address 02:00:00:00:00:01 type veth peer name veth1 address 02:00:00:00:00:02 2>/dev/null; then
    skip "changes by ip" "this kernel has no veth links"
    return
  fi
  ends "ip link set up" 0 '' ours ip link set veth0 up
  ends "ip link set up, the other end" 0 '' ours ip link set dev veth1 up mtu 1400
  sleep 2.5 # duplicate address detection of the link-local addresses
  ends "ip addr add" 0 '' ours ip addr add 2001:db8::5/64 dev veth0 nodad
  ends "ip addr add with lifetimes" 0 '' ours ip -6 addr add 2001:db8:1::5/64 dev veth0 nodad valid_lft 1000 preferred_lft 500
  ends "ip addr add, again" 2 'Error: ipv6: address already assigned|RTNETLINK answers: File exists' ours ip addr add 2001:db8::5/64 dev veth0
  ends "ip route add" 0 '' ours ip -6 route add 2001:db8:2::/48 via 2001:db8::1 dev veth0 metric 7 mtu 1300
  ends "ip route add default" 0 '' ours ip -6 route add default via fe80::1 dev veth0 metric 5
  ends "ip route add, again" 2 'RTNETLINK answers: File exists' ours ip -6 route add default via fe80::1 dev veth0 metric 5
  ends "ip route add unreachable" 0 '' ours ip route add unreachable 2001:db8:3::/48
  ends "ip route del, of none" 2 'RTNETLINK answers: No such process' ours ip route del 2001:db8:9::/48
  local arguments
  for arguments in "addr" "-6 addr" "-4 addr" "-o addr" "-br addr" "-br link" "link" "-o link" "-s link show veth1" \
    "addr show scope link" "-6 addr show dynamic" "addr show veth0 permanent" "addr show up" "-6 addr show to 2001:db8::/48" \
    "-6 route" "-6 route show table all" "-6 route show dev veth0" "-6 route show default" "-6 route show root 2001:db8::/32" \
    "-6 route show match 2001:db8:2::1" "-6 route show proto kernel" "-6 route show type unreachable" \
    "-6 route show via fe80::1" "-6 route get 2001:db8::9" "-6 route get 2001:db8:2::9" "-6 route get ::1" \
    "-6 maddr" "maddr show dev veth0"; do
    # shellcheck disable=SC2086 # words
    ip_same $arguments
  done
  ends "ping6 to a link-local address" 0 '1 received' ours ping6 -c 1 fe80::ff:fe00:1%veth0
  same "ping6 to where no way leads" "ping -6 -n -c 1 2001:db8:3::1" "ours ping6 -n -c 1 2001:db8:3::1 2>&1 | sed s/^ping6:/ping:/; (exit \${PIPESTATUS[0]})"
  ends "an unreachable neighbor is reported" 1 'From .* icmp_seq=1 Destination unreachable: Address unreachable' \
    ours ping6 -n -c 1 2001:db8::77
  # What is printed and asked about neighbors is in the unit tests.
  skip "ip neigh" "qemu-user does not translate neighbor messages"
  ends "ip route replace" 0 '' ours ip -6 route replace 2001:db8:2::/48 via 2001:db8::2 dev veth0 metric 7
  ip_same -6 route show 2001:db8:2::/48
  ends "ip route del" 0 '' ours ip -6 route del 2001:db8:2::/48
  ends "ip route flush" 0 '' ours ip -6 route flush proto boot
  ip_same -6 route
  ends "ip addr del" 0 '' ours ip addr del 2001:db8::5/64 dev veth0
  ends "ip addr flush" 0 'Flush is complete after 1 round' ours ip -s addr flush dev veth0
  ip_same addr show veth0
  if ip link add link veth0 name veth0.9 type vlan id 9 2>/dev/null; then
    ends "ip link add type vlan" 0 '' ours ip link add link veth0 name veth0.5 type vlan id 5 egress-qos-map 0:1 2:3
    ip_same -d link show veth0.5
    ip_same link show type vlan
    ends "ip link delete" 0 '' ours ip link delete veth0.5
    ip link delete veth0.9
  else
    skip "ip link add type vlan" "this kernel has no 802.1Q links"
  fi
  ends "ip link set down" 0 '' ours ip link set veth0 down
  ends "ip link set name" 0 '' ours ip link set veth0 name eth7 address 02:00:00:00:00:33 txqueuelen 500
  ip_same link
  ends "ifconfig up" 0 '' ours ifconfig eth7 up mtu 1280 add 2001:db8::9/64
  ip_same -6 addr show eth7
  ends "ifconfig down" 0 '' ours ifconfig eth7 down
  ip_same link show eth7
}

if [ "$where" = namespace ]; then
  namespace_tests
else
  skip "changes by ip and ifconfig" "this machine allows no network namespace"
fi

if command -v ifconfig >/dev/null && ifconfig --version 2>&1 | grep -q 'net-tools'; then
  same "ifconfig lo" "ifconfig lo" "ours ifconfig lo"
  same "ifconfig -a" "ifconfig -a" "ours ifconfig -a"
  same "ifconfig of nothing" "ifconfig nosuchdevice" "ours ifconfig nosuchdevice"
else
  skip "ifconfig compared" "net-tools is not installed"
fi
ends "ifconfig shows" 0 '^lo: flags=' ours ifconfig -a
ends "ifconfig --help" 0 '^Usage' ours ifconfig --help

# shellcheck source=tests/userland-net/echo.sh
. "$top/tests/userland-net/echo.sh"

# shellcheck source=tests/userland-net/iperf.sh
. "$top/tests/userland-net/iperf.sh"
# shellcheck source=tests/userland-net/nc.sh
. "$top/tests/userland-net/nc.sh"
# shellcheck source=tests/userland-net/names.sh
. "$top/tests/userland-net/names.sh"
# shellcheck source=tests/userland-net/tcpdump.sh
. "$top/tests/userland-net/tcpdump.sh"
# shellcheck source=tests/userland-net/counters.sh
. "$top/tests/userland-net/counters.sh"

usb_tests() {
  # A bus in the form of Linux: a root hub and a network adapter.
  if [ "$where" != namespace ] || ! mount -t tmpfs none /sys 2>/dev/null; then
    skip "lsusb lists" "needs a mount namespace to show it a bus"
    return
  fi
  ends "lsusb without a bus" 1 '/sys/bus/usb/devices: No such file or directory' ours lsusb
  local bus=/sys/bus/usb/devices
  local attribute
  mkdir -p "$bus/usb1" "$bus/1-1" "$bus/1-1:1.0" /sys/bus/usb/drivers/cdc_ether
  ln -s ../../drivers/cdc_ether "$bus/1-1:1.0/driver"
  for attribute in "usb1/busnum=1" "usb1/devnum=1" "usb1/speed=480" "usb1/maxchild=1" "1-1/busnum=1" "1-1/devnum=2" \
    "1-1/speed=12" "1-1/maxchild=0" "1-1/manufacturer=QEMU" "1-1/product=Adapter" "1-1/bConfigurationValue=1" \
    "1-1:1.0/bInterfaceNumber=00" "1-1:1.0/bInterfaceClass=02"; do
    echo "${attribute#*=}" >"$bus/${attribute%%=*}"
  done
  printf '\x12\x01\x00\x02\x09\x00\x01\x40\x6b\x1d\x02\x00\x00\x00\x00\x00\x00\x01' >"$bus/usb1/descriptors"
  printf '\x12\x01\x00\x02\x02\x00\x00\x40\x25\x05\xa2\xa4\x00\x00\x01\x02\x00\x01' >"$bus/1-1/descriptors"
  printf '\x09\x02\x1b\x00\x01\x01\x00\xc0\x19\x09\x04\x00\x00\x01\x02\x06\x00\x00' >>"$bus/1-1/descriptors"
  printf '\x07\x05\x81\x03\x10\x00\x20' >>"$bus/1-1/descriptors"
  ends "lsusb" 0 '^Bus 001 Device 002: ID 0525:a4a2 QEMU Adapter$' ours lsusb
  ends "lsusb -d" 0 '^Bus 001 Device 001: ID 1d6b:0002' ours lsusb -d 1d6b:
  ends "lsusb -s finds nothing" 1 '' ours lsusb -s 1:77
  ends "lsusb -t" 0 '^    \|__ Port 001: Dev 002, If 0, Class=Communications, Driver=cdc_ether, 12M$' ours lsusb -t
  ends "lsusb -v" 0 '^        bEndpointAddress     0x81  EP 1 IN$' ours lsusb -v
}
ends "lsusb --help" 0 '^Usage: lsusb' ours lsusb --help
ends "lsusb with a wrong argument" 1 "invalid argument 'x' of -s" ours lsusb -s x
usb_tests

echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
