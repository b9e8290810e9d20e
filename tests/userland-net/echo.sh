# shellcheck shell=bash
# tcp-echo and udp-echo, each side with the other. Part of tests/userland-net.sh.
# shellcheck disable=SC2154 # $programs and $work are that script's

# Below the ports that Linux gives to callers, one of which could still be in TIME-WAIT.
echo_port=$((31000 + $$ % 1000))

# serve PROGRAM ARGUMENTS...: starts a service in the background and waits until it listens.
serve() {
  local program=$1
  shift
  : >"$work/server"
  qemu-aarch64-static "$programs/$program" -l "$@" >"$work/server" 2>&1 </dev/null &
  service=$!
  for _ in $(seq 100); do
    grep -q 'listening' "$work/server" && break
    sleep 0.1
  done
}

# end_service: ends it in good order, so that it prints its counters.
end_service() {
  kill -TERM "$service"
  wait "$service" || true
}

udp_echo() {
  local service
  serve udp-echo -p "$echo_port"
  ends "udp-echo" 0 '^3 packets transmitted, 3 received, 0% packet loss' ours udp-echo -n 3 -i 0.1 ::1 "$echo_port"
  ends "udp-echo one after the other" 0 '^100 packets transmitted, 100 received' ours udp-echo -q -n 100 -i 0 -s 1400 ::1 "$echo_port"
  end_service
  ends "udp-echo counts" 0 '^103 datagrams received, 103 returned, 0 failed' cat "$work/server"
  ends "udp-echo without a service" 1 'recv: Connection refused' ours udp-echo -n 1 ::1 "$echo_port"
}

tcp_echo() {
  local service
  serve tcp-echo ::1 "$echo_port"
  ends "tcp-echo" 0 '^3 messages transmitted, 3 received, 0% message loss' ours tcp-echo -n 3 -i 0.1 ::1 "$echo_port"
  ends "tcp-echo prints each answer" 0 '^56 bytes from ::1: seq=2 time=[0-9.]+ ms$' ours tcp-echo -n 2 -i 0.1 ::1 "$echo_port"
  ends "tcp-echo over many connections" 0 '^400 messages transmitted, 400 received' ours tcp-echo -q -c 200 -n 2 -i 0 -s 100 ::1 "$echo_port"
  ends "tcp-echo with messages longer than all buffers" 0 '^40000000 bytes came back as they were sent' \
    ours tcp-echo -q -c 2 -n 1 -s 20000000 ::1 "$echo_port"
  ends "tcp-echo finds its port taken" 2 '^tcp-echo: bind: Address already in use' ours tcp-echo -l ::1 "$echo_port"
  if command -v nc >/dev/null && nc -h 2>&1 | grep -q OpenBSD; then
    head -c 3000000 /dev/urandom >"$work/sent"
    nc -6 -N ::1 "$echo_port" <"$work/sent" >"$work/returned"
    if cmp -s "$work/sent" "$work/returned"; then
      pass "tcp-echo returns what OpenBSD's nc sends"
    else
      fail "tcp-echo returns what OpenBSD's nc sends"
    fi
  else
    skip "tcp-echo with OpenBSD's nc" "it is not installed"
  fi
  end_service
  # 3 * 56 + 2 * 56 + 400 * 100 + 40000000 + 3000000.
  ends "tcp-echo counts" 0 '^205 connections, 43040280 bytes returned, 0 broken' tail -n 1 "$work/server"
  ends "tcp-echo without a service" 2 '^tcp-echo: connect to ::1 port [0-9]+ failed: Connection refused' ours tcp-echo ::1 "$echo_port"
}

if [ "$has_loopback" = no ]; then
  skip "tcp-echo and udp-echo" "this machine has no IPv6 loopback"
else
  udp_echo
  tcp_echo
fi
for program in udp-echo tcp-echo; do
  ends "$program --help" 0 "^Usage: $program" ours "$program" --help
  ends "$program without a host" 2 'missing operand' ours "$program"
done
