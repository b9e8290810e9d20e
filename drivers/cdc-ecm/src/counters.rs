//! What a driver counts beyond the interface's own counters.

use core::cell::Cell;

pub(crate) fn count(counters: &Cell<Counters>, change: impl FnOnce(&mut Counters)) {
    let mut values = counters.get();
    change(&mut values);
    counters.set(values);
}

macro_rules! counters {
    ($($(#[doc = $doc:literal])+ $name:ident,)+) => {
        /// Counts of one adapter. The losses among them are counted at the interface, too (by
        /// [`net::netif::Port::count`]); these tell why.
        #[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
        #[non_exhaustive]
        pub struct Counters {
            $($(#[doc = $doc])+ pub $name: u64,)+
        }

        impl Counters {
            /// Name and value of every count.
            pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> + use<> {
                [$((stringify!($name), self.$name)),+].into_iter()
            }
        }
    };
}

counters! {
    /// Count of frames handed to the stack.
    received,
    /// Count of frames sent.
    sent,
    /// Count of receive transfers without any data.
    empty_transfers,
    /// Count of received frames below 14 octets.
    too_short,
    /// Count of received frames above what the link allows.
    too_long,
    /// Count of receive transfers that failed.
    receive_errors,
    /// Count of times when no buffer was free for receiving.
    no_buffer,
    /// Count of messages or blocks in receive transfers that made no sense.
    malformed,
    /// Count of received frames that were damaged on the wire (SMSC).
    damaged,
    /// Count of messages that were put together from two transfers.
    straddling,
    /// Count of frames copied because they shared a transfer.
    copied,
    /// Count of messages on the data path that carry no frame.
    other_messages,
    /// Count of blocks that frames came in (NCM).
    blocks,
    /// Count of blocks whose number did not follow the one before (NCM).
    sequence_gaps,
    /// Count of frames too long for the link or the device.
    oversize,
    /// Count of frames without room for the driver's header or padding.
    no_headroom,
    /// Count of frames sent in a transfer together with others.
    gathered,
    /// Count of transmissions that failed and were repeated.
    retries,
    /// Count of frames lost because their transmission failed.
    transmit_errors,
    /// Count of notifications.
    notifications,
    /// Count of polls of the notification endpoint that failed.
    notification_errors,
    /// Count of link state changes.
    link_changes,
    /// Count of keep-alive commands that were answered (RNDIS).
    keepalives,
    /// Count of keep-alive commands that were not (RNDIS).
    keepalive_failures,
    /// Count of commands that had to wait for their answer (RNDIS).
    late_answers,
}
