//! The whole contract between an Ethernet driver and the stack.
//!
//! A driver is handed a [`Port`]: its end of one interface. It takes empty buffers from it, gives
//! received frames to it, waits at it for frames to send, and tells it about the link. It never
//! sees the stack, and the stack never sees the driver.

use crate::buffer::PacketBuffer;
use core::fmt;
use core::task::{Context, Poll};

/// A 48-bit Ethernet address.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct MacAddress(pub [u8; 6]);

impl MacAddress {
    /// ff:ff:ff:ff:ff:ff.
    pub const BROADCAST: Self = Self([0xff; 6]);

    /// Whether the group bit is set (broadcast included).
    pub const fn is_multicast(self) -> bool {
        self.0[0] & 1 != 0
    }

    /// Whether it can be a station's own address: neither a group nor all zero.
    pub fn is_station(self) -> bool {
        !self.is_multicast() && self.0 != [0; 6]
    }
}

impl fmt::Display for MacAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, octet) in self.0.iter().enumerate() {
            let separator = if position == 0 { "" } else { ":" };
            write!(f, "{separator}{octet:02x}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for MacAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What the driver knows of the cable.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LinkState {
    /// No carrier.
    Down,
    /// Carrier; the speed in Mbit/s where the device tells it.
    Up {
        /// Mbit/s.
        speed: Option<u32>,
    },
}

/// Which frames a device is to hand over.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum ReceiveFilter {
    /// Those to its own address, to groups and to everybody: what the stack needs.
    #[default]
    Own,
    /// All that pass (promiscuous mode).
    All,
}

/// Frames that a driver lost or refused; the stack counts everything after that.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum LinkDrop {
    /// Count of received frames shorter than an Ethernet header.
    ReceiveTooShort,
    /// Count of received frames longer than the link allows.
    ReceiveTooLong,
    /// Count of received transfers whose framing (RNDIS) made no sense.
    ReceiveMalformed,
    /// Count of receive transfers that ended with an error.
    ReceiveError,
    /// Count of frames lost because no buffer was free.
    ReceiveNoBuffer,
    /// Count of frames whose transmission failed.
    TransmitError,
}

/// A frame to be sent has so many octets of headroom or more, for a driver's own header.
pub const FRAME_HEADROOM: usize = 64;

/// A frame to be sent begins on a multiple of so many octets, as DMA engines want it.
pub const FRAME_ALIGNMENT: usize = 4;

/// The driver's end of a network interface.
pub trait Port {
    /// Packet memory.
    type Buffer: PacketBuffer;

    /// An empty buffer whose window begins at the block's start (aligned for DMA).
    fn allocate(&self) -> Option<Self::Buffer>;

    /// Hands a received Ethernet frame (no FCS) to the stack. [`Self::settle`] must follow, if only
    /// after the frames behind it that are at hand.
    fn receive(&self, frame: Self::Buffer);

    /// No more frames are at hand, or enough came in a row: what a burst is answered once for, such
    /// as data of a TCP connection, is answered now.
    fn settle(&self);

    /// The next frame to send, or pending until there is one. Frames begin on a multiple of
    /// [`FRAME_ALIGNMENT`] and have at least [`FRAME_HEADROOM`].
    fn poll_transmit(&self, cx: &mut Context<'_>) -> Poll<Self::Buffer>;

    /// What the device is to hand over from now on, or pending while that does not change. It
    /// begins with [`ReceiveFilter::Own`]. A driver whose device has no such filter never asks.
    fn poll_receive_filter(&self, cx: &mut Context<'_>) -> Poll<ReceiveFilter> {
        let _ = cx;
        Poll::Pending
    }

    /// Tells the stack about the link.
    fn set_link(&self, state: LinkState);

    /// Counts a frame that the driver lost.
    fn count(&self, drop: LinkDrop);
}
