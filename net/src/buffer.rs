//! The packet buffer: a block of memory with a window that grows and shrinks at both ends.
//!
//! ```text
//!  ┌───────────┬──────────────────────────────┬──────────┐
//!  │ headroom  │ data (the window)            │ tailroom │
//!  └───────────┴──────────────────────────────┴──────────┘
//!       headers are prepended ←      → payload is appended
//! ```
//!
//! The stack is generic over the type, so that the kernel's can be memory that a USB controller
//! reads and writes by DMA: a frame is then never copied between the wire and the socket buffer.

/// Bytes that the stack leaves in front of a payload: enough for Ethernet (14), a VLAN tag (4), IPv6
/// (40), a chain of extension headers and a TCP header with all options (60).
///
/// It is 2 modulo 4: every header behind the Ethernet header is a multiple of 4 octets long, so a
/// finished Ethernet frame starts on a multiple of 4, as DMA engines want it.
pub const PAYLOAD_OFFSET: usize = 194;

/// Room in a buffer behind the payload offset: a payload that fills a 1500-octet link, and slack.
pub const PAYLOAD_CAPACITY: usize = 1726;

/// A block of packet memory.
pub trait PacketBuffer: Sized {
    /// The window.
    fn data(&self) -> &[u8];

    /// The window, writable.
    fn data_mut(&mut self) -> &mut [u8];

    /// Octets in front of the window.
    fn headroom(&self) -> usize;

    /// Octets behind the window.
    fn tailroom(&self) -> usize;

    /// Grows the window by `n` octets at the front and returns them (contents unspecified), or
    /// `None`, changing nothing, without room.
    fn prepend(&mut self, n: usize) -> Option<&mut [u8]>;

    /// Grows the window by `n` octets at the end and returns them (contents unspecified), or
    /// `None`, changing nothing, without room.
    fn append(&mut self, n: usize) -> Option<&mut [u8]>;

    /// Drops up to `n` octets at the front of the window.
    fn trim_front(&mut self, n: usize);

    /// Shortens the window to at most `len` octets.
    fn truncate(&mut self, len: usize);

    /// Length of the window.
    fn len(&self) -> usize {
        self.data().len()
    }

    /// Whether the window is empty.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Where packet buffers come from and, when dropped, go back to.
pub trait BufferPool {
    /// What it hands out.
    type Buffer: PacketBuffer;

    /// An empty buffer whose window starts `headroom` octets into the block, or `None` when the
    /// pool is exhausted (the caller counts that and drops the packet).
    fn allocate(&mut self, headroom: usize) -> Option<Self::Buffer>;
}
