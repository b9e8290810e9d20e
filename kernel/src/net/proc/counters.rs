//! Counters of the protocols: `snmp6`, `snmp`, `netstat`, `sockstat` and `sockstat6`.

use crate::net::{KernelStack, packet, with_stack};
use ::net::socket::SocketKind;
use ::net::tcp::TcpState;
use alloc::format;
use alloc::string::String;
use core::fmt::Write;

/// A line of `snmp6` and of our own files: a name and a value.
pub(super) fn write(text: &mut String, name: &str, value: u64) {
    // Writing to a String can't fail.
    let _ = writeln!(text, "{name:<32}\t{value}");
}

pub(super) fn snmp6(text: &mut String) {
    let node = with_stack(KernelStack::node_counters);
    for (name, value) in node.ipv6.iter() {
        write(text, name, value);
    }
    for (name, value) in node.icmpv6.iter() {
        write(text, name, value);
    }
    for (message_type, received, _) in node.icmpv6.iter_types().filter(|(_, count, _)| *count > 0) {
        write(text, &format!("Icmp6InType{message_type}"), received);
    }
    for (message_type, _, sent) in node.icmpv6.iter_types().filter(|(_, _, count)| *count > 0) {
        write(text, &format!("Icmp6OutType{message_type}"), sent);
    }
    for (name, value) in node.udp.iter() {
        write(text, name, value);
    }
}

/// The two lines of a group: names, then values.
fn write_group(text: &mut String, group: &str, counters: &[(&str, u64)]) {
    for line in [
        counters.iter().fold(format!("{group}:"), |line, (name, _)| line + " " + name),
        counters.iter().fold(format!("{group}:"), |line, (_, value)| format!("{line} {value}")),
    ] {
        text.push_str(&line);
        text.push('\n');
    }
}

/// What Linux says of retransmission timeouts: an algorithm that is none of the MIB's, and the
/// smallest and largest in milliseconds; any number of connections.
const TIMEOUTS: &str = "1 200 120000 -1";

/// `/proc/net/snmp`: of what is counted there only TCP is not IPv4's alone.
pub(super) fn snmp(text: &mut String) {
    let counters = with_stack(KernelStack::node_counters).tcp;
    let open = with_stack(|stack| {
        let counted = [TcpState::Established, TcpState::CloseWait];
        stack.tcp_sockets().filter(|socket| counted.contains(&socket.state)).count()
    });
    let mut names = String::from("Tcp: RtoAlgorithm RtoMin RtoMax MaxConn");
    let mut values = format!("Tcp: {TIMEOUTS}");
    let of_tcp = counters.iter().filter(|(name, _)| !name.starts_with("TcpExt"));
    for (name, value) in of_tcp.filter_map(|(name, value)| Some((name.strip_prefix("Tcp")?, value)))
    {
        if name == "InSegs" {
            names.push_str(" CurrEstab");
            let _ = write!(values, " {open}");
        }
        let _ = write!(names, " {name}");
        let _ = write!(values, " {value}");
    }
    let _ = writeln!(text, "{names}\n{values}");
}

/// `/proc/net/netstat`: those of Linux's counters that are counted here.
pub(super) fn netstat(text: &mut String) {
    let counters = with_stack(KernelStack::node_counters).tcp;
    let extended: alloc::vec::Vec<(&str, u64)> = counters
        .iter()
        .filter_map(|(name, value)| Some((name.strip_prefix("TcpExt")?, value)))
        .collect();
    write_group(text, "TcpExt", &extended);
}

/// Stream sockets by what has become of them.
#[derive(Default)]
struct StreamCounts {
    in_use: usize,
    orphans: usize,
    time_wait: usize,
}

fn count_streams(stack: &KernelStack) -> StreamCounts {
    let mut counts = StreamCounts::default();
    for socket in stack.tcp_sockets() {
        match (socket.state, socket.id) {
            (TcpState::Closed | TcpState::SynReceived, _) => {}
            (TcpState::TimeWait, _) => counts.time_wait += 1,
            (_, Some(_)) => counts.in_use += 1,
            (_, None) => {
                counts.in_use += 1;
                counts.orphans += 1;
            }
        }
    }
    counts
}

/// `/proc/net/sockstat`: sums over all families. Every datagram and stream socket here is one of
/// IPv6, which Linux counts in the other file; memory is counted in pages.
pub(super) fn sockstat(text: &mut String) {
    let lines = with_stack(|stack| {
        let StreamCounts { orphans, time_wait, .. } = count_streams(stack);
        let streams = stack.tcp_sockets().filter(|socket| socket.id.is_some()).count();
        let used = stack.sockets().count() + streams + packet::describe_all().len();
        let pages = stack.tcp_pieces();
        format!(
            "sockets: used {used}\n\
             TCP: inuse 0 orphan {orphans} tw {time_wait} alloc {streams} mem {pages}\n\
             UDP: inuse 0 mem 0\nUDPLITE: inuse 0\nRAW: inuse 0\nFRAG: inuse 0 memory 0\n"
        )
    });
    text.push_str(&lines);
}

/// `/proc/net/sockstat6`.
pub(super) fn sockstat6(text: &mut String) {
    let lines = with_stack(|stack| {
        let streams = count_streams(stack).in_use;
        let bound = |kind: SocketKind| {
            stack.sockets().filter(|socket| socket.kind == kind && socket.local.port() != 0).count()
        };
        let raw = stack.sockets().filter(|socket| socket.kind == SocketKind::Icmpv6Raw).count();
        let (packets, octets) = stack.reassembly_use();
        format!(
            "TCP6: inuse {streams}\nUDP6: inuse {}\nUDPLITE6: inuse 0\nRAW6: inuse {raw}\n\
             FRAG6: inuse {packets} memory {octets}\n",
            bound(SocketKind::Udp),
        )
    });
    text.push_str(&lines);
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    #[test]
    fn groups_have_as_many_names_as_values() {
        for (file, group) in [(snmp as fn(&mut String), "Tcp:"), (netstat, "TcpExt:")] {
            let mut text = String::new();
            file(&mut text);
            let lines: Vec<Vec<&str>> =
                text.lines().map(|line| line.split(' ').collect()).collect();
            let [names, values] = &lines[..] else { panic!("{text}") };
            assert_eq!((names[0], values[0], names.len()), (group, group, values.len()));
            assert!(values[1..].iter().all(|value| value.parse::<i64>().is_ok()));
        }
    }

    #[test]
    fn the_names_of_snmp_are_those_of_linux_in_their_order() {
        let mut text = String::new();
        snmp(&mut text);
        assert_eq!(
            text.lines().next(),
            Some(
                "Tcp: RtoAlgorithm RtoMin RtoMax MaxConn ActiveOpens PassiveOpens AttemptFails \
                 EstabResets CurrEstab InSegs OutSegs RetransSegs InErrs OutRsts InCsumErrors"
            )
        );
    }
}
