//! Transfers between pipes and socket pairs whose other ends are prepared beforehand: nothing
//! waits for anything.

use alloc::vec;
use alloc::vec::Vec;

use rt::input::read_all;
use rustix::fd::{AsFd, OwnedFd};
use rustix::io::{Errno, write};
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, Shutdown, SocketFlags, SocketType, recv, send, shutdown,
    socketpair,
};
use rustix::pipe::pipe;

use super::{Ends, Failure, Medium, run};
use crate::nc::options::Transfer;

const CALLING: Medium = Medium::Stream { listening: false };
const CALLED: Medium = Medium::Stream { listening: true };

/// A pipe that holds `content`; its writer is returned, so that it has an end only when that is
/// dropped.
fn input(content: &[u8]) -> (OwnedFd, OwnedFd) {
    let (reader, writer) = pipe().unwrap();
    assert_eq!(write(&writer, content), Ok(content.len()));
    (reader, writer)
}

fn pair(kind: SocketType) -> (OwnedFd, OwnedFd) {
    socketpair(AddressFamily::UNIX, kind, SocketFlags::NONBLOCK, None).unwrap()
}

/// Runs a transfer; returns what came out and how it ended.
fn transfer(
    input: Option<&OwnedFd>,
    socket: &OwnedFd,
    medium: Medium,
    transfer: Transfer,
) -> (Vec<u8>, Result<(), Failure>) {
    let (reader, writer) = pipe().unwrap();
    let ends =
        Ends { input: input.map(AsFd::as_fd), output: writer.as_fd(), socket: socket.as_fd() };
    let result = run(ends, medium, transfer);
    drop(writer);
    (read_all(reader.as_fd()).unwrap(), result)
}

fn all_received(socket: &OwnedFd) -> Vec<u8> {
    let mut all = Vec::new();
    let mut buffer = vec![0; 65536];
    loop {
        match recv(socket, buffer.as_mut_slice(), RecvFlags::DONTWAIT) {
            Ok((0, _)) | Err(_) => return all,
            Ok((length, _)) => all.extend_from_slice(&buffer[..length]),
        }
    }
}

#[test]
fn both_ways_with_half_close() {
    let (near, far) = pair(SocketType::STREAM);
    let answer = vec![7; 30_000];
    assert_eq!(send(&far, &answer, SendFlags::empty()), Ok(answer.len()));
    shutdown(&far, Shutdown::Write).unwrap();
    let (stdin, writer) = input(b"question");
    drop(writer);
    let options = Transfer { half_close: true, ..Transfer::default() };
    let (output, result) = transfer(Some(&stdin), &near, CALLING, options);
    assert_eq!((output, result), (answer, Ok(())));
    let mut buffer = [0; 64];
    assert_eq!(recv(&far, &mut buffer, RecvFlags::empty()).unwrap().0, 8);
    // The sending half is closed although the socket lives.
    assert_eq!(recv(&far, &mut buffer, RecvFlags::empty()).unwrap().0, 0);
}

#[test]
fn the_called_side_ends_with_the_caller() {
    let (near, far) = pair(SocketType::STREAM);
    send(&far, b"bye", SendFlags::empty()).unwrap();
    shutdown(&far, Shutdown::Write).unwrap();
    let (stdin, _writer) = input(b"answer");
    let (output, result) = transfer(Some(&stdin), &near, CALLED, Transfer::default());
    assert_eq!((output, result), (b"bye".to_vec(), Ok(())));
    assert_eq!(all_received(&far), b"answer", "what was there is still sent");
}

#[test]
fn idleness_ends_the_calling_side_whose_input_stays_open() {
    let (near, far) = pair(SocketType::STREAM);
    shutdown(&far, Shutdown::Write).unwrap();
    let (stdin, _writer) = input(b"sent");
    let options = Transfer { idle: Some(20_000), ..Transfer::default() };
    let (output, result) = transfer(Some(&stdin), &near, CALLING, options);
    assert_eq!((output, result), (Vec::new(), Ok(())));
    assert_eq!(all_received(&far), b"sent");
}

#[test]
fn the_end_of_the_input_ends_all_in_time() {
    let (near, far) = pair(SocketType::STREAM);
    let (stdin, writer) = input(b"last words");
    drop(writer);
    let options = Transfer { quit_after: Some(0), half_close: true, ..Transfer::default() };
    let (_, result) = transfer(Some(&stdin), &near, CALLING, options);
    assert_eq!(result, Ok(()));
    assert_eq!(all_received(&far), b"last words");
}

#[test]
fn a_broken_connection_is_a_failure() {
    let (near, far) = pair(SocketType::STREAM);
    drop(far);
    let (stdin, writer) = input(b"lost");
    drop(writer);
    let (_, result) = transfer(Some(&stdin), &near, CALLING, Transfer::default());
    assert_eq!(result, Err(Failure { call: "send", errno: Errno::PIPE }));
}

#[test]
fn datagrams_keep_their_boundaries() {
    let (near, far) = pair(SocketType::DGRAM);
    send(&far, b"one ", SendFlags::empty()).unwrap();
    send(&far, b"", SendFlags::empty()).unwrap();
    send(&far, b"two", SendFlags::empty()).unwrap();
    let (stdin, writer) = input(&[9; 2500]);
    drop(writer);
    let options = Transfer { receive_limit: Some(3), ..Transfer::default() };
    let medium = Medium::Datagrams { most: 1000 };
    let (output, result) = transfer(Some(&stdin), &near, medium, options);
    assert_eq!((output, result), (b"one two".to_vec(), Ok(())));
    let mut lengths = Vec::new();
    let mut buffer = [0; 4096];
    while let Ok((length, _)) = recv(&far, &mut buffer, RecvFlags::DONTWAIT) {
        lengths.push(length);
    }
    assert_eq!(lengths, [1000, 1000, 500]);
}

#[test]
fn without_input_only_receiving_is_left() {
    let (near, far) = pair(SocketType::STREAM);
    send(&far, b"news", SendFlags::empty()).unwrap();
    shutdown(&far, Shutdown::Write).unwrap();
    let (output, result) = transfer(None, &near, CALLING, Transfer::default());
    assert_eq!((output, result), (b"news".to_vec(), Ok(())));
}
