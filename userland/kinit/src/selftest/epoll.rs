//! epoll(7): level and edge, one-shot, and what a socket's end looks like.

use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use rt::rustix::fd::OwnedFd;
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustix::io::{Errno, read, write};
use rustix::net::{SendFlags, Shutdown, SocketFlags, connect, send, shutdown};

use super::datagram::SOON;
use super::stream::{listener, pair, stream};
use super::waiting::{PATIENCE, timespec};
use super::{Outcome, Test, because, check};

pub(super) const TESTS: &[Test] = &[
    // Rows: API-17
    Test { name: "epoll: level: as long as there is something", run: level },
    // Rows: API-17
    Test { name: "epoll: edge: once for what comes, also after a full read", run: edge },
    Test { name: "epoll: one-shot: once until it is armed again", run: one_shot },
    Test { name: "epoll: a listener, a pipe", run: others },
    // Rows: API-17
    Test { name: "epoll: EPOLLRDHUP and EPOLLHUP", run: hang_up },
    Test { name: "epoll: a file that was closed is forgotten", run: forgotten },
    Test { name: "epoll: what cannot be watched", run: refusals },
];

fn instance() -> Result<OwnedFd, String> {
    because("epoll_create1", epoll::create(CreateFlags::CLOEXEC))
}

fn add(epoll: &OwnedFd, fd: &OwnedFd, flags: EventFlags) -> Outcome {
    because("epoll_ctl", epoll::add(epoll, fd, EventData::new_u64(7), flags))
}

/// What is reported within a time: the events of one watched file.
fn events(epoll: &OwnedFd, limit: Duration) -> Result<EventFlags, String> {
    let mut found: Vec<epoll::Event> = Vec::with_capacity(4);
    let room = rustix::buffer::spare_capacity(&mut found);
    because("epoll_pwait", epoll::wait(epoll, room, Some(&timespec(limit))))?;
    check!(found.len() <= 1, "{} events of one file", found.len());
    let all_mine = found.iter().all(|event| {
        let data = event.data;
        data.u64() == 7
    });
    check!(all_mine, "another file's event");
    Ok(found.first().map_or(EventFlags::empty(), |event| event.flags))
}

fn comes(epoll: &OwnedFd, what: EventFlags) -> Outcome {
    let found = events(epoll, PATIENCE)?;
    check!(found.contains(what), "{found:?}, not {what:?}");
    Ok(())
}

fn nothing_comes(epoll: &OwnedFd) -> Outcome {
    let found = events(epoll, SOON)?;
    check!(found.is_empty(), "{found:?}");
    Ok(())
}

fn say(fd: &OwnedFd, text: &[u8]) -> Outcome {
    because("send", send(fd, text, SendFlags::NOSIGNAL)).map(drop)
}

fn level() -> Outcome {
    let (client, server) = pair()?;
    let epoll = instance()?;
    add(&epoll, &server, EventFlags::IN)?;
    nothing_comes(&epoll)?;
    say(&client, b"ab")?;
    let mut octet = [0];
    for _ in 0..2 {
        comes(&epoll, EventFlags::IN)?;
        because("read", read(&server, &mut octet))?;
    }
    nothing_comes(&epoll)
}

fn edge() -> Outcome {
    let (client, server) = pair()?;
    let epoll = instance()?;
    add(&epoll, &server, EventFlags::IN | EventFlags::ET)?;
    say(&client, b"ab")?;
    comes(&epoll, EventFlags::IN)?;
    nothing_comes(&epoll)?;
    // Emptied and filled again between two calls: that is news.
    let mut buffer = [0; 8];
    because("read", read(&server, &mut buffer))?;
    say(&client, b"cd")?;
    comes(&epoll, EventFlags::IN)?;
    nothing_comes(&epoll)
}

fn one_shot() -> Outcome {
    let (client, server) = pair()?;
    let epoll = instance()?;
    let flags = EventFlags::IN | EventFlags::ONESHOT;
    add(&epoll, &server, flags)?;
    say(&client, b"ab")?;
    comes(&epoll, EventFlags::IN)?;
    nothing_comes(&epoll)?;
    because("epoll_ctl", epoll::modify(&epoll, &server, EventData::new_u64(7), flags))?;
    comes(&epoll, EventFlags::IN)
}

fn others() -> Outcome {
    let (listener, address) = listener()?;
    let epoll = instance()?;
    add(&epoll, &listener, EventFlags::IN | EventFlags::EXCLUSIVE)?;
    nothing_comes(&epoll)?;
    let client = stream(SocketFlags::empty())?;
    because("connect", connect(&client, &address))?;
    comes(&epoll, EventFlags::IN)?;
    let (reader, writer) = because("pipe", rustix::pipe::pipe())?;
    let epoll = instance()?;
    add(&epoll, &reader, EventFlags::IN)?;
    because("write", write(&writer, b"x"))?;
    comes(&epoll, EventFlags::IN)?;
    because("read", read(&reader, &mut [0]))?;
    drop(writer);
    comes(&epoll, EventFlags::HUP)
}

fn hang_up() -> Outcome {
    let (client, server) = pair()?;
    let epoll = instance()?;
    add(&epoll, &server, EventFlags::IN | EventFlags::RDHUP)?;
    because("shutdown", shutdown(&client, Shutdown::Write))?;
    let found = events(&epoll, PATIENCE)?;
    check!(found == EventFlags::IN | EventFlags::RDHUP, "half-closed: {found:?}");
    because("shutdown", shutdown(&server, Shutdown::Write))?;
    comes(&epoll, EventFlags::HUP | EventFlags::RDHUP)
}

/// Closing is enough, as for a server whose client leaves: what is left is waited for, and a new file
/// with the same number is another one.
fn forgotten() -> Outcome {
    let (client, server) = pair()?;
    let (reader, writer) = because("pipe", rustix::pipe::pipe())?;
    let epoll = instance()?;
    add(&epoll, &server, EventFlags::IN)?;
    add(&epoll, &reader, EventFlags::IN)?;
    drop(server);
    nothing_comes(&epoll)?;
    drop(client);
    let (_client, server) = pair()?;
    add(&epoll, &server, EventFlags::IN)?;
    nothing_comes(&epoll)?;
    because("write", write(&writer, b"x"))?;
    comes(&epoll, EventFlags::IN)
}

fn refusals() -> Outcome {
    let epoll = instance()?;
    let file = because(
        "open",
        rustix::fs::open("/", rustix::fs::OFlags::RDONLY, rustix::fs::Mode::empty()),
    )?;
    let result = epoll::add(&epoll, &file, EventData::new_u64(0), EventFlags::IN);
    check!(result == Err(Errno::PERM), "a directory: {result:?}");
    let fd = stream(SocketFlags::empty())?;
    let missing = epoll::delete(&epoll, &fd);
    check!(missing == Err(Errno::NOENT), "what was never added: {missing:?}");
    add(&epoll, &fd, EventFlags::IN)?;
    let again = epoll::add(&epoll, &fd, EventData::new_u64(0), EventFlags::IN);
    check!(again == Err(Errno::EXIST), "what was added already: {again:?}");
    Ok(())
}
