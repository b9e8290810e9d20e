//! Why an adapter stopped working.

use crate::rndis::MessageError;
use core::fmt;
use usb_core::class::DriverEnd;
use usb_core::host::TransferError;

/// What was being done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Step {
    /// SET_INTERFACE of the data interface.
    SelectSetting,
    /// Opening a pipe.
    OpenPipe,
    /// Settling how NCM blocks look.
    NtbParameters,
    /// An RNDIS command or its answer.
    RndisCommand,
    /// Receiving frames.
    Receive,
    /// Sending frames.
    Transmit,
}

/// Why an adapter stopped working.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Error {
    /// The device is gone.
    Disconnected,
    /// Transfers failed beyond recovery.
    Transfer(Step, TransferError),
    /// No packet buffer was free when one was needed to start.
    NoBuffer,
    /// The device's answer to an RNDIS command makes no sense.
    Malformed(MessageError),
    /// The device's answer to GET_NTB_PARAMETERS is too short (NCM).
    NtbParameters,
    /// The device did not answer an RNDIS command.
    NoAnswer,
    /// The device refused an RNDIS command; the status.
    Refused(u32),
    /// A chip could not be brought up or asked.
    Chip(smsc_lan::Error),
    /// Its largest transfer cannot carry an IPv6 packet of 1280 octets; the size in bytes.
    TransferSize(u32),
}

impl Error {
    /// What the bus should do with the device.
    pub const fn end(self) -> DriverEnd {
        match self {
            // Trying again would not make transfers larger.
            Self::Disconnected | Self::TransferSize(_) => DriverEnd::Done,
            Self::Transfer(..)
            | Self::NoBuffer
            | Self::Malformed(_)
            | Self::NtbParameters
            | Self::NoAnswer
            | Self::Chip(_)
            | Self::Refused(_) => DriverEnd::Restart,
        }
    }
}

impl Error {
    /// Whether the device does not keep to the protocol it announces, so that another one that it
    /// speaks is worth a try.
    pub const fn is_of_protocol(self) -> bool {
        match self {
            Self::TransferSize(_)
            | Self::Malformed(_)
            | Self::NtbParameters
            | Self::NoAnswer
            | Self::Refused(_)
            | Self::Transfer(Step::NtbParameters | Step::RndisCommand, TransferError::Stall) => {
                true
            }
            Self::Disconnected | Self::Transfer(..) | Self::NoBuffer | Self::Chip(_) => false,
        }
    }
}

impl From<smsc_lan::Error> for Error {
    fn from(error: smsc_lan::Error) -> Self {
        match error {
            smsc_lan::Error::Transfer(TransferError::Disconnected) => Self::Disconnected,
            other => Self::Chip(other),
        }
    }
}

impl From<MessageError> for Error {
    fn from(error: MessageError) -> Self {
        Self::Malformed(error)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Disconnected => f.write_str("disconnected"),
            Self::Transfer(step, error) => {
                let step = match step {
                    Step::SelectSetting => "selecting the data interface",
                    Step::OpenPipe => "opening a pipe",
                    Step::NtbParameters => "settling the format of blocks",
                    Step::RndisCommand => "an RNDIS command",
                    Step::Receive => "receiving",
                    Step::Transmit => "sending",
                };
                write!(f, "{step} failed: {error:?}")
            }
            Self::NoBuffer => f.write_str("no packet buffer to start with"),
            Self::Malformed(error) => write!(f, "malformed RNDIS answer: {error}"),
            Self::NtbParameters => f.write_str("answer to GET_NTB_PARAMETERS is too short"),
            Self::NoAnswer => f.write_str("no answer to an RNDIS command"),
            Self::Refused(status) => write!(f, "RNDIS command refused with status {status:#010x}"),
            Self::Chip(error) => error.fmt(f),
            Self::TransferSize(size) => write!(f, "transfers of {size} bytes are too small"),
        }
    }
}
