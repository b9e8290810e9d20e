//! `/proc/sys/net`: the settings of the stack that programs know by these names (sysctl(8)).

use crate::fs;
use crate::net::stream::SYN_RETRIES;
use crate::net::{change_stack, with_stack};
use crate::syscall::errno::Errno;
use crate::time::Duration;
use ::net::limits;
use ::net::tcp::{CongestionAlgorithm, EcnMode};
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write;

/// Makes the files known to `/proc`.
pub(super) fn register() {
    fs::proc::register_setting("sys/net/ipv4/tcp_congestion_control", default, set_default);
    fs::proc::register_setting("sys/net/ipv4/tcp_ecn", ecn, set_ecn);
    fs::proc::register_setting("sys/net/ipv4/tcp_syn_retries", syn_retries, set_syn_retries);
    fs::proc::register("sys/net/ipv4/tcp_available_congestion_control", available);
    fs::proc::register("sys/net/ipv4/tcp_allowed_congestion_control", available);
    fs::proc::register("sys/net/core/somaxconn", backlog);
    fs::proc::register_setting("sys/net/ipv6/icmp/ratelimit", error_interval, set_error_interval);
}

/// The congestion control of new stream sockets.
fn default(text: &mut String) {
    let algorithm = with_stack(|stack| stack.config().tcp.congestion);
    text.push_str(algorithm.name());
    text.push('\n');
}

/// `ENOENT` for a name that is none, as on Linux.
fn set_default(text: &str) -> Result<(), Errno> {
    let algorithm = CongestionAlgorithm::from_name(text).ok_or(Errno::NOENT)?;
    change_stack(|stack| {
        let mut config = stack.config().clone();
        config.tcp.congestion = algorithm;
        stack.configure(config);
    });
    Ok(())
}

/// How often new connections send a SYN again.
fn syn_retries(text: &mut String) {
    let count = with_stack(|stack| stack.config().tcp.syn_retries);
    // Writing to a String can't fail.
    let _ = writeln!(text, "{}", count.unwrap_or(SYN_RETRIES));
}

/// `EINVAL` for a number that Linux would not take either.
fn set_syn_retries(text: &str) -> Result<(), Errno> {
    let number = text.parse().map_err(|_| Errno::INVAL)?;
    if !(1..=127).contains(&number) {
        return Err(Errno::INVAL);
    }
    change_stack(|stack| {
        let mut config = stack.config().clone();
        config.tcp.syn_retries = Some(number);
        stack.configure(config);
    });
    Ok(())
}

/// Whether new connections use ECN.
fn ecn(text: &mut String) {
    let mode = with_stack(|stack| stack.config().tcp.ecn);
    // Writing to a String can't fail.
    let _ = writeln!(text, "{}", mode.number());
}

/// `EINVAL` for a number that means nothing.
fn set_ecn(text: &str) -> Result<(), Errno> {
    let number = text.parse().map_err(|_| Errno::INVAL)?;
    let mode = EcnMode::from_number(number).ok_or(Errno::INVAL)?;
    change_stack(|stack| {
        let mut config = stack.config().clone();
        config.tcp.ecn = mode;
        stack.configure(config);
    });
    Ok(())
}

fn available(text: &mut String) {
    let names: Vec<&str> = CongestionAlgorithm::ALL.iter().map(|one| one.name()).collect();
    text.push_str(&names.join(" "));
    text.push('\n');
}

/// Milliseconds between ICMPv6 errors; 0 is no limit.
fn error_interval(text: &mut String) {
    let interval = with_stack(|stack| stack.config().icmpv6.error_interval);
    // Writing to a String can't fail.
    let _ = writeln!(text, "{}", interval.as_millis());
}

fn set_error_interval(text: &str) -> Result<(), Errno> {
    let milliseconds: u32 = text.parse().map_err(|_| Errno::INVAL)?;
    change_stack(|stack| {
        let mut config = stack.config().clone();
        config.icmpv6.error_interval = Duration::from_millis(milliseconds.into());
        stack.configure(config);
    });
    Ok(())
}

/// The longest queue of a listener.
fn backlog(text: &mut String) {
    // Writing to a String can't fail.
    let _ = writeln!(text, "{}", limits::TCP_BACKLOG);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_values_are_refused() {
        assert_eq!(set_default("nosuch"), Err(Errno::NOENT));
        assert_eq!([set_ecn("3"), set_ecn("yes"), set_ecn("-1")], [Err(Errno::INVAL); 3]);
        assert_eq!([set_syn_retries("0"), set_syn_retries("128")], [Err(Errno::INVAL); 2]);
        let mut text = String::new();
        available(&mut text);
        assert!(text.starts_with("cubic reno") && text.ends_with('\n'), "{text}");
    }
}
