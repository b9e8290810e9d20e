//! Two ends of a TCP connection, and a program at each that sends, reads and closes as a seed
//! says.

use crate::host::{Host, HostStack};
use crate::random::Seeded;
use net::socket::ShutdownError;
use net::tcp::{TcpId, TcpReceiveError, TcpSendError, TcpState};
use net::time::{Duration, Instant};

/// What reading gave.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Read {
    /// Octets.
    Data(Vec<u8>),
    /// Nothing for now.
    Nothing,
    /// The other side sends no more.
    End,
    /// The connection failed.
    Reset,
}

/// One end, of whatever stack.
pub trait Stream {
    /// Whether data can go both ways.
    fn is_open(&mut self, now: Instant) -> bool;
    /// Sends as much as is taken.
    fn write(&mut self, data: &[u8], now: Instant) -> usize;
    /// Reads at most so many octets.
    fn read(&mut self, most: usize, now: Instant) -> Read;
    /// Sends no more.
    fn finish(&mut self, now: Instant);
    /// Wants to hear no more of it.
    fn close(&mut self, now: Instant);
    /// Whether nothing but memories is left of it.
    fn is_gone(&mut self, now: Instant) -> bool;
}

/// An end at a host.
pub struct HostStream<'a> {
    /// Where.
    pub host: &'a mut Host,
    /// Which.
    pub id: TcpId,
}

impl HostStream<'_> {
    fn stack(&mut self) -> &mut HostStack {
        &mut self.host.stack
    }
}

impl Stream for HostStream<'_> {
    fn is_open(&mut self, _now: Instant) -> bool {
        let id = self.id;
        self.stack().tcp_state(id).is_some_and(TcpState::is_synchronized)
    }

    fn write(&mut self, data: &[u8], now: Instant) -> usize {
        let mut rest = data;
        let fill = |room: &mut [u8]| {
            let (first, later) = rest.split_at(room.len());
            room.copy_from_slice(first);
            rest = later;
            Ok::<_, core::convert::Infallible>(())
        };
        let id = self.id;
        match self.stack().tcp_send(id, data.len(), fill, now) {
            Ok(count) => count,
            Err(TcpSendError::Fill(never)) => match never {},
            Err(_) => 0,
        }
    }

    fn read(&mut self, most: usize, now: Instant) -> Read {
        let mut data = Vec::new();
        let append = |run: &[u8]| {
            data.extend(run);
            Ok::<_, core::convert::Infallible>(())
        };
        let id = self.id;
        match self.stack().tcp_receive(id, most, false, append, now) {
            Ok(0) => Read::End,
            Ok(_) => Read::Data(data),
            Err(TcpReceiveError::WouldBlock) => Read::Nothing,
            Err(_) => Read::Reset,
        }
    }

    fn finish(&mut self, now: Instant) {
        let id = self.id;
        match self.stack().tcp_shutdown(id, false, true, now) {
            Ok(()) | Err(ShutdownError::NotConnected | ShutdownError::Closed) => {}
        }
    }

    fn close(&mut self, now: Instant) {
        let id = self.id;
        self.stack().tcp_close(id, now);
    }

    fn is_gone(&mut self, _now: Instant) -> bool {
        let id = self.id;
        self.stack().tcp_state(id).is_none_or(|state| state == TcpState::Closed)
    }
}

/// The program at one end.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "things that have happened or not")]
pub struct Program {
    /// What it sends.
    pub data: Vec<u8>,
    sent: usize,
    /// What it has read.
    pub got: Vec<u8>,
    chunk: usize,
    /// It closes only after the other side has.
    waits_for_end: bool,
    finished: bool,
    /// It has seen the end of the stream.
    pub ended: bool,
    /// It has seen the connection fail.
    pub failed: bool,
    closed: bool,
    /// It does not read before this time, so that the window closes.
    idle_until: Instant,
}

impl Program {
    /// A program that sends up to `most` octets. One of two must not wait for the other's end.
    pub fn new(random: &mut Seeded, most: usize, may_wait: bool, now: Instant) -> Self {
        let length = if random.chance(150) { random.index(3) } else { random.index(most + 1) };
        let data = (0..length).map(|_| random.draw() as u8).collect();
        let idle = if random.chance(300) {
            Duration::from_millis(random.index(8000) as u64)
        } else {
            Duration::ZERO
        };
        Self {
            data,
            sent: 0,
            got: Vec::new(),
            chunk: 1 + random.index(20_000),
            waits_for_end: may_wait && random.chance(500),
            finished: false,
            ended: false,
            failed: false,
            closed: false,
            idle_until: now + idle,
        }
    }

    /// Whether it has nothing left to do.
    pub const fn is_done(&self) -> bool {
        self.closed
    }

    /// When it wants to do something although nothing happens.
    pub const fn wakes_at(&self) -> Instant {
        self.idle_until
    }

    /// Does what can be done.
    pub fn run(&mut self, stream: &mut impl Stream, now: Instant) {
        if self.closed {
            return;
        }
        while self.sent < self.data.len() {
            let end = (self.sent + self.chunk).min(self.data.len());
            let count = stream.write(&self.data[self.sent..end], now);
            self.sent += count;
            if count == 0 {
                break;
            }
        }
        while now >= self.idle_until && !self.ended && !self.failed {
            match stream.read(self.chunk, now) {
                Read::Data(data) => self.got.extend(data),
                Read::Nothing => break,
                Read::End => self.ended = true,
                Read::Reset => self.failed = true,
            }
        }
        let all_sent = self.sent == self.data.len();
        if all_sent && !self.finished && (self.ended || !self.waits_for_end) {
            stream.finish(now);
            self.finished = true;
        }
        if self.failed || self.finished && self.ended {
            stream.close(now);
            self.closed = true;
        }
    }
}
