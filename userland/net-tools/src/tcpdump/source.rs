//! Where packets come from: an interface, or a file.

use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use linux_raw_sys::if_arp::ARPHRD_LOOPBACK;
use linux_raw_sys::if_packet::PACKET_OUTGOING;
use linux_raw_sys::net::{MSG_DONTWAIT, MSG_TRUNC, SO_RCVBUFFORCE, SO_TIMESTAMP_OLD};
use rt::bstr::BStr;
use rt::input::Input;
use rt::strerror;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::fd::{AsFd, OwnedFd};
use rustix::io::Errno;

use super::filter::{Expression, program};
use super::link::LinkType;
use super::pcap::{FILE_HEADER, FileHeader, PACKET_HEADER, Time};
use crate::clock::{SECOND, timespec, wall};
use crate::interface;
use crate::interrupt::LONGEST_WAIT;
use crate::netlink::field;
use crate::socket::message::receive;
use crate::socket::option::{SOCKET, set_i32};
use crate::socket::packet::{LinkAddress, attach_filter, open, set_promiscuous, statistics};

/// How much of a file is asked for in one read.
const BLOCK: usize = 64 * 1024;

/// Octets that may wait to be read, as much as tcpdump asks for.
const QUEUE: i32 = 2 << 20;

/// A packet.
#[derive(Clone, Debug)]
pub struct Packet {
    /// When it passed.
    pub time: Time,
    /// What was captured.
    pub octets: Vec<u8>,
    /// Octets on the wire.
    pub length: usize,
}

/// What [`Live::arrival`] has.
#[derive(Debug)]
pub enum Arrival {
    /// A packet.
    Packet(Packet),
    /// None that is for us.
    None,
    /// There is no more for now.
    Idle,
}

/// An interface, or all.
#[derive(Debug)]
pub struct Live {
    socket: OwnedFd,
    /// What packets begin with.
    pub link: LinkType,
    buffer: Vec<u8>,
}

impl Live {
    /// Listens on an interface; `any` is all of them. No more than `snapshot` octets of a packet are
    /// kept.
    pub fn open(name: &str, snapshot: usize, promiscuous: bool) -> Result<Self, String> {
        let index = match name {
            "any" => 0,
            name => {
                interface::index_of(name).ok_or_else(|| format!("{name}: No such device exists"))?
            }
        };
        let failed = |errno: Errno| match errno {
            Errno::PERM | Errno::ACCESS => {
                format!("{name}: You don't have permission to perform this capture on that device")
            }
            errno => format!("{name}: {}", strerror(errno)),
        };
        let socket = open(index).map_err(failed)?;
        // Where the kernel says no, the time of reading is the time.
        let _ = set_i32(&socket, SOCKET, SO_TIMESTAMP_OLD, 1);
        // Room for a burst while the lines of the last are written; without the right to so much,
        // what the system gives to everybody.
        let _ = set_i32(&socket, SOCKET, SO_RCVBUFFORCE, QUEUE);
        if promiscuous && index != 0 {
            // Loopback knows no addresses, and where it is not to be had, ours pass all the same.
            let _ = set_promiscuous(&socket, index);
        }
        let link = if index == 0 { LinkType::Cooked } else { LinkType::Ethernet };
        Ok(Self { socket, link, buffer: vec![0; snapshot] })
    }

    /// Has the kernel leave out most of what the filter does not want. Where it can't, all comes
    /// here, and the filter sorts it out just the same.
    pub fn filter(&self, expression: &Expression) {
        let snapshot = self.buffer.len();
        if let Some(program) = program::compile(expression, self.link, snapshot) {
            let _ = attach_filter(&self.socket, &program);
        }
    }

    /// Waits a while for packets.
    pub fn wait(&self) -> Result<(), Errno> {
        let mut wanted = [PollFd::new(&self.socket, PollFlags::IN)];
        match poll(&mut wanted, Some(&timespec(LONGEST_WAIT))) {
            Ok(_) | Err(Errno::INTR) => Ok(()),
            Err(errno) => Err(errno),
        }
    }

    /// Takes a packet.
    pub fn arrival(&mut self) -> Result<Arrival, Errno> {
        let flags = MSG_DONTWAIT | MSG_TRUNC;
        let received = match receive(&self.socket, &mut self.buffer, flags) {
            Ok(received) => received,
            Err(Errno::AGAIN | Errno::INTR) => return Ok(Arrival::Idle),
            Err(errno) => return Err(errno),
        };
        let Some(from) = LinkAddress::parse(received.name()) else { return Ok(Arrival::None) };
        // What passes the loopback interface goes out and comes in.
        if u32::from(from.hardware) == ARPHRD_LOOPBACK && u32::from(from.kind) == PACKET_OUTGOING {
            return Ok(Arrival::None);
        }
        let stamp = received.control().find(SOCKET, SO_TIMESTAMP_OLD);
        let time = stamp.and_then(time_of).unwrap_or_else(now);
        let captured = self.buffer.get(..received.length).unwrap_or_default();
        let mut octets = Vec::with_capacity(captured.len() + self.link.header());
        let mut length = received.whole;
        if self.link == LinkType::Cooked {
            octets.extend(cooked(&from));
            length += octets.len();
        }
        octets.extend_from_slice(captured);
        octets.truncate(self.buffer.len());
        Ok(Arrival::Packet(Packet { time, octets, length }))
    }

    /// Counts of packets: all that passed, and those that there was no room for.
    pub fn statistics(&self) -> Result<(u32, u32), Errno> {
        statistics(&self.socket)
    }
}

/// A `struct timeval` of two 64-bit numbers.
fn time_of(data: &[u8]) -> Option<Time> {
    let (seconds, microseconds) = (field::u64_at(data, 0)?, field::u64_at(data, 8)?);
    Some(Time { seconds: seconds as u32, microseconds: microseconds as u32 })
}

fn now() -> Time {
    let time = wall();
    Time { seconds: (time / SECOND) as u32, microseconds: (time % SECOND) as u32 }
}

/// The header of LINKTYPE_LINUX_SLL2.
fn cooked(from: &LinkAddress) -> [u8; 20] {
    let mut header = [0; 20];
    field::put(&mut header, 0, &from.protocol.to_be_bytes());
    field::put(&mut header, 4, &from.interface.to_be_bytes());
    field::put(&mut header, 8, &from.hardware.to_be_bytes());
    field::put(&mut header, 10, &[from.kind, from.address_length]);
    field::put(&mut header, 12, &from.address);
    header
}

/// A file.
#[derive(Debug)]
pub struct File {
    reader: Reader,
    /// The header.
    pub header: FileHeader,
}

impl File {
    /// Opens a file; `-` is standard input.
    pub fn open(path: &str) -> Result<Self, String> {
        let failed = |errno| format!("{path}: {}", strerror(errno));
        let input = Input::open(BStr::new(path)).map_err(failed)?;
        let mut reader = Reader { input, buffer: Vec::new(), at: 0 };
        let bytes = reader.take(FILE_HEADER).map_err(failed)?;
        let header = FileHeader::parse(bytes.unwrap_or_default())?;
        Ok(Self { reader, header })
    }

    /// The next packet; `None` at the end.
    pub fn packet(&mut self) -> Result<Option<Packet>, String> {
        let failed = |errno| format!("error reading dump file: {}", strerror(errno));
        let Some(bytes) = self.reader.take(PACKET_HEADER).map_err(failed)? else {
            return match self.reader.rest() {
                0 => Ok(None),
                rest => Err(format!(
                    "truncated dump file; tried to read {PACKET_HEADER} header bytes, only got {rest}"
                )),
            };
        };
        let header = self.header.packet(bytes)?;
        let captured = header.captured;
        match self.reader.take(captured).map_err(failed)? {
            Some(octets) => {
                Ok(Some(Packet { time: header.time, octets: octets.into(), length: header.length }))
            }
            None => Err(format!(
                "truncated dump file; tried to read {captured} captured bytes, only got {}",
                self.reader.rest()
            )),
        }
    }
}

/// Reads pieces of known length.
#[derive(Debug)]
struct Reader {
    input: Input,
    buffer: Vec<u8>,
    /// Where unread octets begin.
    at: usize,
}

impl Reader {
    /// Octets that were read from the file and not taken.
    fn rest(&self) -> usize {
        self.buffer.len() - self.at
    }

    /// The next `length` octets; `None` when the file ends before.
    fn take(&mut self, length: usize) -> Result<Option<&[u8]>, Errno> {
        if self.rest() < length {
            self.buffer.drain(..self.at);
            self.at = 0;
        }
        while self.rest() < length {
            let have = self.buffer.len();
            self.buffer.resize(have + BLOCK, 0);
            let room = self.buffer.get_mut(have..).unwrap_or_default();
            let count = rt::input::read(self.input.as_fd(), room);
            self.buffer.truncate(have + count.unwrap_or(0));
            if count? == 0 {
                return Ok(None);
            }
        }
        let begin = self.at;
        self.at += length;
        Ok(self.buffer.get(begin..self.at))
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::{LinkAddress, Time, cooked, time_of};
    use crate::tcpdump::link::{LinkType, Network};

    #[test]
    fn cooked_headers() {
        let from = LinkAddress {
            protocol: 0x86dd,
            interface: 3,
            hardware: 1,
            kind: 4,
            address_length: 6,
            address: [1, 2, 3, 4, 5, 6, 0, 0],
        };
        let header = cooked(&from);
        let expected = [0x86, 0xdd, 0, 0, 0, 0, 0, 3, 0, 1, 4, 6, 1, 2, 3, 4, 5, 6, 0, 0];
        assert_eq!(header, expected);
        let network = Network { kind: 0x86dd, offset: 20 };
        assert_eq!(LinkType::Cooked.network(&header), Ok(network));
    }

    #[test]
    fn times() {
        let mut data = Vec::from(1_700_000_000u64.to_ne_bytes());
        data.extend(999u64.to_ne_bytes());
        let time = Time { seconds: 1_700_000_000, microseconds: 999 };
        assert_eq!(time_of(&data), Some(time));
        assert_eq!(time_of(&data[..15]), None);
    }
}
