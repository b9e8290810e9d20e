# shellcheck shell=bash
# nstat beside that of iproute2, and what ss says. Part of tests/userland-net.sh.

# The counters of IPv6 stand still where nobody else is.
if [ "${where:-}" = namespace ]; then
  for arguments in "'Ip6*'" "-z 'Icmp6*'" "'Udp6*' Ip6OutOctets"; do
    same "nstat $arguments" "nstat -as $arguments" "ours nstat -as $arguments"
  done
else
  skip "nstat compared" "the counters of this machine move"
fi
ends "nstat --help" 0 '^Usage: nstat' ours nstat --help
ends "nstat of nothing" 0 '^#kernel$' ours nstat NoSuchCounter

# What it prints of a socket is in the unit tests.
skip "ss compared" "qemu-user has no sock_diag"
ends "ss --help" 0 '^Usage: ss' ours ss --help
ends "ss with a wrong state" 255 'wrong state name: open' ours ss state open
ends "ss with a wrong port" 255 '"http" does not look like a port' ours ss dport = http
ends "ss with a wrong address" 255 'an inet prefix is expected rather than "nowhere"' ours ss dst nowhere
