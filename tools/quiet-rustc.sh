#!/usr/bin/env bash
# Runs rustc for tools/cross-cargo.sh and drops two warnings, that these target features are not stable
# or not known (to rustc; they are LLVM's):
#   strict-align            the kernel turns it off for all that runs with the MMU on, where unaligned
#                           access is allowed and byte-by-byte loads would double the cost of a packet
#   fix-cortex-a53-835769   keeps loads and multiply-accumulates apart, an erratum of the processor
# shellcheck disable=SC2016 # the message has backticks
exec "$@" 2> >(grep -v 'unstable feature specified for `-Ctarget-feature`: `\(strict-align\|fix-cortex-a53-835769\)`' >&2)
