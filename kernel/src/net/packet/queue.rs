//! What waits in a packet socket: a bounded queue with counts, and a bound for all together.

use super::address::LinkAddress;
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicUsize, Ordering};
use core::time::Duration;

/// What one queue may hold unless a program asks for another size (net.core.rmem_default).
pub(super) const DEFAULT_LIMIT: usize = 212_992;
/// What a program may ask for, doubled as Linux does.
pub(super) const LIMIT_MAX: usize = 2 << 20;
/// The smallest queue (SOCK_MIN_RCVBUF).
pub(super) const LIMIT_MIN: usize = 2304;
/// What all queues together may hold: captures cannot fill the kernel's heap.
const ALL_LIMIT: usize = 4 << 20;
/// What a packet counts beside its octets.
const OVERHEAD: usize = size_of::<Captured>() + 32;

/// Octets in all queues.
static ALL: AtomicUsize = AtomicUsize::new(0);

/// A packet that was captured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Captured {
    /// Where it came from or went.
    pub(super) address: LinkAddress,
    /// When, as the time of day.
    pub(super) time: Duration,
    /// Length of the packet before a filter cut it.
    pub(super) length: usize,
    /// Octets of a link-layer header at the beginning of the data.
    pub(super) header: usize,
    /// What the socket receives of it.
    pub(super) data: Vec<u8>,
}

impl Captured {
    fn charge(&self) -> usize {
        self.data.len() + OVERHEAD
    }
}

/// PACKET_STATISTICS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Statistics {
    /// Packets that the filter let through, dropped ones included.
    pub(super) packets: u32,
    /// Packets for which there was no room.
    pub(super) drops: u32,
}

/// The queue.
#[derive(Debug)]
pub(super) struct Queue {
    packets: VecDeque<Captured>,
    octets: usize,
    limit: usize,
    statistics: Statistics,
}

impl Queue {
    pub(super) const fn new() -> Self {
        let statistics = Statistics { packets: 0, drops: 0 };
        Self { packets: VecDeque::new(), octets: 0, limit: DEFAULT_LIMIT, statistics }
    }

    /// SO_RCVBUF.
    pub(super) const fn limit(&self) -> usize {
        self.limit
    }

    /// Sets how much may wait.
    pub(super) fn set_limit(&mut self, limit: usize) {
        self.limit = limit.clamp(LIMIT_MIN, LIMIT_MAX);
    }

    /// Octets charged for what waits.
    pub(super) const fn octets(&self) -> usize {
        self.octets
    }

    /// Whether a packet of this length would find room. Counts it, and counts it as dropped when
    /// there is none.
    pub(super) fn admit(&mut self, length: usize) -> bool {
        self.statistics.packets = self.statistics.packets.wrapping_add(1);
        let charge = length + OVERHEAD;
        let fits =
            self.octets + charge <= self.limit && ALL.load(Ordering::Relaxed) + charge <= ALL_LIMIT;
        if !fits {
            self.drop_one();
        }
        fits
    }

    /// Counts a dropped packet.
    pub(super) fn drop_one(&mut self) {
        self.statistics.drops = self.statistics.drops.wrapping_add(1);
    }

    /// Appends a packet that was admitted.
    pub(super) fn push(&mut self, packet: Captured) {
        self.octets += packet.charge();
        ALL.fetch_add(packet.charge(), Ordering::Relaxed);
        self.packets.push_back(packet);
    }

    /// The oldest packet.
    pub(super) fn front(&self) -> Option<&Captured> {
        self.packets.front()
    }

    /// Forgets the oldest packet.
    pub(super) fn pop(&mut self) {
        if let Some(packet) = self.packets.pop_front() {
            self.octets -= packet.charge();
            ALL.fetch_sub(packet.charge(), Ordering::Relaxed);
        }
    }

    /// The counts since the last [`take_statistics`](Self::take_statistics).
    pub(super) const fn statistics(&self) -> Statistics {
        self.statistics
    }

    /// The counts since the last call, as PACKET_STATISTICS has it.
    pub(super) fn take_statistics(&mut self) -> Statistics {
        core::mem::take(&mut self.statistics)
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        ALL.fetch_sub(self.octets, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::super::address::PacketType;
    use super::*;

    fn captured(length: usize) -> Captured {
        let address = LinkAddress {
            protocol: 0,
            interface: None,
            hardware: 1,
            packet_type: PacketType::Host,
            station: None,
        };
        let data = alloc::vec![0; length];
        Captured { address, time: Duration::ZERO, length, header: 14, data }
    }

    #[test]
    fn a_full_queue_drops_and_counts() {
        let mut queue = Queue::new();
        queue.set_limit(0);
        assert_eq!(queue.limit(), LIMIT_MIN);
        let mut taken = 0;
        while queue.admit(100) {
            queue.push(captured(100));
            taken += 1;
        }
        assert!(taken > 1 && queue.octets() <= LIMIT_MIN);
        assert_eq!(queue.take_statistics(), Statistics { packets: taken + 1, drops: 1 });
        assert_eq!(queue.take_statistics(), Statistics::default());
        queue.pop();
        assert!(queue.admit(100));
        while queue.front().is_some() {
            queue.pop();
        }
        queue.pop();
        assert_eq!(queue.octets(), 0);
    }
}
