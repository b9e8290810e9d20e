//! Paths that swallow long packets without a word (RFC 2923, Section 2.1; RFC 4821, Section 7.7).

use super::connection::Connection;
use super::store::Store;
use crate::buffer::PacketBuffer;
use crate::counters::TcpCounters;
use crate::interface::MINIMUM_MTU;

/// Timeouts of one segment after which the path is suspected.
const TIMEOUTS: u8 = 3;

impl Connection {
    /// The retransmission timer has run out. If a segment that is longer than every path carries
    /// was lost so often, the connection makes do with what every path carries.
    pub(crate) fn suspect_path<B: PacketBuffer>(
        &mut self,
        store: &Store<B>,
        counters: &mut TcpCounters,
    ) {
        let first = self.send.front().and_then(|at| store.get(at));
        let spared =
            self.window.mss.saturating_sub(self.path_mtu.saturating_sub(MINIMUM_MTU).into());
        let long = first.is_some_and(|piece| piece.data_len() > spared);
        if self.state.is_synchronized() && self.rtt.backoff() + 1 >= TIMEOUTS && long {
            self.black_hole = true;
            self.set_path_mtu(self.path_mtu);
            counters.black_holes += 1;
        }
    }
}
