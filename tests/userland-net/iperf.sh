# shellcheck shell=bash
# iperf beside iperf 2: each in each role. Part of tests/userland-net.sh.
# shellcheck disable=SC2154 # $programs, $work and others are that script's

# iperf_pair NAME OURS ARGUMENTS PATTERN: a server in the background and a client to it, of which OURS
# (client, server or both) is ours and the other iperf 2. Both print the pattern.
iperf_pair() {
  local name=$1 ours=$2 arguments=$3 pattern=$4 server status
  local port=$((20000 + ($$ + passed + failed) % 5000)) kind=""
  case $arguments in *-u*) kind=-u ;; esac
  local server_command=(iperf -s -V) client_command=(iperf -V)
  [ "$ours" = client ] || server_command=(qemu-aarch64-static "$programs/iperf" -s)
  [ "$ours" = server ] || client_command=(qemu-aarch64-static "$programs/iperf")
  # What an earlier server wrote must not be taken for this one's.
  : >"$work/server"
  # shellcheck disable=SC2086 # words
  "${server_command[@]}" -p "$port" $kind >"$work/server" 2>&1 </dev/null &
  server=$!
  for _ in $(seq 100); do
    grep -q 'buffer size\|window size' "$work/server" && break
    sleep 0.1
  done
  # shellcheck disable=SC2086 # words
  timeout 60 "${client_command[@]}" -c ::1 -p "$port" $arguments >"$work/client" 2>&1 </dev/null
  status=$?
  for _ in $(seq 50); do
    grep -Eq -- "$pattern" "$work/server" && break
    sleep 0.1
  done
  kill -TERM "$server" 2>/dev/null
  wait "$server" 2>/dev/null
  if [ "$status" = 0 ] && grep -Eq -- "$pattern" "$work/client" && grep -Eq -- "$pattern" "$work/server"; then
    pass "iperf $arguments, $name"
  else
    fail "iperf $arguments, $name (status $status)"
    sed 's/^/#   client: /' "$work/client"
    sed 's/^/#   server: /' "$work/server"
  fi
}

iperf_tests() {
  if [ "$has_loopback" = no ]; then
    skip "iperf" "this machine has no IPv6 loopback"
    return
  fi
  local ours line='sec  *5.00 MBytes  *[0-9.]+ [KMG]bits/sec'
  for ours in client server both; do
    iperf_pair "ours: $ours" "$ours" "-n 5M" "^\[  1\] 0.0000-.* $line"
    iperf_pair "ours: $ours" "$ours" "-n 5M -R" "^\[ [ *]1\] 0.0000-.* $line"
    iperf_pair "ours: $ours" "$ours" "-n 5M -P 2" '^\[SUM\] 0.0000-.* 10.0 MBytes'
    iperf_pair "ours: $ours" "$ours" "-u -n 100K -b 10M" 'sec  *101 KBytes .* ms 0/72 \(0%\)'
    iperf_pair "ours: $ours" "$ours" "-u -n 100K -b 10M -R" '^\[ [ *]1\] 0.0000-.* sec  *10[01] KBytes'
  done
  ends "iperf to nobody" 1 'tcp connect failed: Connection refused' ours iperf -c ::1 -p 9
}
iperf_tests
ends "iperf --help" 0 '^Usage: iperf -s' ours iperf --help
ends "iperf without a side" 1 '-s or -c HOST is needed' ours iperf
ends "iperf with a bad number" 1 "invalid port '99999': 1 to 65535" ours iperf -s -p 99999
