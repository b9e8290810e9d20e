//! A run of `rdisc6` or `ndisc6`: ask, wait, print, ask again.

use alloc::format;
use alloc::string::String;
use alloc::vec;
use core::net::{Ipv6Addr, SocketAddrV6};

use rt::strerror;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;

use super::Question;
use super::link_socket::LinkSocket;
use super::options::Options;
use crate::clock::{now, timespec};
use crate::ip::interfaces::read_links;
use crate::netlink::RouteSocket;
use crate::{host, interface};

/// The longest message: a Router Advertisement fills no more than a packet.
const LONGEST: usize = 65536;

/// Asks `question` of `host`; returns the exit status, or what went wrong.
pub fn run<Q: Question>(
    options: &Options,
    host: &str,
    question: impl FnOnce(&SocketAddrV6) -> Q,
) -> Result<u8, String> {
    let name = options.interface.as_str();
    let failed = |what: &str, errno| format!("{what}: {}", strerror(errno));
    let index = interface::index_of(name).ok_or_else(|| failed(name, Errno::NODEV))?;
    let resolve = |text: &str| {
        if options.numeric && text.parse::<Ipv6Addr>().is_err() {
            return Err(format!("{text}: Name or service not known"));
        }
        let mut address = host::resolve(text).map_err(|error| format!("{text}: {error}"))?;
        address.set_scope_id(index);
        Ok::<_, String>(address)
    };
    let address = resolve(host)?;
    let question = question(&address);
    let socket = LinkSocket::open(Some(question.answer()))
        .map_err(|errno| failed("Raw IPv6 socket", errno))?;
    if let Some(source) = &options.source {
        socket.bind(&resolve(source)?).map_err(|errno| failed(source, errno))?;
    }
    if !options.quiet {
        rt::println!("Soliciting {host} ({}) on {name}...", address.ip());
        rt::output::flush();
    }
    let destination = SocketAddrV6::new(question.destination(), 0, 0, index);
    let message = question.solicitation(link_address(index).as_deref());
    let mut answers = 0;
    for _ in 0..options.attempts {
        if options.solicit {
            socket
                .send(&message, &destination)
                .map_err(|errno| failed("Sending ICMPv6 packet", errno))?;
        }
        answers += listen(&socket, options, index, &question)
            .map_err(|errno| failed("Receiving ICMPv6 packet", errno))?;
        if answers > 0 {
            return Ok(0);
        }
        if !options.quiet {
            rt::println!("Timed out.");
            rt::output::flush();
        }
    }
    if !options.quiet {
        rt::println!("No response.");
    }
    Ok(2)
}

/// Prints the answers of one attempt; returns how many there were.
fn listen(
    socket: &LinkSocket,
    options: &Options,
    index: u32,
    question: &impl Question,
) -> Result<u32, Errno> {
    let mut buffer = vec![0; LONGEST];
    let mut answers = 0;
    let end = now() + u64::from(options.wait) * 1000;
    loop {
        let mut wanted = [PollFd::new(socket, PollFlags::IN)];
        match poll(&mut wanted, Some(&timespec(end.saturating_sub(now())))) {
            Ok(0) => return Ok(answers),
            Ok(_) | Err(Errno::INTR) => {}
            Err(errno) => return Err(errno),
        }
        match socket.receive(&mut buffer) {
            Ok(Some((message, from))) if from.scope_id() == index => {
                let Some(text) = question.describe(message, options.quiet) else { continue };
                rt::print!("{text}");
                if !options.quiet {
                    rt::println!(" from {}", from.ip());
                }
                rt::output::flush();
                answers += 1;
                if options.single {
                    return Ok(answers);
                }
            }
            Ok(_) | Err(Errno::AGAIN | Errno::INTR) => {}
            Err(errno) => return Err(errno),
        }
    }
}

/// The link-layer address of an interface of ours.
fn link_address(index: u32) -> Option<alloc::vec::Vec<u8>> {
    let links = read_links(&mut RouteSocket::open(0).ok()?, 0).ok()?;
    links.into_iter().find(|link| link.index == index)?.address
}
