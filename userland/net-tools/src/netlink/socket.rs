//! A netlink socket of a program: requests go out, answers are collected (rtnetlink(7)).

use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;
use core::fmt;
use core::mem::size_of;
use core::num::NonZeroU32;

use linux_raw_sys::netlink::{
    NETLINK_EXT_ACK, NETLINK_ROUTE, NLM_F_ACK, NLM_F_ACK_TLVS, NLM_F_CAPPED, NLM_F_DUMP,
    NLM_F_DUMP_INTR, NLMSG_DONE, NLMSG_ERROR, nlmsgerr, nlmsgerr_attrs, nlmsghdr,
};
use rt::strerror;
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::io::Errno;
use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::{
    AddressFamily, Protocol, RecvFlags, SendFlags, SocketFlags, SocketType, bind, recvfrom, sendto,
    socket_with,
};

use super::attribute::Attributes;
use super::field;
use super::message::{Messages, Request};
use crate::socket::option;

/// The longest datagram: Linux fills up to 32 KiB in a dump.
const BUFFER: usize = 64 * 1024;

/// A message that was kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its `RTM_` number.
    pub kind: u16,
    /// What comes after the header.
    pub payload: Vec<u8>,
}

/// Why a request failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// A system call failed.
    System(&'static str, Errno),
    /// The kernel refused the request, perhaps in words of its own.
    Refused(Errno, Option<String>),
    /// The answer is no netlink message, or not all of one.
    Malformed,
}

impl Error {
    /// The number of the kernel's refusal.
    #[must_use]
    pub const fn refusal(&self) -> Option<Errno> {
        match self {
            Self::Refused(errno, _) => Some(*errno),
            _ => None,
        }
    }
}

/// As iproute2 words it.
impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::System(what, errno) => write!(f, "{what}: {}", strerror(*errno)),
            Self::Refused(_, Some(text)) => {
                write!(f, "Error: {text}{}", if text.ends_with('.') { "" } else { "." })
            }
            Self::Refused(errno, None) => write!(f, "RTNETLINK answers: {}", strerror(*errno)),
            Self::Malformed => f.write_str("!!!Truncated or malformed netlink message"),
        }
    }
}

/// A socket of the NETLINK_ROUTE family.
#[derive(Debug)]
pub struct RouteSocket {
    fd: OwnedFd,
    sequence: u32,
    buffer: Vec<u8>,
    /// A dump changed while it was read.
    interrupted: bool,
}

impl RouteSocket {
    /// Opens and binds a socket that hears the multicast groups of the bits in `groups`.
    pub fn open(groups: u32) -> Result<Self, Error> {
        Self::open_family(NETLINK_ROUTE, groups)
    }

    /// The same of another netlink family, whose requests and answers have the same form.
    pub fn open_family(family: u32, groups: u32) -> Result<Self, Error> {
        let protocol = NonZeroU32::new(family).map(Protocol::from_raw);
        let kind = SocketType::RAW;
        let fd = socket_with(AddressFamily::NETLINK, kind, SocketFlags::CLOEXEC, protocol)
            .map_err(|errno| Error::System("Cannot open netlink socket", errno))?;
        // Only then does a refusal come with an explanation; not every kernel has it.
        let _ = option::set_i32(&fd, option::NETLINK, NETLINK_EXT_ACK, 1);
        bind(&fd, &SocketAddrNetlink::new(0, groups))
            .map_err(|errno| Error::System("Cannot bind netlink socket", errno))?;
        Ok(Self { fd, sequence: 0, buffer: vec![0; BUFFER], interrupted: false })
    }

    /// Whether a dump since the last call was inconsistent because something changed meanwhile.
    pub fn take_interrupted(&mut self) -> bool {
        core::mem::take(&mut self.interrupted)
    }

    fn send(&mut self, request: Request) -> Result<u32, Error> {
        self.sequence = self.sequence.wrapping_add(1);
        let bytes = request.finish(self.sequence);
        let kernel = SocketAddrNetlink::new(0, 0);
        sendto(&self.fd, &bytes, SendFlags::empty(), &kernel)
            .map_err(|errno| Error::System("Cannot talk to rtnetlink", errno))?;
        Ok(self.sequence)
    }

    /// Receives one datagram; returns its length in the buffer.
    fn receive(&mut self) -> Result<usize, Error> {
        loop {
            let received = recvfrom(&self.fd, self.buffer.as_mut_slice(), RecvFlags::TRUNC);
            let (_, length, from) = match received {
                Ok(received) => received,
                Err(Errno::INTR) => continue,
                Err(errno) => return Err(Error::System("netlink receive error", errno)),
            };
            // Only the kernel's own word counts (netlink(7)): its port is 0.
            let from_kernel = from
                .and_then(|from| SocketAddrNetlink::try_from(from).ok())
                .is_some_and(|from| from.pid() == 0);
            if !from_kernel {
                continue;
            }
            if length > self.buffer.len() {
                return Err(Error::Malformed);
            }
            return Ok(length);
        }
    }

    /// Collects the answers to request `sequence` until the kernel says that was all: by
    /// NLMSG_DONE for a dump, by NLMSG_ERROR for a request with NLM_F_ACK, and by the first answer
    /// when `single`.
    fn collect(&mut self, sequence: u32, single: bool) -> Result<Vec<Record>, Error> {
        let mut records = Vec::new();
        loop {
            let length = self.receive()?;
            let datagram = self.buffer.get(..length).ok_or(Error::Malformed)?;
            for message in Messages::new(datagram) {
                let message = message.map_err(|_| Error::Malformed)?;
                if message.sequence != sequence {
                    continue;
                }
                self.interrupted |= u32::from(message.flags) & NLM_F_DUMP_INTR != 0;
                match u32::from(message.kind) {
                    NLMSG_DONE => {
                        // A dump that failed half-way ends with a negative error number.
                        let status = field::u32_at(message.payload, 0).unwrap_or(0) as i32;
                        if status < 0 {
                            return Err(Error::Refused(errno(status), None));
                        }
                        return Ok(records);
                    }
                    NLMSG_ERROR => {
                        acknowledgment(message.payload, message.flags)?;
                        return Ok(records);
                    }
                    _ => {
                        let payload = message.payload.to_vec();
                        records.push(Record { kind: message.kind, payload });
                        if single {
                            return Ok(records);
                        }
                    }
                }
            }
        }
    }

    /// Asks for everything of a kind.
    pub fn dump(&mut self, mut request: Request) -> Result<Vec<Record>, Error> {
        request.add_flags(NLM_F_DUMP);
        let sequence = self.send(request)?;
        self.collect(sequence, false)
    }

    /// Asks for a change and waits until it is made.
    pub fn change(&mut self, mut request: Request) -> Result<(), Error> {
        request.add_flags(NLM_F_ACK);
        let sequence = self.send(request)?;
        self.collect(sequence, false).map(|_| ())
    }

    /// Asks for one thing.
    pub fn query(&mut self, request: Request) -> Result<Record, Error> {
        let sequence = self.send(request)?;
        self.collect(sequence, true)?.pop().ok_or(Error::Malformed)
    }

    /// Waits for the next announcements of the groups this socket hears.
    pub fn announcements(&mut self) -> Result<Vec<Record>, Error> {
        let length = self.receive()?;
        let datagram = self.buffer.get(..length).ok_or(Error::Malformed)?;
        Messages::new(datagram)
            .map(|message| {
                let message = message.map_err(|_| Error::Malformed)?;
                Ok(Record { kind: message.kind, payload: message.payload.to_vec() })
            })
            .collect()
    }
}

/// To wait for announcements together with other things.
impl AsFd for RouteSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// The error number of a status below 0.
fn errno(status: i32) -> Errno {
    Errno::from_raw_os_error(
        status.checked_neg().filter(|code| *code < 4096).unwrap_or(i32::from(u8::MAX)),
    )
}

/// Reads an NLMSG_ERROR message: `error` 0 is success, below 0 an error number; with
/// NLM_F_ACK_TLVS attributes follow the copy of the request, of which only the header is there
/// when NLM_F_CAPPED is set.
fn acknowledgment(payload: &[u8], flags: u16) -> Result<(), Error> {
    let status = field::u32_at(payload, 0).ok_or(Error::Malformed)? as i32;
    if status >= 0 {
        return Ok(());
    }
    let flags = u32::from(flags);
    let text = (flags & NLM_F_ACK_TLVS != 0)
        .then(|| {
            let copied = if flags & NLM_F_CAPPED == 0 {
                field::u32_at(payload, size_of::<i32>())? as usize
            } else {
                size_of::<nlmsghdr>()
            };
            let fixed = size_of::<nlmsgerr>() - size_of::<nlmsghdr>();
            let attributes = Attributes::after(payload, fixed.checked_add(copied)?);
            let text = attributes.find(nlmsgerr_attrs::NLMSGERR_ATTR_MSG as u32)?.text()?;
            Some(text.to_string())
        })
        .flatten();
    Err(Error::Refused(errno(status), text))
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;
    use alloc::vec::Vec;

    use linux_raw_sys::netlink::{NLM_F_ACK_TLVS, NLM_F_CAPPED};
    use rustix::io::Errno;

    use super::{Error, acknowledgment};

    /// `error`, then the header of a request of `length` bytes.
    fn reply(error: i32, length: u32) -> Vec<u8> {
        let mut bytes = Vec::from(error.to_ne_bytes());
        bytes.extend(length.to_ne_bytes());
        bytes.extend([0; 12]);
        bytes
    }

    #[test]
    fn acknowledgments() {
        let flags = NLM_F_CAPPED as u16;
        assert_eq!(acknowledgment(&reply(0, 44), flags), Ok(()));
        let error = acknowledgment(&reply(-17, 44), flags).unwrap_err();
        assert_eq!(error, Error::Refused(Errno::EXIST, None));
        assert_eq!(error.to_string(), "RTNETLINK answers: File exists");
        assert_eq!(acknowledgment(&[1, 2], flags), Err(Error::Malformed));
    }

    #[test]
    fn the_kernel_explains() {
        let flags = (NLM_F_CAPPED | NLM_F_ACK_TLVS) as u16;
        let mut capped = reply(-17, 44);
        let attribute =
            [&14u16.to_ne_bytes()[..], &1u16.to_ne_bytes(), b"not that\x000\0"].concat();
        capped.extend(&attribute);
        let error = acknowledgment(&capped, flags).unwrap_err();
        assert_eq!(error.to_string(), "Error: not that.");
        // The whole request stands before the attributes.
        let mut whole = reply(-17, 24);
        whole.extend([0; 8]);
        whole.extend(&attribute);
        assert_eq!(acknowledgment(&whole, NLM_F_ACK_TLVS as u16), Err(error));
        // A length that leads out of the message explains nothing.
        let error = acknowledgment(&reply(-17, u32::MAX), NLM_F_ACK_TLVS as u16);
        assert_eq!(error, Err(Error::Refused(Errno::EXIST, None)));
    }
}
