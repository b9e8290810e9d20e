# shellcheck shell=bash
# nc beside OpenBSD's: each in each role, and what only ours says. Part of tests/userland-net.sh.
# shellcheck disable=SC2154 # $programs and $work are that script's

# The two, to be run in a subshell; a test that goes wrong has an end.
our_nc() { exec timeout 120 qemu-aarch64-static "$programs/nc" "$@"; }
their_nc() { exec timeout 120 nc -6 "$@"; }

# Below the ports that Linux gives to callers, one of which could still be in TIME-WAIT.
nc_port=$((25000 + $$ % 5000))

# listens FILE: waits until a listener with -v has said in FILE that it listens.
listens() {
  for _ in $(seq 100); do
    grep -Eq '^(Listening|Bound) on' "$1" 2>/dev/null && return
    sleep 0.1
  done
}

# talk SERVER CLIENT: runs the listener of one program ("our" or "their") and the client of another
# with $server_options and $client_options, input from $work/server.in and $work/client.in; leaves
# what both said and how they ended in $work/talk, the client's port masked.
talk() {
  local server_pid
  nc_port=$((nc_port + 1))
  : >"$work/server.err"
  # shellcheck disable=SC2086 # words
  ("${1}_nc" -lvn $server_options $nc_port <"$work/server.in" >"$work/server.out" 2>"$work/server.err") &
  server_pid=$!
  listens "$work/server.err"
  # shellcheck disable=SC2086 # words
  ("${2}_nc" -v $client_options ::1 $nc_port <"$work/client.in" >"$work/client.out" 2>"$work/client.err")
  echo "client ended with $?" >"$work/talk"
  # OpenBSD's has no end where UDP is received.
  [ -z "$stop_server" ] || { sleep 0.5 && kill "$server_pid" 2>/dev/null; }
  wait "$server_pid"
  {
    echo "server ended with $?"
    sed "s/$nc_port/PORT/; s/^\(Connection received on .*\) [0-9]*$/\1 N/" "$work/server.err" "$work/client.err"
    sha256sum <"$work/server.out"
    sha256sum <"$work/client.out"
  } >>"$work/talk"
}

# pairs NAME: the same talk between theirs and theirs, ours and theirs, theirs and ours, ours and ours.
pairs() {
  local server client
  talk their their
  mv "$work/talk" "$work/theirs"
  for server in our their; do
    for client in our their; do
      [ "$server$client" != theirtheir ] || continue
      talk "$server" "$client"
      if diff "$work/theirs" "$work/talk" >"$work/difference"; then
        pass "nc: $1, $server listener, $client client"
      else
        fail "nc: $1, $server listener, $client client"
        sed 's/^/#   /' "$work/difference"
      fi
    done
  done
}

nc_pairs() {
  if [ "$has_loopback" = no ]; then
    skip "nc beside OpenBSD's" "this machine has no IPv6 loopback"
    return
  fi
  if ! nc -h 2>&1 | grep -q OpenBSD; then
    skip "nc beside OpenBSD's" "the nc here is another one"
    return
  fi
  local server_options='' client_options=-N stop_server=''
  : >"$work/server.in"
  echo question >"$work/client.in"
  pairs "a line"
  echo answer >"$work/server.in"
  server_options=-N
  pairs "a line each way, both halves closed"
  head -c 3000000 /dev/urandom >"$work/server.in"
  head -c 4500001 /dev/urandom >"$work/client.in"
  pairs "megabytes both ways at once"
  server_options='' client_options='-w 1'
  echo "last words" >"$work/client.in"
  : >"$work/server.in"
  pairs "a client that gives up after idling"
  client_options='-q 0'
  pairs "a client that ends with its input"
  client_options='-n -s ::1 -N'
  pairs "a source address"
  client_options='-d -w 1'
  pairs "a client that does not read"
  client_options='-z'
  pairs "a scan"
  server_options='-k' client_options='-N' stop_server=yes
  pairs "a listener that goes on"
}

# What OpenBSD's does with UDP is compared without -v on the side that sends: there it sends probes.
nc_udp() {
  [ "$has_loopback" = yes ] || return
  local server client pid status
  for server in our their; do
    for client in our their; do
      [ "$server$client" != theirtheir ] || continue
      nc_port=$((nc_port + 1))
      : >"$work/server.err"
      (sleep 2 | (echo answer && cat) | "${server}_nc" -luvn -w 2 ::1 $nc_port >"$work/server.out" 2>"$work/server.err") &
      pid=$!
      listens "$work/server.err"
      printf 'one\ntwo\n' | ("${client}_nc" -u -w 1 ::1 $nc_port >"$work/client.out" 2>&1)
      status=$?
      wait "$pid"
      if [ "$status" = 0 ] && [ "$(cat "$work/server.out" "$work/client.out")" = $'one\ntwo\nanswer' ]; then
        pass "nc: datagrams both ways, $server listener, $client client"
      else
        fail "nc: datagrams both ways, $server listener, $client client (status $status)"
        sed 's/^/#   /' "$work/server.out" "$work/server.err" "$work/client.out"
      fi
    done
  done
}

# nc_same NAME ARGUMENTS...: like OpenBSD's, but for the pointer to --help.
nc_same() {
  local name=$1
  shift
  same "nc: $name" "nc $*" "ours nc $* 2>&1 | grep -v '^Try '; (exit \${PIPESTATUS[0]})"
}

nc_alone() {
  [ "$has_loopback" = yes ] || return
  head -c 3000000 /dev/urandom >"$work/server.in"
  nc_same "a refused connection" -v ::1 9
  nc_same "a refused scan" -vz ::1 7-9
  nc_same "a silent scan" -z ::1 7-9
  nc_same "a link-local address without a zone" -v fe80::1 9
  nc_same "a port that is none" ::1 0
  nc_same "a port that is too large" ::1 65536
  nc_same "a port that is a word" ::1 www-data
  nc_same "a range without end" ::1 9-
  nc_same "a timeout that is none" -w x ::1 9
  nc_same "a limit of nothing" -W 0 ::1 9
  ends "nc says that it was refused without -v too" 1 '^nc: connect to ::1 port 9 \(tcp\) failed: Connection refused$' ours nc ::1 9
  ends "nc finds that nobody takes datagrams" 1 '^nc: connect to ::1 port 9 \(udp\) failed: Connection refused$' ours nc -uvz ::1 9
  ends "nc to a name nobody knows" 1 '^nc: no.such.host.invalid.: Name or service not known' ours nc no.such.host.invalid. 9
  ends "nc -n takes no names" 1 '^nc: ip6-localhost: Name or service not known' ours nc -n ip6-localhost 9
  ends "nc -4" 1 '^nc: -4: there is no IPv4 here' ours nc -4 ::1 9
  ends "nc to IPv4" 1 'Address family for hostname not supported' ours nc 127.0.0.1 9
  ends "nc with a source address that is not ours" 1 '^nc: bind: Cannot assign requested address' ours nc -s 2001:db8::7 ::1 9
  ends "nc without anything" 1 '^nc: missing host and port number' ours nc

  # Ports of a range: one of three is open.
  nc_port=$((nc_port + 3))
  : >"$work/server.err"
  (our_nc -lkv $nc_port </dev/null >"$work/server.out" 2>"$work/server.err") &
  local pid=$!
  listens "$work/server.err"
  ends "nc -z finds the open port" 0 "^Connection to ::1 $nc_port port \[tcp/\*\] succeeded!" ours nc -zv ::1 "$((nc_port - 1))-$((nc_port + 1))"
  ends "nc finds its port taken" 1 "^nc: :: $nc_port: bind: Address already in use" ours nc -l "$nc_port"
  ends "nc -w ends idling" 0 '' ours nc -d -w 0.5 ::1 "$nc_port"
  kill "$pid"
  wait "$pid"

  # A caller that has nothing to say closes its half at once; the file still arrives whole.
  nc_port=$((nc_port + 1))
  : >"$work/server.err"
  (our_nc -lNv $nc_port <"$work/server.in" 2>"$work/server.err") &
  pid=$!
  listens "$work/server.err"
  if ours nc -N ::1 $nc_port | cmp -s - "$work/server.in"; then
    pass "nc sends a file to a caller that only listens"
  else
    fail "nc sends a file to a caller that only listens"
  fi
  wait "$pid"

  # A connection that breaks in the middle.
  nc_port=$((nc_port + 1))
  : >"$work/server.err"
  (our_nc -lv $nc_port </dev/null 2>"$work/server.err" | head -c 1000 >/dev/null) &
  listens "$work/server.err"
  head -c 50000000 /dev/zero | (our_nc -N ::1 $nc_port >"$work/out" 2>&1)
  local status=$?
  wait
  if [ "$status" = 1 ] && grep -Eq '^nc: (send|recv): (Broken pipe|Connection reset by peer)' "$work/out"; then
    pass "nc reports a connection that broke"
  else
    fail "nc reports a connection that broke (status $status)"
    sed 's/^/#   /' "$work/out"
  fi
}

nc_pairs
nc_udp
nc_alone
ends "nc --help" 0 '^Usage: nc' ours nc --help
ends "nc -h" 0 '^Usage: nc' ours nc -h
