# shellcheck shell=bash
# Names: nslookup beside BIND's, ping6 and nc by name, a name server that is down, long answers. Part
# of tests/userland-net.sh.
# shellcheck disable=SC2154 # $work and others are that script's

# name_server ADDRESS ARGUMENTS...: dnsmasq, which knows the zone `lab` and nothing else.
name_server() {
  local address=$1
  shift
  dnsmasq --keep-in-foreground --conf-file=/dev/null --user=root --pid-file= --listen-address="$address" --bind-interfaces \
    --no-resolv --no-hosts --local=/lab/ --local=/ip6.arpa/ --local=/nowhere.test/ "$@" 2>"$work/dnsmasq.log" &
  name_servers+=("$!")
}

# The answers come when it is ready.
name_server_answers() {
  for _ in $(seq 50); do
    nslookup -timeout=1 -retry=0 -type=aaaa host.lab "$1" >/dev/null 2>&1 && return
    sleep 0.1
  done
  fail "dnsmasq answers at $1"
  sed 's/^/#   /' "$work/dnsmasq.log"
}

# BIND's asks for A, too, unless told otherwise.
nslookup_same() {
  same "nslookup $*" "nslookup $*" "ours nslookup $*"
}

names_tests() {
  local name_servers=() long=() number
  for number in $(seq 60); do long+=("--host-record=long.lab,2001:db8:ffff::$number"); done
  ip link set lo up
  ip addr add 2001:db8::1/128 dev lo nodad
  ip addr add 2001:db8::53/128 dev lo nodad
  name_server ::1 --host-record=host.lab,2001:db8::1 --cname=www.lab,alias.lab --cname=alias.lab,host.lab \
    --mx-host=lab,mail.lab,10 --txt-record=lab,"v=spf1 -all",second --srv-host=_x._tcp.lab,host.lab,80,1,2 "${long[@]}"
  name_server_answers ::1
  printf 'nameserver ::1\nsearch nowhere.test lab\n' >"$work/resolv.conf"
  printf '::1 localhost\n2001:db8::77 pinned\n' >"$work/hosts"
  mount --bind "$work/resolv.conf" /etc/resolv.conf
  mount --bind "$work/hosts" /etc/hosts

  nslookup_same -type=aaaa host.lab
  nslookup_same -type=aaaa www.lab
  nslookup_same -type=aaaa www
  nslookup_same -type=mx lab
  nslookup_same -type=txt lab
  nslookup_same -type=srv _x._tcp.lab
  nslookup_same -type=cname www.lab
  nslookup_same -type=any lab
  nslookup_same 2001:db8::1
  nslookup_same -type=ptr 2001:db8::1
  nslookup_same 2001:db8::2
  nslookup_same -type=aaaa nowhere.lab.
  nslookup_same -type=aaaa host.lab ::1
  # Too long for UDP; the order changes with every answer.
  same "nslookup of a long answer" "nslookup -type=aaaa long.lab | grep -v '^;; Trunc' | sort" "ours nslookup -type=aaaa long.lab | sort"
  nslookup_same -vc -type=aaaa host.lab
  ends "nslookup asks for AAAA by itself" 0 '^Address: 2001:db8::1$' ours nslookup host
  ends "nslookup of a name without such records" 0 "^\*\*\* Can't find host.lab: No answer" ours nslookup -type=mx host.lab
  ends "nslookup where nobody listens" 1 '^;; no servers could be reached' ours nslookup -port=5399 host.lab
  ends "nslookup --help" 0 '^Usage: nslookup' ours nslookup --help

  same "ping6 NAME" "ping -6 -c 1 host.lab" "ours ping6 -c 1 host.lab"
  same "ping6 ALIAS" "ping -6 -c 1 www" "ours ping6 -c 1 www"
  same "ping6 -n NAME" "ping -6 -n -c 1 host" "ours ping6 -n -c 1 host"
  ends "ping6 to a name of /etc/hosts" 0 '^PING localhost\(localhost \(::1\)\)' ours ping6 -c 1 localhost
  ends "ping6 to a name nobody knows" 2 'nobody: Name or service not known' ours ping6 nobody
  ends "ping6 to a name without address" 2 'lab.: No address associated with hostname' ours ping6 lab.
  ends "nc NAME" 1 '^nc: connect to 2001:db8::1 port 9 \(tcp\) failed: Connection refused' ours nc www 9
  ends "tcpdump takes names" 0 'reading from file' ours tcpdump -nr "$top/tests/data/packets.pcap" host host.lab or host pinned
  ends "tcpdump refuses names nobody knows" 1 'nobody: Name or service not known' ours tcpdump -nr "$top/tests/data/packets.pcap" host nobody

  # The first server is down: nobody listens there, or nothing comes back.
  printf 'nameserver 2001:db8::53\nnameserver ::1\nsearch lab\n' >"$work/resolv.conf"
  ends "the second name server is asked" 0 '^Server:.*::1$' ours nslookup host
  ip route add blackhole 2001:db8:53::1 2>/dev/null
  printf 'nameserver 2001:db8:53::1\nnameserver ::1\nsearch lab\n' >"$work/resolv.conf"
  ends "the second name server is asked without a way to the first" 0 '^Server:.*::1$' ours nslookup host
  : >"$work/resolv.conf"
  ends "without name servers" 2 'host.lab: No name server known' ours ping6 host.lab

  umount /etc/resolv.conf /etc/hosts
  kill "${name_servers[@]}"
  wait "${name_servers[@]}" 2>/dev/null
}

if [ "$where" != namespace ]; then
  skip "names" "this machine allows no network namespace"
elif ! command -v dnsmasq >/dev/null || ! command -v nslookup >/dev/null; then
  skip "names" "dnsmasq or nslookup is not installed"
else
  names_tests
fi
