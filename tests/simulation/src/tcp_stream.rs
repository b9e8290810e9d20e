//! An end of a TCP connection, whatever stack it is at.

use crate::host::{Host, HostStack};
use net::socket::ShutdownError;
use net::tcp::{TcpId, TcpReceiveError, TcpSendError, TcpState};
use net::time::Instant;

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
    /// Sends as much as is taken; `None` when nothing can be sent any more.
    fn try_write(&mut self, data: &[u8], now: Instant) -> Option<usize>;
    /// Sends as much as is taken.
    fn write(&mut self, data: &[u8], now: Instant) -> usize {
        self.try_write(data, now).unwrap_or(0)
    }
    /// Reads at most so many octets.
    fn read(&mut self, most: usize, now: Instant) -> Read;
    /// Sends no more.
    fn finish(&mut self, now: Instant);
    /// Reads no more.
    fn shut_receiving_down(&mut self, now: Instant);
    /// Resets the connection.
    fn abort(&mut self, now: Instant);
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

    fn try_write(&mut self, data: &[u8], now: Instant) -> Option<usize> {
        let mut rest = data;
        let fill = |room: &mut [u8]| {
            let (first, later) = rest.split_at(room.len());
            room.copy_from_slice(first);
            rest = later;
            Ok::<_, core::convert::Infallible>(())
        };
        let id = self.id;
        match self.stack().tcp_send(id, data.len(), fill, now) {
            Ok(count) => Some(count),
            Err(TcpSendError::Fill(never)) => match never {},
            Err(TcpSendError::WouldBlock) => Some(0),
            Err(_) => None,
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

    fn shut_receiving_down(&mut self, now: Instant) {
        let id = self.id;
        match self.stack().tcp_shutdown(id, true, false, now) {
            Ok(()) | Err(ShutdownError::NotConnected | ShutdownError::Closed) => {}
        }
    }

    fn abort(&mut self, now: Instant) {
        let id = self.id;
        self.stack().tcp_abort(id, now);
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
