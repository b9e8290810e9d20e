//! Connections that somebody else than their owner ends: SOCK_DESTROY of sock_diag(7), `ss -K`.

use super::isn::FourTuple;
use super::state::TcpState;
use super::table::{Body, Found, TcpSocket};
use super::{TcpError, TcpId, TcpSummary};
use crate::buffer::BufferPool;
use crate::interface::InterfaceIndex;
use crate::random::Random;
use crate::stack::Stack;
use crate::time::Instant;

impl<P: BufferPool, R: Random> Stack<P, R> {
    /// Ends what [`Stack::tcp_sockets`] lists. The other side of a connection gets a reset, its
    /// owner [`TcpError::Aborted`]; a listener listens no more; what is half open or in TIME-WAIT
    /// is forgotten. False when it is not there, or closed already.
    pub fn tcp_destroy(&mut self, summary: &TcpSummary, now: Instant) -> bool {
        let (local, Some(remote)) = (summary.local, summary.remote) else {
            // A listener, or a socket that did nothing yet.
            return summary.id.is_some_and(|id| self.tcp_end(id, now));
        };
        let tuple =
            FourTuple { local: (*local.ip(), local.port()), remote: (*remote.ip(), remote.port()) };
        // Without a zone it is found from everywhere.
        let from = InterfaceIndex::new(local.scope_id()).unwrap_or(InterfaceIndex::LOOPBACK);
        if let Some(id) = summary.id {
            return self.tcp_end(id, now);
        }
        match self.tcp.find(&tuple, from) {
            Some(Found::Connection(slot)) => {
                self.tcp.id_at(slot).is_some_and(|id| self.tcp_end(id, now))
            }
            Some(Found::HalfOpen(slot)) => {
                self.counters.tcp.attempt_fails += 1;
                self.tcp.half_open.remove(slot).is_some()
            }
            Some(Found::TimeWait(slot)) => self.tcp.time_wait.remove(slot).is_some(),
            None => false,
        }
    }

    fn tcp_end(&mut self, id: TcpId, now: Instant) -> bool {
        let slot = usize::from(id.slot);
        if self.tcp.id_at(slot) != Some(id) {
            return false;
        }
        let state = match self.tcp.at(slot) {
            Some(TcpSocket { body: Body::Listener(_), .. }) => {
                self.tcp_stop_listening(id, now);
                self.tcp_notify(slot);
                self.finish(now);
                return true;
            }
            Some(TcpSocket { body: Body::Connection(connection), .. }) => connection.state,
            _ => return false,
        };
        match state {
            TcpState::Closed => return false,
            TcpState::SynSent => {}
            _ => self.tcp_send_reset(slot, now),
        }
        let counters = &mut self.counters.tcp;
        match state {
            TcpState::SynSent | TcpState::SynReceived => counters.attempt_fails += 1,
            TcpState::Established | TcpState::CloseWait => counters.established_resets += 1,
            _ => {}
        }
        if let Some((connection, store)) = self.tcp.connection_and_store(slot) {
            connection.fail(store, TcpError::Aborted);
        }
        self.tcp.retire(slot);
        self.tcp_notify(slot);
        self.finish(now);
        true
    }
}
