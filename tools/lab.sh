#!/usr/bin/env bash
# An IPv6 network in network namespaces of this machine, for a guest on a TAP interface to join.
#
# Usage: tools/lab.sh up [OPTION]...     make it; what was there before is removed first
#          --router radvd|dnsmasq|kea|none  who advertises (default radvd, with dnsmasq for names only):
#                    dnsmasq and kea also lend addresses by DHCPv6, and their advertisements say so
#          --stateless    with dnsmasq: DHCPv6 has name servers, no addresses
#          --second-router  another router, fe80::2, of low preference, with a prefix of its own
#          --guests N     TAP interfaces mona0, mona1, … on one bridge (default 2)
#          --vlan ID      the prefix 2001:db8:ID::/64 behind an 802.1Q tag, where this Linux can
#          --pcap FILE    everything on the bridge, as pcap
#        tools/lab.sh run [GUEST] [MAKE-VARIABLE]...   boot guest 0, 1, … of the lab: `make run` on its TAP
#        tools/lab.sh shell [COMMAND]...     a shell, or a command, beside the router
#        tools/lab.sh far [COMMAND]...       the same on the host behind the router
#        tools/lab.sh advertise normal|deprecate|renumber|withdraw   what the first router says from now on
#        tools/lab.sh path-mtu OCTETS        the MTU between the router and the host behind it
#        tools/lab.sh faults none            a clean link again, or a mix of (both ways, to guest 0)
#          loss=PERCENT duplicate=PERCENT corrupt=PERCENT    everywhere
#          delay=MILLISECONDS reorder=PERCENT                where this Linux has netem
#        tools/lab.sh status                 what there is
#        tools/lab.sh down                   remove it; nothing is left
#        tools/lab.sh help                   this text
#
#   guest 0 ── mona0 ┐
#                    ├ bridge lan ── router fe80::1, 2001:db8:1::1 (router.lab) ── far.lab 2001:db8:2::2
#   guest 1 ── mona1 ┘      └─────── second router fe80::2, prefix 2001:db8:3::/64
#
# The router runs DNS for the domain lab, and echo (7) and discard (9) by TCP and UDP; so does far.lab.
# Everything lives in the namespaces mona, mona-far and mona-second, and in /run/mona-lab. Needs root.
set -euo pipefail

lab=mona far=mona-far second=mona-second
state=/run/mona-lab
tools=$(cd "$(dirname "$0")" && pwd)

die() { echo "lab: $*" >&2; exit 1; }
usage() { sed -n '2,/^set -/{/^set -/d;s/^# \{0,1\}//p;}' "$0"; }
in_lab() { ip netns exec "$lab" "$@"; }
exists() { ip netns list | grep -qw "^$1"; }
need_lab() { exists "$lab" || die "the lab is not up: $0 up"; }

need_root() {
  [ "$(uname -s)" = Linux ] || die "needs Linux; on other systems use USB_NET_BACKEND=user"
  [ "$(id -u)" = 0 ] || die "makes network namespaces and TAP interfaces, so it needs root: sudo $0 $*"
}

# start NAME NAMESPACE COMMAND...: leaves the command running; `down` ends it by its pid.
start() {
  local name=$1 namespace=$2
  shift 2
  ip netns exec "$namespace" "$@" </dev/null >"$state/$name.log" 2>&1 &
  echo $! >"$state/$name.pid"
}

# The last words of a service that has ended, if it has.
check_services() {
  local file name
  for file in "$state"/*.pid; do
    name=$(basename "$file" .pid)
    kill -0 "$(cat "$file")" 2>/dev/null || { tail -5 "$state/$name.log" >&2; die "$name has ended"; }
  done
}

down() {
  local file namespace tries
  for file in "$state"/*.pid; do
    [ -e "$file" ] || continue
    kill "$(cat "$file")" 2>/dev/null || true
  done
  for namespace in "$lab" "$far" "$second"; do
    exists "$namespace" || continue
    # A namespace with a program in it would live on unseen.
    for ((tries = 0; tries < 50; tries++)); do
      [ -n "$(ip netns pids "$namespace")" ] || break
      sleep 0.1
    done
    if [ -n "$(ip netns pids "$namespace")" ]; then
      echo "lab: ending what still runs in $namespace:" >&2
      ip netns pids "$namespace" | while read -r pid; do
        echo "  $pid $(tr '\0' ' ' <"/proc/$pid/cmdline")" >&2
        kill -9 "$pid" 2>/dev/null || true
      done
    fi
    ip netns del "$namespace"
  done
  rm -rf "$state"
}

# What the first router says, by radvd: one of normal, deprecate, renumber, withdraw.
write_radvd() {
  local lifetime=1800 route=600 prefixes managed=off
  local valid="AdvValidLifetime 3600; AdvPreferredLifetime"
  prefixes="prefix 2001:db8:1::/64 { AdvOnLink on; AdvAutonomous on; $valid 1800; };"
  case $1 in
    normal) ;;
    deprecate) prefixes="prefix 2001:db8:1::/64 { AdvOnLink on; AdvAutonomous on; $valid 0; };" ;;
    renumber)
      prefixes="prefix 2001:db8:1::/64 { AdvOnLink on; AdvAutonomous on; $valid 0; };
  prefix 2001:db8:a::/64 { AdvOnLink on; AdvAutonomous on; $valid 1800; };"
      ip -n "$lab" addr replace 2001:db8:a::1/64 dev lan nodad
      ;;
    withdraw) lifetime=0 route=0 ;;
  esac
  [ "$(cat "$state/router")" != kea ] || managed=on
  cat >"$state/radvd.conf" <<END
interface lan {
  AdvSendAdvert on; IgnoreIfMissing on; MinRtrAdvInterval 3; MaxRtrAdvInterval 4;
  AdvDefaultLifetime $lifetime; AdvLinkMTU 1500; AdvManagedFlag $managed; AdvOtherConfigFlag $managed;
  $prefixes
  route 2001:db8:2::/64 { AdvRoutePreference high; AdvRouteLifetime $route; };
  RDNSS 2001:db8:1::1 { AdvRDNSSLifetime 600; };
  DNSSL lab { AdvDNSSLLifetime 600; };
};
END
}

write_second_radvd() {
  cat >"$state/second.conf" <<'END'
interface lan {
  AdvSendAdvert on; IgnoreIfMissing on; MinRtrAdvInterval 3; MaxRtrAdvInterval 4;
  AdvDefaultLifetime 1800; AdvDefaultPreference low;
  prefix 2001:db8:3::/64 { AdvOnLink on; AdvAutonomous on; AdvValidLifetime 3600; AdvPreferredLifetime 1800; };
};
END
}

start_radvd() { # NAME NAMESPACE
  start "$1" "$2" radvd -n -C "$state/$1.conf" -p "$state/$1.own" -m stderr
}

start_dnsmasq() { # EXTRA-OPTION...: DNS, and what the options add
  start dnsmasq "$lab" dnsmasq --keep-in-foreground --conf-file=/dev/null --user=root --pid-file= \
    --log-facility=- --log-dhcp --interface=lan --bind-interfaces --no-resolv --no-hosts \
    --domain=lab --local=/lab/ --host-record=router.lab,host.lab,2001:db8:1::1 \
    --host-record=far.lab,2001:db8:2::2 --cname=www.lab,far.lab --txt-record=lab,"IPv6 only" "$@"
}

start_kea() {
  mkdir -p /var/lib/kea /run/kea
  cat >"$state/kea.json" <<END
{ "Dhcp6": {
    "interfaces-config": { "interfaces": [ "lan" ] },
    "lease-database": { "type": "memfile", "persist": false },
    "renew-timer": 30, "rebind-timer": 45, "preferred-lifetime": 60, "valid-lifetime": 90,
    "option-data": [ { "name": "dns-servers", "data": "2001:db8:1::1" },
                     { "name": "domain-search", "data": "lab" } ],
    "subnet6": [ { "id": 1, "subnet": "2001:db8:1::/64", "interface": "lan", "rapid-commit": true,
                   "pools": [ { "pool": "2001:db8:1::100-2001:db8:1::1ff" } ] } ],
    "loggers": [ { "name": "kea-dhcp6", "severity": "INFO",
                   "output_options": [ { "output": "stdout" } ] } ] } }
END
  start kea "$lab" kea-dhcp6 -c "$state/kea.json"
}

start_services() { # NAMESPACE
  start "$1-echo" "$1" socat TCP6-LISTEN:7,fork,reuseaddr EXEC:cat,nofork
  start "$1-echo-udp" "$1" socat UDP6-RECVFROM:7,fork PIPE
  start "$1-discard" "$1" socat -u TCP6-LISTEN:9,fork,reuseaddr OPEN:/dev/null
  start "$1-discard-udp" "$1" socat -u UDP6-RECV:9 OPEN:/dev/null
}

up() {
  local router=radvd stateless='' second_router='' guests=2 vlan='' pcap='' number
  while [ $# -gt 0 ]; do
    case $1 in
      --router | --guests | --vlan | --pcap) [ $# -gt 1 ] || die "$1 needs a value" ;;
    esac
    case $1 in
      --router) router=$2; shift ;;
      --stateless) stateless=1 ;;
      --second-router) second_router=1 ;;
      --guests) guests=$2; shift ;;
      --vlan) vlan=$2; shift ;;
      --pcap) pcap=$2; shift ;;
      *) die "unknown option '$1' (see $0 help)" ;;
    esac
    shift
  done
  case $router in radvd | dnsmasq | kea | none) ;; *) die "--router is radvd, dnsmasq, kea or none, not '$router'" ;; esac
  [ -z "$stateless" ] || [ "$router" = dnsmasq ] || die "--stateless goes with --router dnsmasq"
  [[ $guests =~ ^[1-8]$ ]] || die "--guests is 1 to 8, not '$guests'"
  [ -z "$vlan" ] || { [[ $vlan =~ ^[1-9][0-9]{0,3}$ ]] && [ "$vlan" -le 4094 ]; } || die "--vlan is 1 to 4094, not '$vlan'"
  [ -c /dev/net/tun ] || die "there is no /dev/net/tun: modprobe tun"
  "$tools/ensure.sh" ip sysctl socat dnsmasq
  case $router in radvd) "$tools/ensure.sh" radvd ;; kea) "$tools/ensure.sh" radvd kea-dhcp6 ;; esac
  [ -z "$second_router" ] || "$tools/ensure.sh" radvd
  [ -z "$pcap" ] || { "$tools/ensure.sh" tcpdump; pcap=$(realpath "$pcap"); }

  down
  trap 'down' ERR
  mkdir -p "$state"
  echo "$router" >"$state/router"
  ip netns add "$lab"
  ip netns add "$far"
  ip -n "$lab" link set lo up
  ip -n "$far" link set lo up
  in_lab sysctl -qw net.ipv6.conf.all.forwarding=1 net.ipv6.conf.default.accept_ra=0 \
    net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0 net.ipv6.icmp.ratelimit=0
  # No snooping: without a querier, neighbor discovery would work only by luck.
  ip -n "$lab" link add lan type bridge stp_state 0 forward_delay 0 mcast_snooping 0
  ip -n "$lab" link set lan addrgenmode none
  ip -n "$lab" link set lan up
  ip -n "$lab" addr add fe80::1/64 dev lan nodad
  ip -n "$lab" addr add 2001:db8:1::1/64 dev lan nodad
  for ((number = 0; number < guests; number++)); do
    in_lab ip tuntap add dev "mona$number" mode tap ${SUDO_UID:+user "$SUDO_UID"}
    # Without segmentation in Linux, what a fault hits is a frame, and tcpdump shows frames.
    ip -n "$lab" link set "mona$number" txqueuelen 100 gso_max_segs 1 addrgenmode none master lan up
  done

  ip -n "$lab" link add far0 type veth peer name far1 netns "$far"
  ip -n "$lab" link set far0 addrgenmode none up
  ip -n "$lab" addr add fe80::1/64 dev far0 nodad
  ip -n "$lab" addr add 2001:db8:2::1/64 dev far0 nodad
  ip -n "$far" link set far1 up
  ip -n "$far" addr add 2001:db8:2::2/64 dev far1 nodad
  ip -n "$far" route add default via 2001:db8:2::1

  if [ -n "$vlan" ]; then
    if ip -n "$lab" link add link lan name "lan.$vlan" type vlan id "$vlan" 2>"$state/vlan.log"; then
      ip -n "$lab" link set "lan.$vlan" up
      ip -n "$lab" addr add "2001:db8:$vlan::1/64" dev "lan.$vlan" nodad
    else
      echo "lab: this Linux has no 802.1Q interfaces: $(cat "$state/vlan.log")" >&2
    fi
  fi
  if [ -n "$second_router" ]; then
    ip netns add "$second"
    ip -n "$second" link set lo up
    ip netns exec "$second" sysctl -qw net.ipv6.conf.all.forwarding=1 net.ipv6.conf.default.accept_dad=0
    ip -n "$lab" link add second0 type veth peer name lan netns "$second"
    ip -n "$lab" link set second0 addrgenmode none master lan up
    ip -n "$second" link set lan addrgenmode none
    ip -n "$second" link set lan up
    ip -n "$second" addr add fe80::2/64 dev lan nodad
    ip -n "$second" addr add 2001:db8:3::1/64 dev lan nodad
    ip -n "$second" route add default via fe80::1 dev lan
    ip -n "$lab" route add 2001:db8:3::/64 dev lan
    write_second_radvd
    start_radvd second "$second"
  fi

  local any_dhcp=2001:db8:1::100,2001:db8:1::1ff,slaac,64,1h
  [ -z "$stateless" ] || any_dhcp=2001:db8:1::,ra-stateless
  case $router in
    radvd) write_radvd normal; start_radvd radvd "$lab"; start_dnsmasq ;;
    kea) write_radvd normal; start_radvd radvd "$lab"; start_dnsmasq; start_kea ;;
    dnsmasq)
      start_dnsmasq --enable-ra --ra-param=lan,4,1800 --dhcp-range="$any_dhcp" \
        --dhcp-leasefile="$state/leases" '--dhcp-option=option6:dns-server,[2001:db8:1::1]' \
        --dhcp-option=option6:domain-search,lab
      ;;
    none) start_dnsmasq ;;
  esac
  start_services "$lab"
  start_services "$far"
  [ -z "$pcap" ] || start capture "$lab" tcpdump -i lan -U -nn -Z root -w "$pcap"
  sleep 1
  check_services
  trap - ERR
  status
  echo "boot a guest in it: make run USB_NET=1 USB_NET_BACKEND=tap, or $0 run"
}

status() {
  need_lab
  echo "namespaces: $(ip netns list | awk '{print $1}' | grep -x -e "$lab" -e "$far" -e "$second" | tr '\n' ' ')"
  ip -n "$lab" -br link
  ip -n "$lab" -6 -br addr
  local file name
  for file in "$state"/*.pid; do
    name=$(basename "$file" .pid)
    if kill -0 "$(cat "$file")" 2>/dev/null; then
      echo "$name: running, log $state/$name.log"
    else
      echo "$name: ended, log $state/$name.log"
    fi
  done
}

advertise() {
  need_lab
  case ${1:-} in normal | deprecate | renumber | withdraw) ;; *) die "advertise normal, deprecate, renumber or withdraw" ;; esac
  [ -e "$state/radvd.conf" ] || die "advertise is for the routers radvd and kea"
  write_radvd "$1"
  kill -HUP "$(cat "$state/radvd.pid")"
}

path_mtu() {
  need_lab
  [[ ${1:-} =~ ^1[0-9]{3}$ ]] || die "path-mtu is 1280 to 1500"
  { [ "$1" -ge 1280 ] && [ "$1" -le 1500 ]; } || die "path-mtu is 1280 to 1500, not $1"
  # Both ends: what is longer than the receiving end of a veth allows is lost without a word.
  ip -n "$lab" link set far0 mtu "$1"
  ip -n "$far" link set far1 mtu "$1"
}

faults() {
  need_lab
  [ $# -gt 0 ] || die "faults none, or loss=, duplicate=, corrupt=, delay=, reorder="
  "$tools/ensure.sh" nft tc
  in_lab nft delete table netdev fault 2>/dev/null || true
  in_lab tc qdisc del dev mona0 root 2>/dev/null || true
  [ "$1" != none ] || return 0
  local rules='' to='' netem='' word value
  for word in "$@"; do
    value=${word#*=}
    [[ $value =~ ^[0-9]+$ ]] || die "'$word' is not NAME=NUMBER"
    case $word in
      loss=*) rules+="numgen random mod 100 < $value counter drop"$'\n' ;;
      duplicate=*) to+="numgen random mod 100 < $value counter dup to mona0"$'\n' ;;
      # One octet of the payload; the checksum stays as it was.
      corrupt=*) rules+="meta l4proto { tcp, udp } numgen random mod 100 < $value @th,64,8 set 0x55 counter"$'\n' ;;
      delay=*) netem="delay ${value}ms $netem" ;;
      reorder=*) netem+=" reorder ${value}%" ;;
      *) die "unknown fault '$word'" ;;
    esac
  done
  if [ -n "$netem" ]; then
    [[ $netem == delay* ]] || die "reorder needs a delay, too"
    # shellcheck disable=SC2086 # several words
    in_lab tc qdisc add dev mona0 root netem $netem || die "this Linux has no netem: no delay, no reordering"
  fi
  [ -n "$rules$to" ] || return 0
  in_lab nft -f - <<END
table netdev fault {
  chain from { type filter hook ingress device mona0 priority 0;
$rules  }
  chain to { type filter hook egress device mona0 priority 0;
$rules$to  }
}
END
}

run() {
  local guest=0
  if [[ ${1:-} =~ ^[0-7]$ ]]; then guest=$1; shift; fi
  exists "$lab" || up
  exec make -C "$tools/.." run USB_NET=1 USB_NET_BACKEND=tap TAP_IF="mona$guest" \
    MAC="52:54:00:12:34:$(printf '%02x' $((0x57 + guest)))" "$@"
}

command=${1:-help}
[ $# -eq 0 ] || shift
case $command in
  help | --help | -h) usage; exit 0 ;;
  up | down | run | shell | far | advertise | path-mtu | faults | status) need_root "$command" "$@" ;;
  *) die "unknown command '$command' (see $0 help)" ;;
esac
case $command in
  up) up "$@" ;;
  down) down ;;
  run) run "$@" ;;
  shell) need_lab; in_lab "${@:-bash}" ;;
  far) need_lab; ip netns exec "$far" "${@:-bash}" ;;
  advertise) advertise "$@" ;;
  path-mtu) path_mtu "$@" ;;
  faults) faults "$@" ;;
  status) status ;;
esac
