//! The TCP client: one or more streams to a server.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use rustix::net::{SocketType, connect};

use super::flow::{Buffers, Flow, Limit};
use super::group::{Group, sleep};
use super::header::Test;
use super::options::Options;
use super::pace::Pace;
use super::report;
use super::socket::{buffer_size, failed, local_address, open, path, resolve};
use crate::clock::now;
use crate::interrupt;

/// What the options ask the server for.
#[must_use]
pub fn test(options: &Options) -> Test {
    Test {
        reverse: options.reverse,
        streams: options.streams.unwrap_or(1) as u32,
        port: options.port,
        // A length of 0 leaves it to the server; only who sends needs to know.
        length: if options.reverse { options.length as u32 } else { 0 },
        window: options.window.unwrap_or(0) as u32,
        amount: options.amount,
        rate: options.rate.unwrap_or(0),
    }
}

/// Connects, measures, reports.
pub fn run(options: &Options, host: &str) -> Result<(), String> {
    let server = resolve(host, options.port)?;
    let test = test(options);
    let mut sockets = Vec::new();
    for number in 1..=options.streams.unwrap_or(1) {
        let socket = open(options, SocketType::STREAM, false)?;
        connect(&socket, &server).map_err(failed("tcp connect"))?;
        if number == 1 {
            let size = buffer_size(&socket, false);
            let mut lines =
                Vec::from([format!("Client connecting to {host}, TCP port {}", options.port)]);
            if options.enhanced {
                lines.push(format!("Write buffer size: {} Byte", options.length));
                let nagle = if options.no_delay { "off" } else { "on" };
                lines.push(format!("TOS set to 0x0 (Nagle {nagle})"));
            }
            lines.push(report::buffer_size("TCP window size", size, options.window));
            report::preamble(&lines);
        }
        let local = local_address(&socket)?;
        let path = path(&socket);
        report::print(&report::connected(number, &local, &server, options.reverse, path));
        rustix::io::ioctl_fionbio(&socket, true).map_err(failed("ioctl"))?;
        sockets.push(socket);
    }
    let started = now();
    let mut group = Group::new(options, started);
    for (index, socket) in sockets.into_iter().enumerate() {
        let number = index + 1;
        group.flows.push(if options.reverse {
            Flow::receive(number, socket, &test)
        } else {
            let pace = Pace::new(test.rate, started);
            let limit = Limit::new(options.amount, started);
            Flow::send(number, socket, &test, options.length, limit, pace)
        });
    }
    let mut buffers = Buffers::new(options.length);
    let mut stopping = false;
    while !group.is_finished() {
        if interrupt::came() && !stopping {
            stopping = true;
            group.stop();
        }
        let round = group.round(&mut buffers, |_, _| {});
        if round.busy || group.is_finished() {
            continue;
        }
        let mut list = Vec::new();
        group.wanted(&mut list);
        sleep(&mut list, round.wait).map_err(failed("poll"))?;
    }
    if group.failed { Err("the test broke off".into()) } else { Ok(()) }
}
