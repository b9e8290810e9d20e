//! Programs on the host that the guest talks to: what it sends to `fec0::2` comes out of QEMU's user
//! network at the host's `::1`.

use std::io::{Read as _, Write as _};
use std::net::{Ipv6Addr, TcpListener, TcpStream, UdpSocket};
use std::sync::mpsc::{Receiver, channel};

use crate::guest::PATIENCE;

/// The host, as the guest knows it.
pub const HOST: &str = "fec0::2";

/// What a service on the host will have found out.
pub struct Service<T> {
    /// Where it listens.
    pub port: u16,
    outcome: Receiver<T>,
}

impl<T: Send + 'static> Service<T> {
    /// Serves one connection.
    pub fn tcp(serve: impl FnOnce(TcpStream) -> T + Send + 'static) -> Self {
        let listener = listener();
        let port = listener.local_addr().expect("it is bound").port();
        let (sender, outcome) = channel();
        std::thread::spawn(move || {
            let (stream, _) = listener.accept().expect("a connection comes");
            stream.set_read_timeout(Some(PATIENCE)).expect("a timeout can be set");
            stream.set_write_timeout(Some(PATIENCE)).expect("a timeout can be set");
            // Nobody listens to the outcome when the test has failed already.
            let _ = sender.send(serve(stream));
        });
        Self { port, outcome }
    }

    /// Serves with a UDP socket.
    pub fn udp(serve: impl FnOnce(UdpSocket) -> T + Send + 'static) -> Self {
        let socket = UdpSocket::bind((Ipv6Addr::LOCALHOST, 0)).expect("::1 has a free port");
        socket.set_read_timeout(Some(PATIENCE)).expect("a timeout can be set");
        let port = socket.local_addr().expect("it is bound").port();
        let (sender, outcome) = channel();
        std::thread::spawn(move || {
            let _ = sender.send(serve(socket));
        });
        Self { port, outcome }
    }

    /// What it found out, once it is done.
    #[track_caller]
    pub fn outcome(self) -> T {
        self.outcome.recv_timeout(PATIENCE).expect("the service on the host ends well")
    }
}

fn listener() -> TcpListener {
    TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).expect("::1 has a free port")
}

/// A port of `::1` where nobody listens.
pub fn closed_port() -> u16 {
    listener().local_addr().expect("it is bound").port()
}

/// Sends everything back on every connection, each in a thread of its own, as long as the test
/// lives; returns the port.
pub fn tcp_echo() -> u16 {
    let listener = listener();
    let port = listener.local_addr().expect("it is bound").port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("a connection comes");
            std::thread::spawn(move || {
                let mut buffer = vec![0; 65536];
                // The guest may go away at any moment.
                while let Ok(length @ 1..) = stream.read(&mut buffer) {
                    if stream.write_all(&buffer[..length]).is_err() {
                        break;
                    }
                }
            });
        }
    });
    port
}

/// Sends datagrams back, but for each one whose number, counted from 1, `is_lost`; those whose
/// number `is_changed` come back with a bit changed in their last byte. Returns the port.
pub fn udp_echo(
    is_lost: impl Fn(u32) -> bool + Send + 'static,
    is_changed: impl Fn(u32) -> bool + Send + 'static,
) -> u16 {
    let socket = UdpSocket::bind((Ipv6Addr::LOCALHOST, 0)).expect("::1 has a free port");
    let port = socket.local_addr().expect("it is bound").port();
    std::thread::spawn(move || {
        let mut buffer = vec![0; 65536];
        for number in 1.. {
            let (length, from) = socket.recv_from(&mut buffer).expect("a datagram comes");
            if is_lost(number) {
                continue;
            }
            if is_changed(number) {
                buffer[length - 1] ^= 0x10;
            }
            let _ = socket.send_to(&buffer[..length], from);
        }
    });
    port
}

/// The jitter that a server's report of iperf 2 ends with, in milliseconds.
pub fn jitter(report: &str) -> Option<f64> {
    let line = report.lines().rfind(|line| line.contains(" ms ") && line.contains('/'))?;
    line.split(" ms ").next()?.split_whitespace().last()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jitter_of_a_report() {
        let heading =
            "[ ID] Interval       Transfer     Bandwidth        Jitter   Lost/Total Datagrams\n";
        let line = "[  1] 0.0000-3.0636 sec   722 KBytes  1.93 Mbits/sec   3.768 ms 0/510 (0%)\n";
        assert_eq!(jitter(&format!("{heading}{line}")), Some(3.768));
        assert_eq!(jitter(heading), None);
    }
}
