//! What a pipe is: a device address, an endpoint and how to reach them.

use core::fmt;

/// A device's bus address, 0 (default state) to 127 (USB 2.0 section 9.4.6).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct DeviceAddress(u8);

impl DeviceAddress {
    /// The address every device answers to after a reset.
    pub const DEFAULT: Self = Self(0);

    /// An address, if it is in 0..=127.
    pub const fn new(address: u8) -> Option<Self> {
        if address < 128 { Some(Self(address)) } else { None }
    }

    /// The number, 0..=127.
    pub const fn get(self) -> u8 {
        self.0
    }
}

impl fmt::Display for DeviceAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// An endpoint number, 0..=15 (USB 2.0 section 9.6.6).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct EndpointNumber(u8);

impl EndpointNumber {
    /// The default control endpoint.
    pub const ZERO: Self = Self(0);

    /// A number, if it is in 0..=15.
    pub const fn new(number: u8) -> Option<Self> {
        if number < 16 { Some(Self(number)) } else { None }
    }

    /// The number, 0..=15.
    pub const fn get(self) -> u8 {
        self.0
    }
}

/// A hub port, counted from 1 (USB 2.0 section 11.11).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct PortNumber(u8);

impl PortNumber {
    /// Port 1.
    pub const FIRST: Self = Self(1);

    /// A port, unless `number` is 0 or above 127 (the range of the split transaction's field).
    pub const fn new(number: u8) -> Option<Self> {
        if number >= 1 && number < 128 { Some(Self(number)) } else { None }
    }

    /// The number, 1..=127.
    pub const fn get(self) -> u8 {
        self.0
    }
}

impl fmt::Display for PortNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Direction of data, from the host's point of view.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Direction {
    /// Host to device.
    Out,
    /// Device to host.
    In,
}

/// Signalling speed of a device (USB 2.0 section 7.1).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Speed {
    /// 1.5 Mbit/s.
    Low,
    /// 12 Mbit/s.
    Full,
    /// 480 Mbit/s.
    High,
}

/// The four transfer types (USB 2.0 section 4.7); isochronous is not supported by this stack.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum TransferType {
    /// SETUP, optional data, status.
    Control,
    /// Reliable, no timing.
    Bulk,
    /// Reliable, polled at an interval.
    Interrupt,
}

/// The high-speed hub port whose transaction translator serves a full- or low-speed device
/// (USB 2.0 section 11.14).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct TransactionTranslator {
    /// Address of the nearest high-speed hub upstream.
    pub hub: DeviceAddress,
    /// The port of that hub under which the device sits.
    pub port: PortNumber,
    /// The hub has a translator for each port and is in the setting that uses them; otherwise one
    /// serves all ports (section 11.14.1.3).
    pub multi: bool,
}

impl TransactionTranslator {
    /// The TT_Port of hub requests that mean this translator: 1 where there is only one
    /// (section 11.24.2.3).
    pub const fn request_port(&self) -> PortNumber {
        if self.multi { self.port } else { PortNumber::FIRST }
    }
}

/// Everything a host controller must know to talk to one endpoint.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PipeConfig {
    /// Address of the device.
    pub device: DeviceAddress,
    /// Speed of the device.
    pub speed: Speed,
    /// Present when the device is slower than the hub chain above it.
    pub translator: Option<TransactionTranslator>,
    /// Endpoint number.
    pub endpoint: EndpointNumber,
    /// Direction; a control pipe moves both ways and says [`Direction::Out`].
    pub direction: Direction,
    /// Transfer type.
    pub transfer_type: TransferType,
    /// wMaxPacketSize in bytes, bits 10:0, at least 1.
    pub max_packet_size: u16,
    /// Polling interval of an interrupt endpoint in microframes (high speed) or milliseconds;
    /// 0 for other types.
    pub interval: u16,
}
