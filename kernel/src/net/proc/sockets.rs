//! Sockets: `tcp6`, `udp6`, `raw6` and `icmp6`.

use crate::net::{datagram, stream, with_stack};
use crate::time::{self, Duration, Instant};
use ::net::socket::SocketKind;
use ::net::tcp::{TcpState, TcpSummary};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write;
use core::net::{Ipv6Addr, SocketAddrV6};
use linux_raw_sys::net::IPPROTO_ICMPV6;

const STREAM_HEADING: &str = "  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";
const DATAGRAM_HEADING: &str = "  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops\n";

/// No address and no port.
const NOWHERE: SocketAddrV6 = SocketAddrV6::new(Ipv6Addr::UNSPECIFIED, 0, 0, 0);

/// Address and port as the lists print them: four words in the host's byte order, and the port.
fn end(address: SocketAddrV6) -> String {
    let octets = address.ip().octets();
    let (words, _) = octets.as_chunks();
    let words: Vec<String> =
        words.iter().map(|word| format!("{:08X}", u32::from_ne_bytes(*word))).collect();
    format!("{}:{:04X}", words.concat(), address.port())
}

/// A time in the hundredths of a second in which user programs count (USER_HZ).
fn ticks(time: Duration) -> u64 {
    u64::try_from(time.as_millis() / 10).unwrap_or(u64::MAX)
}

/// A stream socket, or what is left of one. The last columns are only there for a whole socket:
/// references and pointer (hidden, as Linux hides it), retransmission timeout, delay of
/// acknowledgments, whether they are quick, congestion window, slow start threshold.
fn stream_line(line: usize, socket: &TcpSummary, inode: u64, now: Instant) -> String {
    let (timer, left) = socket
        .timer
        .map_or((0, Duration::ZERO), |(timer, at)| (timer.number(), at.saturating_since(now)));
    let listens = socket.state == TcpState::Listen;
    // A listener's backlog is no octets that wait to be sent.
    let send_queue = if listens { 0 } else { socket.send_queue };
    let mut text = format!(
        "{line:>4}: {} {} {:02X} {send_queue:08X}:{:08X} {timer:02X}:{:08X} {:08X} {:>5} {:>8} {inode}",
        end(socket.local),
        end(socket.remote.unwrap_or(NOWHERE)),
        socket.state.number(),
        socket.receive_queue,
        ticks(left),
        socket.retransmits,
        0,
        socket.probes,
    );
    let pointer = "0000000000000000";
    // Writing to a String can't fail.
    let _ = match socket.state {
        TcpState::SynReceived => write!(text, " 0 {pointer}"),
        TcpState::TimeWait => write!(text, " 3 {pointer}"),
        _ => {
            let threshold = match socket.slow_start_threshold {
                _ if listens => 0,
                Some(segments) => i64::from(segments),
                None => -1,
            };
            let delayed = if listens { 0 } else { ticks(DELAYED_ACK) };
            write!(
                text,
                " 1 {pointer} {} {delayed} 0 {} {threshold}",
                ticks(socket.rto),
                socket.congestion_window,
            )
        }
    };
    text
}

/// How long acknowledgments are delayed.
const DELAYED_ACK: Duration = Duration::from_millis(40);

pub(super) fn tcp6(text: &mut String) {
    text.push_str(STREAM_HEADING);
    let now = time::now();
    with_stack(|stack| {
        let listed = stack.tcp_sockets().filter(|socket| socket.state != TcpState::Closed);
        for (line, socket) in listed.enumerate() {
            let inode = socket.id.and_then(stream::inode).unwrap_or(0);
            text.push_str(&stream_line(line, &socket, inode, now));
            text.push('\n');
        }
    });
}

fn datagrams(text: &mut String, kind: SocketKind) {
    text.push_str(DATAGRAM_HEADING);
    let raw = kind == SocketKind::Icmpv6Raw;
    with_stack(|stack| {
        let sockets = stack.sockets().filter(|socket| socket.kind == kind);
        // What has no port cannot receive, so Linux does not list it.
        let listed = sockets.filter(|socket| raw || socket.local.port() != 0);
        for (line, socket) in listed.enumerate() {
            let mut local = socket.local;
            if raw {
                // The port of a raw socket is its protocol.
                local.set_port(IPPROTO_ICMPV6 as u16);
            }
            let mut remote = socket.remote.unwrap_or(NOWHERE);
            if raw {
                remote.set_port(0);
            }
            // States of TCP: connected is ESTABLISHED, everything else CLOSE.
            let state =
                if socket.remote.is_some() { TcpState::Established } else { TcpState::Closed };
            // Writing to a String can't fail.
            let _ = writeln!(
                text,
                "{line:>5}: {} {} {:02X} {:08X}:{:08X} 00:00000000 00000000 {:>5} {:>8} {} 2 \
                 0000000000000000 {}",
                end(local),
                end(remote),
                state.number(),
                0,
                socket.received_octets,
                0,
                0,
                datagram::inode(socket.id).unwrap_or(0),
                socket.drops,
            );
        }
    });
}

pub(super) fn udp6(text: &mut String) {
    datagrams(text, SocketKind::Udp);
}

pub(super) fn raw6(text: &mut String) {
    datagrams(text, SocketKind::Icmpv6Raw);
}

pub(super) fn icmp6(text: &mut String) {
    datagrams(text, SocketKind::Icmpv6Echo);
}

#[cfg(test)]
mod tests {
    use super::*;
    use ::net::tcp::TcpTimer;

    fn summary(state: TcpState) -> TcpSummary {
        TcpSummary {
            id: None,
            state,
            local: SocketAddrV6::new(Ipv6Addr::LOCALHOST, 7000, 0, 0),
            remote: Some(SocketAddrV6::new(Ipv6Addr::LOCALHOST, 38206, 0, 0)),
            device: None,
            send_queue: 5,
            receive_queue: 1,
            timer: Some((TcpTimer::TimeWait, Instant::from_secs(70))),
            retransmits: 0,
            probes: 0,
            rto: Duration::from_millis(200),
            congestion_window: 10,
            slow_start_threshold: None,
        }
    }

    /// Lines as Linux prints them.
    #[test]
    fn lines_of_stream_sockets() {
        let now = Instant::from_secs(11);
        let local = "00000000000000000000000001000000:1B58";
        let remote = "00000000000000000000000001000000:953E";
        let waiting = TcpSummary { send_queue: 0, receive_queue: 0, ..summary(TcpState::TimeWait) };
        assert_eq!(
            stream_line(0, &waiting, 0, now),
            format!(
                "   0: {local} {remote} 06 00000000:00000000 03:0000170C 00000000     0        0 0 3 \
                 0000000000000000"
            )
        );
        let open = TcpSummary { timer: None, ..summary(TcpState::Established) };
        assert_eq!(
            stream_line(12, &open, 77, now),
            format!(
                "  12: {local} {remote} 01 00000005:00000001 00:00000000 00000000     0        0 77 1 \
                 0000000000000000 20 4 0 10 -1"
            )
        );
        let listener = TcpSummary {
            remote: None,
            timer: None,
            rto: Duration::from_secs(1),
            ..summary(TcpState::Listen)
        };
        let line = stream_line(1, &listener, 5, now);
        assert!(line.contains(" 0A 00000000:00000001 00:00000000 "), "{line}");
        assert!(line.ends_with(" 5 1 0000000000000000 100 0 0 10 0"), "{line}");
    }
}
