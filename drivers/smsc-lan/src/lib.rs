//! SMSC's (now Microchip's) Ethernet controllers that speak their own protocol over USB: the
//! LAN95xx family with 100 Mbit/s, of which the Raspberry Pi 3B has a LAN9514, and the LAN78xx
//! family with 1000 Mbit/s, of which the 3B+ has a LAN7515.
//!
//! A chip is a set of registers behind two vendor requests, an Ethernet PHY behind two of them,
//! and a pair of bulk pipes on which frames come and go with a few words in front. This crate
//! brings the chip up, watches its PHY and knows those words; moving frames is the business of the
//! adapter's driver (crate `cdc-ecm`), which is the same for every protocol.
//!
//! Read first: Microchip's databooks of the LAN9514 (chapters 5 and 6) and LAN7800, and clauses 22
//! and 28 of IEEE 802.3 for the PHY. Not here: checksum offloading, wake-up, pause frames and
//! writing the EEPROM.
#![no_std]
#![forbid(unsafe_code)]

#[cfg(test)]
extern crate std;

mod chip;
mod error;
mod frame;
mod lan78xx;
mod lan95xx;
mod phy;
mod registers;

pub use chip::{Chip, Model, Receiver, Started};
pub use error::Error;
pub use frame::{COMMAND, RECEIVE_PREFIX, Received, command, received, received_length};
