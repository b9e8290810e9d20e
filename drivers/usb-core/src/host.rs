//! The contract between the USB core with its class drivers and a host controller driver.

use crate::buffer::DmaBuffer;
use crate::intake::{Intake, one_by_one};
use crate::pipe::{PipeConfig, Speed};
use core::time::Duration;

/// The eight bytes of a SETUP packet (USB 2.0 section 9.3, table 9-2).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SetupPacket {
    /// bmRequestType: bit 7 direction (1 = device to host), bits 6:5 type, bits 4:0 recipient.
    pub request_type: u8,
    /// bRequest.
    pub request: u8,
    /// wValue.
    pub value: u16,
    /// wIndex.
    pub index: u16,
    /// wLength, the length of the data stage in bytes.
    pub length: u16,
}

impl SetupPacket {
    /// The packet as it goes over the wire, little-endian.
    pub const fn to_bytes(self) -> [u8; 8] {
        let value = self.value.to_le_bytes();
        let index = self.index.to_le_bytes();
        let length = self.length.to_le_bytes();
        [
            self.request_type,
            self.request,
            value[0],
            value[1],
            index[0],
            index[1],
            length[0],
            length[1],
        ]
    }

    /// Whether the data stage, if any, goes from the device to the host.
    pub const fn is_in(self) -> bool {
        self.request_type & 0x80 != 0
    }
}

/// Why a transfer ended without success.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum TransferError {
    /// The endpoint answered STALL. A bulk or interrupt endpoint stays halted until
    /// CLEAR_FEATURE(ENDPOINT_HALT) and [`HostController::reset_toggle`].
    Stall,
    /// Three transaction errors in a row (timeout, CRC, bit stuffing, false EOP).
    Transaction,
    /// The device sent more than was asked for.
    Babble,
    /// The device answered NAK at this poll. Only interrupt IN transfers end this way: no data yet.
    Nak,
    /// No answer within the time allowed; the channel has been taken back.
    Timeout,
    /// The device, or a hub above it, is gone.
    Disconnected,
    /// The controller reported a DMA fault or an impossible state.
    Controller,
    /// No channel, pipe or buffer was free.
    NoResources,
    /// The request can't be carried out: length, alignment or direction is wrong.
    Invalid,
}

/// What to do about a device on the root port that resets of the port did not bring back; each does
/// more than the one before.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Recovery {
    /// Reset of the whole controller.
    Reset,
    /// Power of the controller off and on.
    Power,
}

/// State of the controller's root port.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RootPortState {
    /// Nothing attached.
    Empty,
    /// A device is attached; the port is not enabled (before reset, or after an error).
    Connected,
    /// The port is enabled and carries traffic at this speed.
    Enabled(Speed),
    /// Over-current: power is off.
    OverCurrent,
}

/// Time, as the USB core and the drivers get it from the kernel (or from a test).
#[allow(async_fn_in_trait, reason = "everything runs on one single-threaded executor")]
pub trait Clock {
    /// Time since an arbitrary start.
    fn now(&self) -> Duration;

    /// Returns after at least `duration`.
    async fn sleep(&self, duration: Duration);
}

/// A USB host controller with one root port.
///
/// All methods take `&self`: a controller is shared by the enumeration task and the class drivers
/// on one single-threaded executor and keeps its state in cells. A pipe carries at most one
/// transfer at a time; a second one waits for the first or ends with
/// [`TransferError::NoResources`]. Futures may be dropped at any time: the controller then halts
/// the transfer, and keeps its buffer until the hardware has let go of it. What a transfer that
/// failed or was dropped leaves in a transaction translator is the controller's to clear up.
#[allow(async_fn_in_trait, reason = "everything runs on one single-threaded executor")]
pub trait HostController {
    /// DMA memory of this platform.
    type Buffer: DmaBuffer;
    /// Names an open pipe. The controller holds its data toggle, so that it survives between
    /// transfers (USB 2.0 section 8.6).
    type Pipe;

    /// Opens a pipe; its toggle is DATA0.
    fn open_pipe(&self, config: PipeConfig) -> Result<Self::Pipe, TransferError>;

    /// Closes a pipe after whatever is still in flight on it has been halted. Dropping a pipe, or
    /// this future, closes it as well, without waiting for that.
    async fn close_pipe(&self, pipe: Self::Pipe);

    /// Changes address and EP0 packet size of a control pipe, during enumeration.
    async fn update_control_pipe(&self, pipe: &mut Self::Pipe, config: PipeConfig);

    /// Makes the next data packet of the pipe DATA0 (after SET_CONFIGURATION, SET_INTERFACE or
    /// CLEAR_FEATURE(ENDPOINT_HALT)).
    fn reset_toggle(&self, pipe: &Self::Pipe);

    /// A control transfer on a control pipe, all three stages. `data` is the data stage,
    /// `setup.length` bytes of it at most; returns how many bytes moved.
    async fn control(
        &self,
        pipe: &Self::Pipe,
        setup: SetupPacket,
        data: &mut [u8],
        timeout: Duration,
    ) -> Result<usize, TransferError>;

    /// A bulk or interrupt IN transfer into the window of `buffer`, whose length must be a
    /// multiple of the packet size. Ends at a short packet or when the window is full. The
    /// result's length is what arrived; the window keeps its length. Without `timeout` a bulk
    /// transfer waits for ever; an interrupt transfer is one poll, and ends with
    /// [`TransferError::Nak`] when there is nothing.
    async fn transfer_in(
        &self,
        pipe: &Self::Pipe,
        buffer: Self::Buffer,
        timeout: Option<Duration>,
    ) -> (Self::Buffer, Result<usize, TransferError>);

    /// Bulk IN transfers one after another, for as long as they end well, with the buffers of
    /// `intake`. A controller that can has several of them in hand, so that the endpoint never waits
    /// for a task. Ends with the error of the transfer that failed, after everything that came before
    /// it was handed over, or with [`TransferError::NoResources`] when `intake` had no buffer and
    /// none was in use. When the future is dropped what had not been handed over is lost.
    async fn receive(
        &self,
        pipe: &Self::Pipe,
        intake: &impl Intake<Buffer = Self::Buffer>,
    ) -> TransferError
    where
        Self: Sized,
    {
        one_by_one(self, pipe, intake).await
    }

    /// A bulk or interrupt OUT transfer of the window of `buffer`. `zero_length_packet` asks for
    /// a closing zero-length packet when the length is a multiple of the packet size.
    async fn transfer_out(
        &self,
        pipe: &Self::Pipe,
        buffer: Self::Buffer,
        zero_length_packet: bool,
        timeout: Duration,
    ) -> (Self::Buffer, Result<usize, TransferError>);

    /// The root port now.
    fn root_port(&self) -> RootPortState;

    /// Returns when the root port's state may have changed since the last call.
    async fn root_port_changed(&self);

    /// Resets the device on the root port (USB 2.0 section 7.1.7.5), keeping every timing of the
    /// standard, and returns its speed.
    async fn reset_root_port(&self) -> Result<Speed, TransferError>;

    /// Resets or power-cycles the controller. Every transfer ends with
    /// [`TransferError::Disconnected`], and the root port is not enabled afterwards. Ends with
    /// [`TransferError::Controller`] when the controller is not usable afterwards.
    async fn recover(&self, recovery: Recovery) -> Result<(), TransferError>;

    /// Must be called before a hub port is reset or disabled and before SET_ADDRESS: makes sure
    /// that no channel still refers to a device that is about to vanish under `device`'s address.
    /// (QEMU's model aborts otherwise; on hardware there is nothing to do.)
    async fn quiesce(&self);
}
