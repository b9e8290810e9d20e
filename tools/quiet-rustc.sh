#!/usr/bin/env bash
# Runs rustc for tools/cross-cargo.sh and drops one warning: that `strict-align` is not a stable
# target feature. The kernel turns it off for all that runs with the MMU on, where unaligned access
# is allowed and byte-by-byte loads would double the cost of a packet.
# shellcheck disable=SC2016 # the message has backticks
exec "$@" 2> >(grep -v 'unstable feature specified for `-Ctarget-feature`: `strict-align`' >&2)
