//! What a connection counts about itself (RFC 4898 has most of it), and what it has waited for.

use crate::time::{Duration, Instant};

/// The counts of one connection: what TCP_INFO shows besides its variables. Octets are octets of
/// data, each counted once unless something else is said.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct TcpCounts {
    /// Octets that the other side has acknowledged.
    pub octets_acknowledged: u64,
    /// Octets that arrived in order.
    pub octets_received: u64,
    /// Octets sent, those sent again included.
    pub octets_sent: u64,
    /// Of these, octets sent again.
    pub octets_retransmitted: u64,
    /// Segments that arrived.
    pub segments_received: u32,
    /// Of these, segments with data.
    pub data_segments_received: u32,
    /// Of these, segments behind a hole.
    pub segments_out_of_order: u32,
    /// Segments sent, those sent again included.
    pub segments_sent: u32,
    /// Of these, segments with data.
    pub data_segments_sent: u32,
    /// Of these, segments sent again, SYN and FIN included.
    pub segments_retransmitted: u32,
    /// Segments that have arrived at the other side, as far as it said so.
    pub delivered: u32,
    /// Segments that the other side reported to have got twice (RFC 2883).
    pub duplicates_reported: u32,
}

impl TcpCounts {
    /// A segment arrived.
    #[inline]
    pub(crate) const fn on_arrival(&mut self, data_len: u32) {
        self.segments_received = self.segments_received.wrapping_add(1);
        let data = (data_len > 0) as u32;
        self.data_segments_received = self.data_segments_received.wrapping_add(data);
    }

    /// A segment was sent, perhaps again.
    #[inline]
    pub(crate) const fn on_sent(&mut self, data_len: u32, again: bool) {
        self.segments_sent = self.segments_sent.wrapping_add(1);
        self.data_segments_sent = self.data_segments_sent.wrapping_add((data_len > 0) as u32);
        self.octets_sent += data_len as u64;
        if again {
            self.segments_retransmitted = self.segments_retransmitted.wrapping_add(1);
            self.octets_retransmitted += data_len as u64;
        }
    }
}

/// What a connection waits for while it has something to send.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Business {
    /// There is nothing to send.
    Idle,
    /// The network: nothing else holds it up.
    Network,
    /// The other side's window.
    Window,
    /// Its own buffer: the user has more than it holds.
    Buffer,
}

/// How long it was what, in milliseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BusyTime {
    now: Business,
    since: u32,
    network: u32,
    window: u32,
    buffer: u32,
}

impl BusyTime {
    pub(crate) const fn new() -> Self {
        Self { now: Business::Idle, since: 0, network: 0, window: 0, buffer: 0 }
    }

    /// From now on it waits for `next`.
    #[inline]
    pub(crate) const fn note(&mut self, next: Business, now: Instant) {
        if next as u8 == self.now as u8 {
            return;
        }
        self.change(next, now);
    }

    const fn change(&mut self, next: Business, now: Instant) {
        let millis = now.as_millis() as u32;
        let passed = millis.wrapping_sub(self.since);
        match self.now {
            Business::Idle => {}
            Business::Network => self.network = self.network.saturating_add(passed),
            Business::Window => self.window = self.window.saturating_add(passed),
            Business::Buffer => self.buffer = self.buffer.saturating_add(passed),
        }
        (self.now, self.since) = (next, millis);
    }

    /// The sums until now: all in all, for the other side's window, for the own buffer.
    pub(crate) const fn sums(mut self, now: Instant) -> [Duration; 3] {
        self.change(Business::Idle, now);
        let busy = self.network as u64 + self.window as u64 + self.buffer as u64;
        [
            Duration::from_millis(busy),
            Duration::from_millis(self.window as u64),
            Duration::from_millis(self.buffer as u64),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_time_is_counted_for_what_it_was() {
        let at = Instant::from_millis;
        let mut busy = BusyTime::new();
        busy.note(Business::Network, at(5_000_000_000));
        busy.note(Business::Network, at(5_000_000_010));
        busy.note(Business::Window, at(5_000_000_030));
        busy.note(Business::Buffer, at(5_000_000_070));
        let sums = busy.sums(at(5_000_000_075));
        assert_eq!(sums, [75, 40, 5].map(Duration::from_millis));
        busy.note(Business::Idle, at(5_000_000_075));
        assert_eq!(busy.sums(at(6_000_000_000)), sums);
    }
}
