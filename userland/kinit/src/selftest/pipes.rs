//! Pipes and waiting on descriptors.

use alloc::vec::Vec;

use rt::rustix::event::{PollFd, PollFlags, Timespec, poll};
use rt::rustix::fd::AsFd;
use rt::rustix::io::{Errno, read, write};
use rt::rustix::pipe::{PipeFlags, pipe_with};
use rt::rustix::process::Signal;

use super::processes::in_child;
use super::{Outcome, Test, because, check};

pub(super) const TESTS: &[Test] = &[
    Test { name: "pipes: what goes in comes out in order", run: in_order },
    Test { name: "pipes: the end comes when the last writer is gone", run: end_of_file },
    Test { name: "pipes: writing without a reader is SIGPIPE or EPIPE", run: broken },
    Test { name: "pipes: a full one blocks its writer until somebody reads", run: more_than_fits },
    Test { name: "pipes: poll tells what is ready", run: readiness },
];

fn in_order() -> Outcome {
    let (reader, writer) = because("pipe2", pipe_with(PipeFlags::empty()))?;
    for text in [&b"one "[..], b"two ", b"three"] {
        let written = because("write", write(&writer, text))?;
        check!(written == text.len(), "{written} of {} bytes", text.len());
    }
    let mut buffer = [0; 64];
    let count = because("read", read(&reader, &mut buffer))?;
    check!(buffer.get(..count) == Some(b"one two three"), "{:?}", &buffer[..count]);
    Ok(())
}

fn end_of_file() -> Outcome {
    let (reader, writer) = because("pipe2", pipe_with(PipeFlags::NONBLOCK))?;
    let mut buffer = [0; 8];
    let empty = read(&reader, &mut buffer);
    check!(empty == Err(Errno::AGAIN), "an empty pipe with a writer: {empty:?}");
    drop(writer);
    let ended = read(&reader, &mut buffer);
    check!(ended == Ok(0), "without a writer: {ended:?}");
    Ok(())
}

fn broken() -> Outcome {
    let (reader, writer) = because("pipe2", pipe_with(PipeFlags::empty()))?;
    drop(reader);
    let status = in_child(|| u8::from(write(&writer, b"x").is_ok()))?;
    check!(status.terminating_signal() == Some(Signal::PIPE.as_raw()), "{status:?}");
    let status = in_child(|| {
        let ignored = rt::signal::set_action(Signal::PIPE, rt::signal::Action::Ignore);
        u8::from(ignored.is_err() || write(&writer, b"x") != Err(Errno::PIPE))
    })?;
    check!(status.exit_status() == Some(0), "with SIGPIPE ignored: {status:?}");
    Ok(())
}

fn more_than_fits() -> Outcome {
    const SIZE: usize = 300_000;
    let (reader, writer) = because("pipe2", pipe_with(PipeFlags::empty()))?;
    let child = match because("fork", rt::process::fork())? {
        rt::process::Fork::Child => {
            drop(reader);
            let data: Vec<u8> = (0..SIZE).map(|index| (index % 251) as u8).collect();
            let result = rt::output::write_all(writer.as_fd(), &data);
            rt::exit::exit_now(rt::ExitCode::from_success(result.is_ok()))
        }
        rt::process::Fork::Parent(child) => child,
    };
    drop(writer);
    let data = because("read", rt::input::read_all(reader.as_fd()))?;
    let status = because("wait4", rt::process::wait(child))?;
    check!(status.exit_status() == Some(0), "the writer: {status:?}");
    check!(data.len() == SIZE, "{} of {SIZE} bytes arrived", data.len());
    let wrong = data.iter().enumerate().position(|(index, &byte)| byte != (index % 251) as u8);
    check!(wrong.is_none(), "wrong byte at {wrong:?}");
    Ok(())
}

fn readiness() -> Outcome {
    let (reader, writer) = because("pipe2", pipe_with(PipeFlags::empty()))?;
    let soon = Timespec { tv_sec: 0, tv_nsec: 1_000_000 };
    let mut fds = [PollFd::new(&reader, PollFlags::IN), PollFd::new(&writer, PollFlags::OUT)];
    let ready = because("ppoll", poll(&mut fds, Some(&soon)))?;
    let seen = fds.each_ref().map(PollFd::revents);
    check!(ready == 1 && seen == [PollFlags::empty(), PollFlags::OUT], "empty pipe: {seen:?}");
    because("write", write(&writer, b"x"))?;
    because("ppoll", poll(&mut fds, Some(&soon)))?;
    let seen = fds.each_ref().map(PollFd::revents);
    check!(seen == [PollFlags::IN, PollFlags::OUT], "with a byte in it: {seen:?}");
    drop(writer);
    let mut fds = [PollFd::new(&reader, PollFlags::IN)];
    because("ppoll", poll(&mut fds, Some(&soon)))?;
    let seen = fds.each_ref().map(PollFd::revents);
    check!(seen == [PollFlags::IN | PollFlags::HUP], "without a writer: {seen:?}");
    Ok(())
}
