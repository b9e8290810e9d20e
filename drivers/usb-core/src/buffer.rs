//! Memory that a host controller may read and write by DMA.

/// An address as the DMA master sees it, which on a BCM283x is not the CPU's physical address.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct BusAddress(pub u32);

/// A block of DMA-capable memory, seen through a window.
///
/// The window is what a transfer moves: an OUT transfer sends the window, an IN transfer fills it
/// from its first byte. Whoever implements this guarantees that the device sees what the CPU wrote
/// and the reverse (non-cacheable memory, or cache maintenance inside the implementation).
///
/// A buffer is given away by value for the time of a transfer, so Rust code cannot reach it while
/// the hardware may.
pub trait DmaBuffer {
    /// Bus address of the first byte of the window. A multiple of 4 for every buffer handed to a
    /// host controller.
    fn bus_address(&self) -> BusAddress;

    /// The window.
    fn bytes(&self) -> &[u8];

    /// The window, writable.
    fn bytes_mut(&mut self) -> &mut [u8];

    /// Makes the window `len` bytes long from its present start; the new bytes are unspecified.
    /// Returns `false`, and changes nothing, when the block has no room for it.
    fn set_len(&mut self, len: usize) -> bool;
}
