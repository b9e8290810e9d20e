//! CDC Network Control Model (NCM 1.0): several frames in one NCM transfer block (NTB).
//!
//! Only the 16-bit format is spoken, which every device has, and blocks without CRC.

mod assembly;
mod bundle;
mod ntb;
mod parameters;
mod request;
mod start;

pub use assembly::Assembly;
pub use bundle::{Bundle, Layout};
pub use ntb::{Datagrams, Header, NtbError};
pub use parameters::NtbParameters;
