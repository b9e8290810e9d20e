//! A socket as a line.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::Write;
use core::net::SocketAddrV6;

use super::diag::{Protocol, Socket, State};
use super::options::Options;
use super::process::{Owner, users};
use super::tcp_info;
use crate::interface;

/// The cells of a line, and what follows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Row {
    /// The cells, from Netid to the peer's port.
    pub cells: [String; 8],
    /// What stands in the column Process, each with a space before it.
    pub notes: String,
    /// A line of its own below, after a tab.
    pub below: String,
}

/// An address and a port; `*` for none.
fn end(address: &SocketAddrV6, socket: &Socket) -> (String, String) {
    let ip = address.ip();
    let zone = match socket.interface {
        0 => String::new(),
        index => format!("%{}", interface::name_of(index)),
    };
    // A wildcard that takes IPv4 too is more than `[::]`.
    let host = if ip.is_unspecified() && socket.v6_only != Some(true) {
        format!("*{zone}")
    } else {
        format!("[{ip}]{zone}")
    };
    let port = match address.port() {
        0 => "*".into(),
        port => port.to_string(),
    };
    (host, port)
}

/// `1.234sec`, `200ms`, `2min`, as ss words times.
fn timer_time(milliseconds: u32) -> String {
    let seconds = milliseconds / 1000;
    let (minutes, mut seconds) = (seconds / 60, seconds % 60);
    let mut rest = milliseconds % 1000;
    let mut text = String::new();
    if minutes > 0 {
        rest = 0;
        let _ = write!(text, "{minutes}min");
        if minutes > 9 {
            seconds = 0;
        }
    }
    if seconds > 0 {
        if seconds > 9 {
            rest = 0;
        }
        let _ = write!(text, "{seconds}{}", if rest == 0 { "sec" } else { "." });
    }
    if rest > 0 {
        let _ = write!(text, "{rest:03}ms");
    }
    text
}

fn timer(socket: &Socket) -> String {
    const NAMES: [&str; 6] = ["off", "on", "keepalive", "timewait", "persist", "unknown"];
    let timer = socket.timer;
    if timer.kind == 0 {
        return String::new();
    }
    let name = NAMES.get(usize::from(timer.kind)).copied().unwrap_or("unknown");
    format!(" timer:({name},{},{})", timer_time(timer.expires), timer.count)
}

fn extended(socket: &Socket) -> String {
    let mut text = String::new();
    if socket.user != 0 {
        let _ = write!(text, " uid:{}", socket.user);
    }
    let _ = write!(text, " ino:{} sk:{:x}", socket.inode, socket.cookie);
    if let Some(v6_only) = socket.v6_only {
        let _ = write!(text, " v6only:{}", u8::from(v6_only));
    }
    if let Some(shutdown) = socket.shutdown {
        let receive = if shutdown & 1 == 0 { '<' } else { '-' };
        let send = if shutdown & 2 == 0 { '>' } else { '-' };
        let _ = write!(text, " {receive}-{send}");
    }
    text
}

/// The SK_MEMINFO_ numbers in their order.
fn memory(numbers: &[u32]) -> String {
    const LETTERS: [&str; 9] = ["r", "rb", "t", "tb", "f", "w", "o", "bl", "d"];
    let parts: Vec<String> =
        LETTERS.iter().zip(numbers).map(|(letter, number)| format!("{letter}{number}")).collect();
    format!(" skmem:({})", parts.join(","))
}

/// The line of a socket.
#[must_use]
pub fn row(protocol: Protocol, socket: &Socket, options: &Options, owners: &[Owner]) -> Row {
    let (local, local_port) = end(&socket.local, socket);
    let (peer, peer_port) = end(&socket.peer, &Socket { interface: 0, ..socket.clone() });
    let mut notes = String::new();
    let detail = options.detail;
    if detail.processes {
        let users = users(owners, socket.inode);
        if !users.is_empty() {
            let _ = write!(notes, " {users}");
        }
    }
    if detail.timer {
        notes.push_str(&timer(socket));
    }
    if detail.extended {
        notes.push_str(&extended(socket));
    }
    let mut below = String::new();
    if let (true, Some(numbers)) = (detail.memory, &socket.memory) {
        below.push_str(&memory(numbers));
    }
    if let (true, Some(info)) = (detail.internal, &socket.info) {
        let listening = socket.state == State::LISTEN;
        below.push_str(&tcp_info::describe(info, socket.congestion.as_deref(), listening));
    }
    // A datagram socket with a peer is no connection, but is called so.
    let state = match (protocol, socket.state) {
        (Protocol::Udp | Protocol::Raw, State::LISTEN) => State::CLOSED,
        (_, state) => state,
    };
    let cells = [
        protocol.name().into(),
        state.name().into(),
        socket.receive_queue.to_string(),
        socket.send_queue.to_string(),
        local,
        local_port,
        peer,
        peer_port,
    ];
    Row { cells, notes, below }
}

#[cfg(test)]
mod tests {
    use super::{memory, timer_time};

    #[test]
    fn times() {
        for (milliseconds, text) in [
            (4, "004ms"),
            (200, "200ms"),
            (1234, "1.234ms"),
            (2000, "2sec"),
            (12_500, "12sec"),
            (90_000, "1min30sec"),
            (660_000, "11min"),
        ] {
            assert_eq!(timer_time(milliseconds), text);
        }
    }

    #[test]
    fn memories() {
        let numbers = [860, 131_072, 0, 4_194_304, 2772, 4_243_920, 0, 0, 0];
        assert_eq!(
            memory(&numbers),
            " skmem:(r860,rb131072,t0,tb4194304,f2772,w4243920,o0,bl0,d0)"
        );
    }
}
