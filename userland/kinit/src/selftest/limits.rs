//! What a process may have at most, and what it is told when it wants more.

use alloc::string::String;
use alloc::vec;

use rt::rustix::fd::{AsRawFd, OwnedFd};
use rt::rustix::fs::{Mode, OFlags, open};
use rustix::io::{Errno, fcntl_dupfd_cloexec};
use rustix::net::{AddressFamily, SocketFlags, SocketType, accept, connect, socket};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::connections::{ended_well, in_child};
use super::stream::{listener, stream};
use super::{Outcome, Test, because, check};

pub(super) const TESTS: &[Test] = &[
    // Rows: API-23
    Test { name: "limits: no more descriptors: EMFILE", run: exhausted },
    Test { name: "limits: RLIMIT_NOFILE can be lowered and raised again", run: changed },
    // Rows: API-23
    Test { name: "limits: no more open files in all: ENFILE", run: all_exhausted },
    Test { name: "limits: a connection waits until there is a descriptor", run: waiting },
];

/// Sets RLIMIT_NOFILE to its old value when it goes away.
struct Restored(Rlimit);

impl Drop for Restored {
    fn drop(&mut self) {
        let _ = setrlimit(Resource::Nofile, self.0);
    }
}

/// Lets `descriptors` be the first number that no descriptor can have.
fn limit(descriptors: i32) -> Result<Restored, String> {
    let before = getrlimit(Resource::Nofile);
    let new = Rlimit { current: Some(descriptors as u64), maximum: before.maximum };
    because("setrlimit", setrlimit(Resource::Nofile, new))?;
    Ok(Restored(before))
}

fn exhausted() -> Outcome {
    let first = stream(SocketFlags::empty())?;
    let mut copies = vec![];
    let error = loop {
        match fcntl_dupfd_cloexec(&first, 0) {
            Ok(copy) => copies.push(copy),
            Err(error) => break error,
        }
        check!(copies.len() < 5000, "no end of descriptors");
    };
    check!(error == Errno::MFILE, "fcntl: {error:?}");
    let refused = socket(AddressFamily::INET6, SocketType::STREAM, None).map(drop);
    check!(refused == Err(Errno::MFILE), "socket: {refused:?}");
    drop(copies);
    stream(SocketFlags::empty()).map(drop)
}

fn changed() -> Outcome {
    let first = stream(SocketFlags::empty())?;
    let next = because("fcntl", fcntl_dupfd_cloexec(&first, 0))?.as_raw_fd();
    let restored = limit(next + 1)?;
    let shown = getrlimit(Resource::Nofile).current;
    check!(shown == Some(next as u64 + 1), "the limit is {shown:?}");
    let last: OwnedFd = because("the last one", fcntl_dupfd_cloexec(&first, 0))?;
    let more = fcntl_dupfd_cloexec(&first, 0).map(drop);
    check!(more == Err(Errno::MFILE), "one too many: {more:?}");
    let beyond = fcntl_dupfd_cloexec(&first, next + 1).map(drop);
    check!(beyond == Err(Errno::INVAL), "beyond the limit: {beyond:?}");
    drop(restored);
    because("after all", fcntl_dupfd_cloexec(&first, 0))?;
    drop(last);
    let absurd = setrlimit(Resource::Nofile, Rlimit { current: Some(1), maximum: None });
    check!(absurd == Err(Errno::PERM), "without end: {absurd:?}");
    Ok(())
}

fn all_exhausted() -> Outcome {
    ended_well(in_child(|| open_all(GENERATIONS))?)?;
    // Those that ended have left room.
    stream(SocketFlags::empty()).map(drop)
}

/// More than it takes until processes full of files have all that there can be.
const GENERATIONS: usize = 64;

/// Opens files until the process may have no more; children that open others go on, until there are
/// no more in all. Then there are no more sockets, either.
fn open_all(generations: usize) -> Result<(), Errno> {
    let mut files = vec![];
    let error = loop {
        match open("/dev/null", OFlags::RDONLY, Mode::empty()) {
            Ok(file) => files.push(file),
            Err(error) => break error,
        }
    };
    if error == Errno::NFILE {
        let more = socket(AddressFamily::INET6, SocketType::STREAM, None).map(drop);
        return if more == Err(Errno::NFILE) { Ok(()) } else { Err(Errno::PROTO) };
    }
    if error != Errno::MFILE || generations == 0 {
        return Err(error);
    }
    let child = in_child(|| {
        // The parent still has them open.
        files.clear();
        open_all(generations - 1)
    });
    let ended = child.and_then(ended_well).map_err(|_| Errno::CHILD);
    drop(files);
    ended
}

fn waiting() -> Outcome {
    let (listener, address) = listener()?;
    let client = stream(SocketFlags::empty())?;
    because("connect", connect(&client, &address))?;
    let next = because("fcntl", fcntl_dupfd_cloexec(&client, 0))?.as_raw_fd();
    let restored = limit(next)?;
    let refused = accept(&listener).map(drop);
    check!(refused == Err(Errno::MFILE), "accept: {refused:?}");
    drop(restored);
    because("accept", accept(&listener)).map(drop)
}
