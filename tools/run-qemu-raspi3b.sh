#!/usr/bin/env bash
# Boots the kernel in QEMU, with a USB network adapter if asked.
#
# Usage: tools/run-qemu-raspi3b.sh [OPTION]...
#   --kernel FILE            image to boot (default: target/kernel8.img)
#   --machine NAME           raspi3b (default, 1 GB) or raspi3ap (512 MB, nearest to a Zero 2 W)
#   --dtb FILE               give the kernel this device tree, as the board's firmware may
#   --usb-net                plug in a USB network adapter
#   --usb-net-backend NAME   what its cable leads to (implies --usb-net):
#                              user   a network inside QEMU, router and DNS at fec0::2 (default)
#                              tap    a TAP interface of this host or of tools/lab.sh, see --tap-if (Linux)
#                              passt  the network of this host, without root; its ports can be forwarded,
#                                     see --forward (Linux)
#                              dgram  one Ethernet frame per datagram, see --dgram (for tests)
#   --tap-if NAME            the TAP interface (default: mona0); it must exist
#   --forward PORTS          with passt: TCP and UDP ports of this host that lead to the guest, such as
#                            8080 or 5000-5010,2222:22 (host:guest)
#   --dgram LOCAL,REMOTE     paths of two unix datagram sockets
#   --usb-hub 0|1            put a USB hub between port and adapter (default: 1)
#   --usb-class ecm|rndis    insist on one of the adapter's two protocols (default: ecm first)
#   --mac ADDRESS            the adapter's Ethernet address (default: 52:54:00:12:34:57)
#   --pcap FILE              write every frame on the cable to FILE
#   --trace FILE             write the trace frames of a kernel built with TRACE=1 to FILE
#   --log SPEC               kernel log level: error, warn, info, debug, trace, or per module,
#                            such as info,net=debug
#   --append TEXT            further boot arguments
#   --selftest               run the self-tests; their result is the exit status
#   --exit-status            carry the guest's exit status out
#   --monitor PATH           QEMU's monitor on a unix socket
#   --gdb                    wait for a debugger on port 1234
#   --dry-run                print the command, do not run it
#   --help                   this text
#
# The guest's console is this terminal: `poweroff` in its shell ends QEMU, Ctrl-A X kills it.
set -euo pipefail

die() { echo "run-qemu-raspi3b: $*" >&2; exit 2; }
usage() { sed -n '2,/^set -/{/^set -/d;s/^# \{0,1\}//p;}' "$0"; }

top=$(cd "$(dirname "$0")/.." && pwd)
kernel=${CARGO_TARGET_DIR:-$top/target}/kernel8.img
machine=raspi3b dtb='' usb_net='' backend=user tap_if=mona0 forward='' dgram='' hub=1 class='' mac=52:54:00:12:34:57
pcap='' append='' semihosting='' monitor='' gdb='' trace='' dry_run='' enter=()

while [ $# -gt 0 ]; do
  option=$1
  shift
  case $option in
    --kernel | --machine | --dtb | --usb-net-backend | --tap-if | --forward | --dgram | --usb-hub | --usb-class | --mac | --pcap | --trace | --log | --append | --monitor)
      [ $# -gt 0 ] || die "$option needs a value (see --help)"
      value=$1
      shift
      ;;
  esac
  case $option in
    --kernel) kernel=$value ;;
    --machine) machine=$value ;;
    --dtb) dtb=$value ;;
    --usb-net) usb_net=1 ;;
    --usb-net-backend) backend=$value usb_net=1 ;;
    --tap-if) tap_if=$value ;;
    --forward) forward=$value ;;
    --dgram) dgram=$value ;;
    --usb-hub) hub=$value ;;
    --usb-class) class=$value ;;
    --mac) mac=$value ;;
    --pcap) pcap=$value ;;
    --trace) trace=$value ;;
    --log) append+=" log=$value" ;;
    --append) append+=" $value" ;;
    --selftest) append+=" selftest panic=exit" semihosting=1 ;;
    --exit-status) append+=" panic=exit" semihosting=1 ;;
    --monitor) monitor=$value ;;
    --gdb) gdb=1 ;;
    --dry-run) dry_run=1 ;;
    --help | -h) usage; exit 0 ;;
    *) die "unknown option '$option' (see --help)" ;;
  esac
done

case $machine in raspi3b | raspi3ap) ;; *) die "unknown machine '$machine': raspi3b or raspi3ap" ;; esac
case $hub in 0 | 1) ;; *) die "--usb-hub is 0 or 1, not '$hub'" ;; esac
case $class in '') ;; ecm | rndis) append+=" usb_net=$class" ;; *) die "unknown USB class '$class': ecm or rndis" ;; esac
[[ $mac =~ ^([0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2}$ ]] || die "'$mac' is not an Ethernet address"
[ -f "$kernel" ] || die "no kernel at $kernel: build it with 'make image'"

case $backend in
  user) netdev=user,id=net0,ipv6=on ;;
  tap)
    [ "$(uname -s)" = Linux ] || die "the tap back end needs Linux; use --usb-net-backend user"
    if [ ! -e "/sys/class/net/$tap_if" ] && [ -e /run/mona-lab ]; then
      # The interface is the lab's, inside its namespace.
      enter=(ip netns exec mona)
      [ "$(id -u)" = 0 ] || enter=(sudo "${enter[@]}")
      "${enter[@]}" test -e "/sys/class/net/$tap_if" || die "the lab has no TAP interface '$tap_if'"
    else
      [ -e "/sys/class/net/$tap_if" ] || die "there is no TAP interface '$tap_if': make a lab with 'tools/lab.sh up', or the interface alone with 'ip tuntap add dev $tap_if mode tap'"
      [ -e "/sys/class/net/$tap_if/tun_flags" ] || die "'$tap_if' is not a TAP interface"
    fi
    netdev=tap,id=net0,ifname=$tap_if,script=no,downscript=no
    ;;
  passt)
    [ "$(uname -s)" = Linux ] || die "the passt back end needs Linux; use --usb-net-backend user"
    passt=$(mktemp -d "${TMPDIR:-/tmp}/passt-XXXXXX")
    netdev=stream,id=net0,server=off,addr.type=unix,addr.path=$passt/socket
    ;;
  dgram)
    [[ $dgram == *,* ]] || die "the dgram back end needs --dgram LOCAL,REMOTE"
    netdev=dgram,id=net0,local.type=unix,local.path=${dgram%%,*},remote.type=unix,remote.path=${dgram#*,}
    ;;
  *) die "unknown back end '$backend': user, tap, passt or dgram" ;;
esac
[ -z "$forward" ] || [ "$backend" = passt ] || die "--forward is for the passt back end"

"$top/tools/ensure.sh" qemu-system-aarch64

# (macOS has a bash for which an empty array is unset.)
command=(${enter[@]+"${enter[@]}"} qemu-system-aarch64 -M "$machine" -kernel "$kernel" -display none -no-reboot)
[ -z "$dtb" ] || command+=(-dtb "$dtb")
if [ -n "$monitor" ]; then
  command+=(-serial stdio -monitor "unix:$monitor,server=on,wait=off")
else
  command+=(-serial mon:stdio)
fi
if [ -n "$trace" ]; then
  # The second port is the mini-UART.
  command+=(-serial "file:$trace")
  echo "traces go to $trace; 'make trace' shows them, in another terminal 'make trace FOLLOW=1'" >&2
fi
if [ -n "$usb_net" ]; then
  command+=(-netdev "$netdev")
  if [ "$hub" = 1 ]; then
    command+=(-device "usb-hub,port=1" -device "usb-net,netdev=net0,mac=$mac,port=1.1,id=usbnet")
  else
    command+=(-device "usb-net,netdev=net0,mac=$mac,port=1,id=usbnet")
  fi
  [ -z "$pcap" ] || command+=(-object "filter-dump,id=dump0,netdev=net0,file=$pcap")
else
  [ -z "$pcap" ] || die "--pcap needs --usb-net: without an adapter there is no cable to listen on"
  echo "no USB network adapter: run with USB_NET=1 (--usb-net) for one" >&2
fi
if [ -n "$semihosting" ]; then
  append+=" semihosting=1"
  command+=(-semihosting-config "enable=on,target=native")
fi
if [ -n "$gdb" ]; then
  command+=(-s -S)
  echo "waiting for gdb; in another terminal: gdb-multiarch $("$top/tools/cross-cargo.sh" --artifacts kernel)/kernel -ex 'target remote :1234'" >&2
fi
# The board has no clock of its own: it begins with this machine's. (Old bashes know whole seconds alone;
# the decimal point is the locale's.)
clock=${EPOCHREALTIME:-$(date +%s)}
command+=(-append "clock=${clock/,/.}$append")

if [ -n "$dry_run" ]; then
  printf '%q ' "${command[@]}"
  echo
  [ -z "${passt:-}" ] || rmdir "$passt"
  exit 0
fi
if [ "$backend" = passt ]; then
  "$top/tools/ensure.sh" passt
  # As root it becomes nobody. It ends with QEMU's connection. The network is of IPv6 alone, with
  # Ethernet's MTU.
  chmod 777 "$passt"
  (
    passt --foreground --one-off --log-file "$passt/log" -6 --mtu 1500 --socket "$passt/socket" \
      --tcp-ports "${forward:-none}" --udp-ports "${forward:-none}" </dev/null >"$passt/output" 2>&1 ||
      cat "$passt/output" "$passt/log" >&2
    rm -rf "$passt"
  ) &
  while [ ! -S "$passt/socket" ]; do
    kill -0 $! 2>/dev/null || die "passt did not start"
    sleep 0.05
  done
fi
[ -n "$monitor" ] || [ ! -t 0 ] || echo "(Ctrl-A X ends QEMU)" >&2
exec "${command[@]}"
