//! The resolver over `::1`: a name server of this machine, over UDP and over TCP.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::net::{Ipv6Addr, SocketAddrV6};

use resolver::configuration::Configuration;
use resolver::exchange::Failure;
use resolver::frame::{Reader, frame};
use resolver::system::System;
use resolver::{Error, Resolver};
use rt::ExitCode;
use rt::process::{Fork, fork, wait};
use rt::rustix::fd::OwnedFd;
use rt::rustix::process::Pid;
use rustix::io::{read, write};
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{SocketFlags, accept, bind, listen};

use super::datagram::{bound_udp, receive_any, send};
use super::stream::stream;
use super::waiting::PATIENCE;
use super::{Outcome, Test, because, check};

pub(super) const TESTS: &[Test] = &[
    Test { name: "names: a name server answers over ::1", run: over_udp },
    Test { name: "names: what does not fit into a datagram comes over TCP", run: over_tcp },
    Test { name: "names: a server that nobody runs is known at once", run: nobody },
    Test { name: "names: localhost and literals need no server", run: without_server },
];

const HERE: Ipv6Addr = Ipv6Addr::LOCALHOST;
/// What the server answers.
const ANSWER: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x77);

/// The response to a query: with the address, or with the mark that it does not fit.
fn response(query: &[u8], truncated: bool) -> Option<Vec<u8>> {
    // The question ends with type and class behind the octet 0 of the root.
    let name = query.get(12..)?;
    let end = 12 + name.iter().position(|octet| *octet == 0)? + 5;
    let mut bytes = query.get(..end)?.to_vec();
    // A response, recursion available; one question, an answer, nothing else.
    let (flags, answers) = if truncated { ([0x83, 0x80], 0) } else { ([0x81, 0x80], 1) };
    bytes.splice(2..12, [flags[0], flags[1], 0, 1, 0, answers, 0, 0, 0, 0]);
    if !truncated {
        bytes.extend(b"\xc0\x0c\0\x1c\0\x01\0\0\0\x3c\0\x10");
        bytes.extend(ANSWER.octets());
    }
    Some(bytes)
}

/// Answers one question that comes as a datagram, and one that comes over TCP if `truncated`.
fn serve(datagrams: &OwnedFd, streams: Option<&OwnedFd>) -> Outcome {
    let query = receive_any(datagrams)?;
    let answer = response(&query.data, streams.is_some()).ok_or("no question")?;
    send(datagrams, &answer, query.from()?)?;
    let Some(listener) = streams else { return Ok(()) };
    let caller = because("accept", accept(listener))?;
    let mut reader = Reader::default();
    let mut buffer = [0; 512];
    loop {
        let length = because("read", read(&caller, &mut buffer[..]))?;
        check!(length > 0, "the caller hung up");
        if let Some(query) = reader.take(buffer.get(..length).unwrap_or_default()) {
            let answer = response(query, false).and_then(|bytes| frame(&bytes));
            because("write", write(&caller, &answer.ok_or("no question")?))?;
            return Ok(());
        }
    }
}

/// A server in a process of its own, which ends by itself.
fn start(datagrams: &OwnedFd, streams: Option<&OwnedFd>) -> Result<Pid, String> {
    match because("fork", fork())? {
        Fork::Parent(child) => Ok(child),
        Fork::Child => {
            let served = serve(datagrams, streams).is_ok();
            rt::exit::exit_now(ExitCode::from_success(served))
        }
    }
}

/// A resolver that asks the server at that port.
fn resolver(port: u16) -> Resolver {
    let mut server = SocketAddrV6::new(HERE, 0, 0, 0);
    server.set_port(port);
    let configuration = Configuration {
        servers: Vec::from([server]),
        timeout: PATIENCE,
        attempts: 1,
        ..Configuration::default()
    };
    Resolver::new(System::new(), configuration, String::new())
}

fn ask(port: u16, child: Pid) -> Outcome {
    let found = resolver(port).addresses("host.test", 0);
    let status = because("wait4", wait(child))?;
    check!(status.exit_status() == Some(0), "the server: {status:?}");
    let found = found.map_err(|error| format!("{error}"))?;
    let addresses: Vec<Ipv6Addr> = found.iter().map(|address| *address.ip()).collect();
    check!(addresses == [ANSWER], "{addresses:?}");
    Ok(())
}

fn over_udp() -> Outcome {
    let (datagrams, address) = bound_udp(HERE, 0)?;
    ask(address.port(), start(&datagrams, None)?)
}

fn over_tcp() -> Outcome {
    let (datagrams, address) = bound_udp(HERE, 0)?;
    let listener = stream(SocketFlags::empty())?;
    because("bind", bind(&listener, &address))?;
    because("listen", listen(&listener, 4))?;
    because("SO_RCVTIMEO", set_socket_timeout(&listener, Timeout::Recv, Some(PATIENCE)))?;
    ask(address.port(), start(&datagrams, Some(&listener))?)
}

fn nobody() -> Outcome {
    let port = bound_udp(HERE, 0)?.1.port();
    let found = resolver(port).addresses("host.test", 0);
    let refused = matches!(found, Err(Error::TryAgain(Failure::Unreachable(_))));
    check!(refused, "{found:?}");
    Ok(())
}

fn without_server() -> Outcome {
    let mut system = Resolver::of_the_system();
    for name in ["localhost", "::1"] {
        let found = system.addresses(name, 0);
        let address = found.as_ref().ok().and_then(|addresses| addresses.first());
        check!(address.is_some_and(|address| *address.ip() == HERE), "{name}: {found:?}");
    }
    let name = system.name_of(HERE);
    check!(name.as_deref() == Ok("localhost"), "{name:?}");
    Ok(())
}
