//! splice(2) between pipes, sockets and files.

use alloc::vec;
use alloc::vec::Vec;

use rt::rustix::io::{Errno, read, write};
use rt::rustix::pipe::{PipeFlags, SpliceFlags, pipe_with, splice};
use rustix::net::shutdown;

use super::stream::{pair, receive_exactly};
use super::{Outcome, Test, because, check};

pub(super) const TESTS: &[Test] = &[
    Test { name: "splice: from a socket by a pipe to a socket", run: relay },
    Test { name: "splice: what does not wait says EAGAIN", run: without_waiting },
    Test { name: "splice: without a pipe it is EINVAL", run: no_pipe },
];

/// What a relay does: everything from one connection goes to another.
fn relay() -> Outcome {
    let sent: Vec<u8> = (0..50_000_u32).map(|at| (at % 251) as u8).collect();
    let (client, near) = pair()?;
    let (far, server) = pair()?;
    let (reader, writer) = because("pipe2", pipe_with(PipeFlags::empty()))?;
    because("write", write(&client, &sent))?;
    because("shutdown", shutdown(&client, rustix::net::Shutdown::Write))?;
    let mut total = 0;
    loop {
        let flags = SpliceFlags::MOVE | SpliceFlags::MORE;
        let taken = because("splice", splice(&near, None, &writer, None, 1 << 16, flags))?;
        if taken == 0 {
            break;
        }
        let mut left = taken;
        while left > 0 {
            left -= because("splice", splice(&reader, None, &far, None, left, flags))?;
        }
        total += taken;
    }
    check!(total == sent.len(), "{total} of {} bytes", sent.len());
    drop(far);
    let received = receive_exactly(&server, sent.len())?;
    check!(received == sent, "other bytes");
    check!(because("read", read(&server, &mut [0; 4]))? == 0, "no end of the stream");
    Ok(())
}

fn without_waiting() -> Outcome {
    let (client, server) = pair()?;
    let (reader, writer) = because("pipe2", pipe_with(PipeFlags::empty()))?;
    let now = SpliceFlags::NONBLOCK;
    let empty = splice(&reader, None, &client, None, 100, now);
    check!(empty == Err(Errno::AGAIN), "an empty pipe: {empty:?}");
    because("write", write(&writer, b"in the pipe"))?;
    let moved = because("splice", splice(&reader, None, &client, None, 100, now))?;
    check!(moved == 11, "{moved} of 11 bytes");
    check!(receive_exactly(&server, 11)? == b"in the pipe", "other bytes");

    // A pipe that is full.
    let (full, filler) = because("pipe2", pipe_with(PipeFlags::NONBLOCK))?;
    while write(&filler, &vec![0; 4096]).is_ok() {}
    because("write", write(&client, b"more"))?;
    let moved = splice(&server, None, &filler, None, 100, now);
    check!(moved == Err(Errno::AGAIN), "a full pipe: {moved:?}");
    check!(receive_exactly(&server, 4)? == b"more", "what did not fit is lost");
    drop(full);
    let nobody =
        rt::signal::set_action(rt::rustix::process::Signal::PIPE, rt::signal::Action::Ignore)
            .and_then(|()| splice(&server, None, &filler, None, 100, now));
    let restored =
        rt::signal::set_action(rt::rustix::process::Signal::PIPE, rt::signal::Action::Default);
    because("signal", restored)?;
    check!(nobody == Err(Errno::PIPE), "nobody reads: {nobody:?}");
    Ok(())
}

fn no_pipe() -> Outcome {
    let (client, server) = pair()?;
    let moved = splice(&client, None, &server, None, 10, SpliceFlags::empty());
    check!(moved == Err(Errno::INVAL), "two sockets: {moved:?}");
    let (reader, writer) = because("pipe2", pipe_with(PipeFlags::empty()))?;
    let moved = splice(&reader, None, &writer, None, 10, SpliceFlags::empty());
    check!(moved == Err(Errno::INVAL), "a pipe into itself: {moved:?}");
    let mut offset = 0;
    let moved = splice(&reader, Some(&mut offset), &client, None, 10, SpliceFlags::empty());
    check!(moved == Err(Errno::SPIPE), "a position in a pipe: {moved:?}");
    Ok(())
}
