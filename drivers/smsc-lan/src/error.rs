//! Why a chip could not be brought up or asked.

use core::fmt;
use usb_core::host::TransferError;

/// Why a chip could not be brought up or asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Error {
    /// A register could not be read or written.
    Transfer(TransferError),
    /// A register's answer had not four bytes; how many it had.
    Short(usize),
    /// A bit did not clear in time; the register's address.
    Stuck(u16),
    /// ID_REV names another chip than the device's number; its contents.
    Identity(u32),
}

impl From<TransferError> for Error {
    fn from(error: TransferError) -> Self {
        Self::Transfer(error)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Transfer(error) => write!(f, "register access failed: {error:?}"),
            Self::Short(length) => write!(f, "register of {length} bytes"),
            Self::Stuck(register) => write!(f, "register {register:#05x} does not get ready"),
            Self::Identity(value) => write!(f, "unknown chip {value:#010x}"),
        }
    }
}
