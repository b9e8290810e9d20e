# shellcheck shell=bash
# tcpdump beside tcpdump, on the same files. Part of tests/userland-net.sh.
# shellcheck disable=SC2154 # $top, $work and others are that script's

# Lines of tcpdump about the same file; the note on standard error too.
tcpdump_tests() {
  local file arguments=()
  # A packet of every kind, and what this machine sends by itself.
  local files=("$top/tests/data/packets.pcap")
  if [ "$where" = namespace ] && ip link add veth2 type veth peer name veth3 2>/dev/null; then
    tcpdump -i veth2 -w "$work/veth.pcap" >"$work/out" 2>&1 &
    local recorder=$!
    for _ in $(seq 50); do
      grep -q 'listening on' "$work/out" && break
      sleep 0.1
    done
    ip link set veth2 up
    ip link set veth3 up
    sleep 2.5 # duplicate address detection, router solicitations, listener reports
    kill -INT "$recorder"
    wait "$recorder"
    ip link del veth2
    files+=("$work/veth.pcap")
  else
    skip "tcpdump on a live recording" "needs a network namespace with veth links"
  fi
  for file in "${files[@]}"; do
    for arguments in "-n" "-nv" "-ne" "-nev" "-nS" "-nt" "-ntt" "-nttt" "-ntttt" "-nx -c 60" "-nX -c 60" "-nexx" "-nXX -c 60" \
      "-n tcp" "-n tcp and src port 40000" "-n udp port 5001" "-n tcp port 80 or 4040" "-n host fec0::2 and icmp6" \
      "-n dst host ff02::1" "-n greater 500" "-n portrange 1-100 and tcp" "-n ether src 52:56:0a:00:02:02" "-n vlan"; do
      # shellcheck disable=SC2086 # words
      same "tcpdump $arguments -r $(basename "$file")" "tcpdump -r '$file' $arguments" "ours tcpdump -r '$file' $arguments"
    done
    # (Behind extension headers and VLAN tags libpcap finds none of them, and tcp[13] in IPv4 alone.)
    for arguments in 'ip6[6] = 58' 'ip6[6]==6 and ip6[53] & 0x12 != 0' 'ether[0] & 1 != 0' 'ether[12:2] != 0x86dd' \
      'ip6[4:2] > 100 and not ip6[42:2] >= 0x50' 'ip6[24:4] >= 0xff020000' 'icmp6[icmp6type] = icmp6-neighborsolicit'; do
      same "tcpdump '$arguments' -r $(basename "$file")" "tcpdump -nr '$file' '$arguments'" "ours tcpdump -nr '$file' '$arguments'"
    done
  done
  ours tcpdump -r "$top/tests/data/packets.pcap" -w "$work/copy.pcap" 2>/dev/null
  if cmp -s "$work/copy.pcap" "$top/tests/data/packets.pcap"; then
    pass "tcpdump -w writes what it read"
  else
    fail "tcpdump -w writes what it read"
  fi
  skip "tcpdump -i" "qemu-user does not translate packet sockets"
}
tcpdump_tests
ends "tcpdump of no capture" 1 'unknown file format' ours tcpdump -r /etc/passwd
ends "tcpdump of an empty file" 1 'truncated dump file' ours tcpdump -r /dev/null
ends "tcpdump with a wrong filter" 1 "can't parse filter expression: illegal port 'x'" ours tcpdump -r /dev/null port x
ends "tcpdump --help" 0 '^Usage: tcpdump' ours tcpdump --help
