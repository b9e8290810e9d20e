//! What a driver counts beyond the interface's own counters.

/// Counts of one adapter. The losses among them are counted at the interface, too (by
/// [`net::netif::Port::count`]); these tell why.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
#[non_exhaustive]
pub struct Counters {
    /// Count of frames handed to the stack.
    pub received: u64,
    /// Count of frames sent.
    pub sent: u64,
    /// Count of receive transfers without any data.
    pub empty_transfers: u64,
    /// Count of received frames below 14 octets.
    pub too_short: u64,
    /// Count of received frames above what the link allows.
    pub too_long: u64,
    /// Count of receive transfers that failed.
    pub receive_errors: u64,
    /// Count of times when no buffer was free for receiving.
    pub no_buffer: u64,
    /// Count of messages in receive transfers that made no sense (RNDIS).
    pub malformed: u64,
    /// Count of messages that were put together from two transfers (RNDIS).
    pub straddling: u64,
    /// Count of frames copied because they shared a transfer (RNDIS).
    pub copied: u64,
    /// Count of messages on the data path that carry no frame (RNDIS).
    pub other_messages: u64,
    /// Count of frames too long for the link or the device.
    pub oversize: u64,
    /// Count of frames without room for the driver's header (RNDIS) or padding.
    pub no_headroom: u64,
    /// Count of transmissions that failed and were repeated.
    pub retries: u64,
    /// Count of frames lost because their transmission failed.
    pub transmit_errors: u64,
    /// Count of notifications.
    pub notifications: u64,
    /// Count of polls of the notification endpoint that failed.
    pub notification_errors: u64,
    /// Count of link state changes.
    pub link_changes: u64,
    /// Count of keep-alive commands that were answered (RNDIS).
    pub keepalives: u64,
    /// Count of keep-alive commands that were not (RNDIS).
    pub keepalive_failures: u64,
    /// Count of commands that had to wait for their answer (RNDIS).
    pub late_answers: u64,
}
